"""Nothing is lost: kill -9 of `snap` at many moments, a full disk, an engine that dies."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.scenario import Gate, Project, wait_for

MOMENTS = 24
"""How many moments between nothing and the end of a run are tried; they are spread evenly, each with some jitter."""


@pytest.fixture
def project(tmp_path: Path, engine: dict[str, str]) -> Project:
    return Project(tmp_path / "project", engine)


LATE = """
    import os, time
    open("ready", "w")
    {wait}
    open("late.txt", "w").write("x"); exit(4)
"""
SCRIPT = """
    import json, time
    for step in range(4):
        json.dump(step, open(f"step-{step}.json", "w")); print("step", step, flush=True); time.sleep(0.05)
    open("done.txt", "w").write("all")
"""


def kill_all(running: subprocess.Popen[str], *, children: bool) -> None:
    """kill -9 `snap`; with `children` also the `docker run` that it started."""
    if children:
        found = subprocess.run(
            ["pgrep", "-P", str(running.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        for pid in found:
            os.kill(int(pid), signal.SIGKILL)
    running.kill()
    running.wait()


def settle(project: Project) -> list[dict[str, object]]:
    """Type `snap ls` until no run goes on, and give back the records."""
    deadline = time.monotonic() + 60
    while True:
        done = project.snap("ls", "--json")
        assert done.returncode == 0, done.stderr
        records: list[dict[str, object]] = json.loads(done.stdout)
        active = list((project.path / ".snap/active").glob("*")) if (project.path / ".snap/active").exists() else []
        if not active and all(r["status"] in ("finished", "failed") for r in records):
            return records
        assert time.monotonic() < deadline, (records, active)
        time.sleep(0.1)


def test_kill_9_at_many_moments_loses_nothing(project: Project):
    project.script(SCRIPT)
    project.write(".gitignore", "images/\nweights.bin\n")
    project.write("images/1.png", "one")
    project.write("weights.bin", "1")
    assert project.snap("run", "train.py").returncode == 0
    began = time.monotonic()
    assert project.snap("run", "train.py").returncode == 0
    whole = time.monotonic() - began
    chance = random.Random(20261123)
    finished = 0
    for moment in range(MOMENTS):
        for path in project.path.glob("*.json"):
            path.unlink()
        (project.path / "done.txt").unlink(missing_ok=True)
        before = {r["id"] for r in settle(project)}
        running = project.start("run", "train.py")
        time.sleep(whole * (moment + chance.random()) / MOMENTS)
        kill_all(running, children=moment % 2 == 1)
        records = [r for r in settle(project) if r["id"] not in before]
        assert len(records) <= 1
        assert project.containers() == []
        assert project.volumes() == []
        assert list(project.path.glob(".*.snap-*")) == [], "a half-written file was left behind"
        if not records or records[0]["status"] == "failed":
            assert not (project.path / "done.txt").exists()
            continue
        # The training had begun: it went on without `snap`, and everything of it is there.
        finished += 1
        (record,) = records
        run = project.path / ".snap/runs" / str(record["id"])
        assert record["exit"]["code"] == 0  # type: ignore[index]
        assert {o["path"] for o in record["outputs"]} == {"done.txt", *(f"step-{n}.json" for n in range(4))}  # type: ignore[attr-defined]
        assert (project.path / "done.txt").read_text() == "all"
        assert (run / "log").read_text().splitlines() == [f"step {n}" for n in range(4)]
        assert (run / "outputs/step-3.json").read_text() == "3"
        assert [data["path"] for data in record["data"]] == ["images", "weights.bin"]  # type: ignore[attr-defined]
        assert project.snap("fsck").returncode == 0
    assert project.snap("gc").returncode == 0
    whole_store = project.snap("fsck")
    assert whole_store.returncode == 0, whole_store.stdout
    assert finished >= MOMENTS // 4, "the moments missed the training"


def test_a_run_whose_snap_died_is_seen_to_go_on_and_then_to_end(project: Project, gate: Gate):
    project.script(LATE.format(wait=gate.wait))
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    kill_all(running, children=True)
    (record,) = json.loads(project.snap("ls", "--json").stdout)
    assert record["status"] == "running"
    gate.open()
    (final,) = settle(project)
    assert final["exit"]["code"] == 4  # type: ignore[index]
    assert project.read("late.txt") == "x"
    assert any("died" in note for note in final["notes"])  # type: ignore[attr-defined]


def test_two_commands_at_once_finish_an_abandoned_run_once(project: Project, gate: Gate):
    project.script(LATE.format(wait=gate.wait))
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    kill_all(running, children=True)
    gate.open()
    (container,) = project.containers()
    wait_for(lambda: project.docker("inspect", "-f", "{{.State.Status}}", container) == ["exited"])
    several = [project.start("ls") for _ in range(4)]
    said = [run.communicate(timeout=60)[1] for run in several]
    assert [run.returncode for run in several] == [0] * 4
    assert sum("its record is finished now" in text for text in said) == 1
    assert project.read("late.txt") == "x"


def test_a_container_that_somebody_removed_leaves_its_outputs(project: Project):
    project.script("import time; open('half.txt', 'w').write('x'); open('ready', 'w'); time.sleep(60)")
    running = project.start("run", "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    wait_for(lambda: project.record()["status"] == "running")
    kill_all(running, children=True)
    project.docker("rm", "-f", *project.containers())
    (final,) = settle(project)
    assert final["exit"]["code"] is None  # type: ignore[index]
    kept = project.path / ".snap/runs" / str(final["id"]) / "outputs/half.txt"
    assert kept.read_text() == "x"


def test_a_full_disk_in_the_end_is_said_and_finished_when_there_is_room(tmp_path: Path, engine: dict[str, str]):
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    image = tmp_path / "disk.img"
    subprocess.run(["truncate", "-s", "40M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        project = Project(place / "project", engine)
        project.script("open('model.bin', 'wb').write(bytes(12_000_000)); open('small.txt', 'w').write('x')")
        (place / "ballast").write_bytes(bytes(14_000_000))
        done = project.snap("run", "train.py")
        assert done.returncode == 125, done.stderr
        assert "error: no space left on the disk" in done.stderr
        assert "hint: free some" in done.stderr
        (kept,) = project.path.glob(".snap/runs/*/outputs/model.bin")
        assert kept.stat().st_size == 12_000_000
        assert not list(project.path.glob(".*snap-*"))
        listing = project.snap("ls")
        assert listing.returncode == 0
        assert "can't be finished yet" in listing.stderr
        (place / "ballast").unlink()
        (final,) = settle(project)
        assert final["exit"]["code"] == 0  # type: ignore[index]
        assert (project.path / "model.bin").stat().st_size == 12_000_000
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_an_engine_that_dies_in_mid_run(tmp_path: Path, command, twin: str, engine_environment):
    env = engine_environment(twin)
    project = Project(tmp_path / "project", env)
    project.script("import time; open('half.txt', 'w').write('x'); open('ready', 'w'); time.sleep(120)")
    running = project.start("run", "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")), 120)
    wait_for(lambda: project.record()["status"] == "running")
    home = Path(env["DOCKER_HOST"].removeprefix("unix://")).parent
    os.kill(int((home / "pid").read_text()), signal.SIGKILL)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 125
    assert "error: no Docker engine answers" in stderr
    listing = project.snap("ls")
    assert listing.returncode == 0
    assert "can't be finished yet" in listing.stderr
    command("scripts/engine", "start", twin)
    wait_for(lambda: "ok" not in project.snap("ls").stdout and settle(project), 60)
    (final,) = settle(project)
    kept = project.path / ".snap/runs" / str(final["id"]) / "outputs/half.txt"
    assert kept.read_text() == "x"
    assert final["exit"]["code"] != 0  # type: ignore[index]


def test_a_reader_that_leaves_does_not_end_the_training(project: Project):
    project.script("""
        import time
        for step in range(8):
            print("step", step, flush=True); time.sleep(0.2)
        open("final.txt", "w").write("x")
    """)
    line = f"{' '.join(project.command('run', 'train.py'))} | head -n 1"
    done = subprocess.run(
        ["sh", "-c", line], cwd=project.path, env=project.env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "step 0\n"
    (record,) = settle(project)
    assert record["exit"]["code"] is not None  # type: ignore[index]
    assert (project.path / "final.txt").exists() == (record["exit"]["code"] == 0)  # type: ignore[index]
    assert project.read("final.txt") == "x"


def test_killing_docker_run_alone_leaves_the_training_and_its_record(project: Project, gate: Gate):
    project.script(LATE.format(wait=gate.wait))
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    subprocess.run(["pkill", "-9", "-P", str(running.pid)], check=True)
    gate.open()
    assert running.wait(30) == 4
    assert project.read("late.txt") == "x"


def test_hang_up_is_ignored_under_nohup_and_else_leaves_the_training(project: Project):
    project.script("import time; open('ready', 'w'); time.sleep(1.2); open('late.txt', 'w').write('x')")
    nohup = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *project.command("run", "train.py")]
    running = subprocess.Popen(
        nohup, cwd=project.path, env=project.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    running.send_signal(signal.SIGHUP)
    assert running.wait(30) == 0
    (project.path / "late.txt").unlink()
    running = project.start("run", "train.py")
    wait_for(lambda: len(list(project.path.glob(".snap/runs/*/outputs/ready"))) == 2)
    running.send_signal(signal.SIGHUP)
    running.wait(30)
    settle(project)
    assert project.read("late.txt") == "x"


def test_a_store_that_lost_its_list_of_unfinished_runs_still_works(project: Project):
    project.script("import time; open('ready', 'w'); time.sleep(60)")
    running = project.start("run", "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    kill_all(running, children=True)
    subprocess.run(["rm", "-r", project.path / ".snap/active"], check=True)
    project.script("print('next')")
    assert project.snap("run", "train.py").stdout == "next\n"
    assert project.snap("rm", "--force", "latest~1").returncode == 0
    assert project.containers() == []
    assert len(json.loads(project.snap("ls", "--json").stdout)) == 1
