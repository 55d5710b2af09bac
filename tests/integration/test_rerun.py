"""A run once more, from its record: the same result, or what is not the same; and what must not happen meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from snapshot.record import labels
from snapshot.record.labels import Origin
from snapshot.record.store import Store
from tests.integration.scenario import Gate, Project, wait_for

TRAIN = """
    import json, os, sys
    total = sum(float(line) for name in sorted(os.listdir("data")) for line in open("data/" + name))
    os.makedirs("out", exist_ok=True)
    json.dump({"total": total, "rate": sys.argv[1], "seed": os.environ["SEED"]}, open("out/metrics.json", "w"))
    open("out/weights.bin", "wb").write(bytes(range(100)))
    print("trained")
"""


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run with data in the project, an argument and an environment; the project has changed since."""
    project = Project(tmp_path_factory.mktemp("rerun") / "project", engine)
    project.write(".gitignore", "data/\n")
    project.write("data/a.txt", "1\n2\n")
    project.script(TRAIN)
    done = project.snap("run", "-e", "SEED=7", "--name", "first", "train.py", "0.1")
    assert done.returncode == 0, done.stderr
    project.script("raise SystemExit('this is not what ran')")
    return project


def verdict(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_result_is_the_same_and_the_project_is_left_alone(project: Project) -> None:
    before = {name: (project.path / name).read_bytes() for name in project.files()}
    done = project.snap("rerun", "first", "--json")
    assert done.returncode == 0, done.stderr
    found = verdict(done)
    assert found["verdict"] == "identical"
    assert [(o["path"], o["verdict"]) for o in found["outputs"]] == [
        ("out/metrics.json", "identical"),
        ("out/weights.bin", "identical"),
    ]
    assert found["differences"] == []
    assert "trained" in done.stderr
    assert {name: (project.path / name).read_bytes() for name in project.files()} == before
    first, second = project.record("first"), project.record(found["second"])
    assert second["rerun"] == first["id"] == found["first"]
    same = ("command", "request", "parameters", "outputs")
    kept = [{**o, "kept_because": None} for o in second["outputs"]]
    assert {**second, "outputs": kept}.items() >= {key: first[key] for key in same}.items()
    assert [second["data"][0][key] for key in ("path", "digest")] == [first["data"][0][k] for k in ("path", "digest")]
    assert second["code"]["digest"] == first["code"]["digest"]
    stored = project.path / ".snap/runs" / found["second"] / "verdict.json"
    assert json.loads(stored.read_text()) == found
    assert "identical" in project.snap("show", found["second"]).stdout
    assert project.snap("fsck").returncode == 0


def test_other_data_stop_it_by_name_and_can_be_allowed(project: Project, tmp_path: Path) -> None:
    (project.path / "data/a.txt").write_text("1\n3\n")
    runs = len(project.snap("ls", "--json").stdout)
    try:
        stopped = project.snap("rerun", "first")
        assert stopped.returncode == 1
        assert "the data `data` are not what the run had: `a.txt` changed" in stopped.stderr
        assert len(project.snap("ls", "--json").stdout) == runs
        allowed = project.snap("rerun", "first", "--allow-different-data", "--json")
        found = verdict(allowed)
        assert (allowed.returncode, found["verdict"]) == (1, "different")
        assert "data data" in [difference["what"] for difference in found["differences"]]
        assert any("`a.txt` changed" in note for note in found["notes"])
        # The same data elsewhere are the same data.
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "a.txt").write_text("1\n2\n")
        moved = project.snap("rerun", "first", "--data", f"data={elsewhere}", "--json")
        assert moved.returncode == 0, moved.stderr
        assert project.record(verdict(moved)["second"])["data"][0]["at"] == str(elsewhere)
        assert [path.name for path in elsewhere.iterdir()] == ["a.txt"]
    finally:
        (project.path / "data/a.txt").write_text("1\n2\n")


def test_the_code_of_now_on_the_platform_of_then(project: Project) -> None:
    project.script(TRAIN.replace("total,", "total + 1,"))
    done = project.snap("rerun", "first", "--edit", "--json")
    found = verdict(done)
    assert (done.returncode, found["verdict"]) == (1, "different")
    assert [o["path"] for o in found["outputs"] if o["verdict"] == "different"] == ["out/metrics.json"]
    assert "code" in [difference["what"] for difference in found["differences"]]
    assert '"total": 3.0' in project.read("out/metrics.json")


def test_what_came_from_elsewhere_gets_no_network_and_no_folder_unasked(engine, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / "x").write_text("1")
    project = Project(tmp_path / "project", engine)
    project.script("import json, os; json.dump(sorted(os.listdir('/sys/class/net')), open('net.json', 'w'))")
    assert project.snap("run", "--data", str(outer), "train.py").returncode == 0
    run = project.record()["id"]
    assert json.loads(project.read("net.json")) != ["lo"]
    labels.set_origin(Store(project.path), run, Origin(reference="somewhere/x:1", time="2026-01-01T00:00:00Z"))

    refused = project.snap("rerun", run)
    assert refused.returncode == 2
    assert f"say where they are here: `--data {outer}=/path/to/them`" in refused.stderr
    done = project.snap("rerun", run, "--data", f"outer={outer}", "--json")
    assert "code that was not made here, taken in from somewhere/x:1; network: none" in done.stderr
    second = project.path / ".snap/runs" / verdict(done)["second"]
    assert json.loads((second / "outputs/net.json").read_text()) == ["lo"]
    assert "network" in [difference["what"] for difference in verdict(done)["differences"]]


@pytest.fixture
def waiting(engine, gate: Gate, tmp_path: Path) -> tuple[Project, str]:
    """A run, and its ID, whose reruns wait at the gate."""
    project = Project(tmp_path / "project", engine)
    project.script(f"import os, time\nopen('out.txt', 'w').write('x')\n{gate.wait}")
    gate.open()
    assert project.snap("run", *gate.options, "train.py").returncode == 0
    first = project.record()["id"]
    gate.place.unlink()
    return project, first


def test_an_interrupt_ends_all_repeats_and_is_no_verdict(waiting: tuple[Project, str]) -> None:
    project, first = waiting
    going = project.start("rerun", first, "--allow-different-data", "--repeat", "3")
    runs = project.path / ".snap/runs"
    wait_for(lambda: len(list(runs.glob("*/outputs/out.txt"))) == 2)
    going.send_signal(signal.SIGINT)
    printed, said = going.communicate(timeout=60)
    assert (going.returncode, printed) == (130, "")
    assert said.endswith("error: interrupted\n") and "rerun 2 of 3" not in said
    assert len(list(runs.iterdir())) == 2
    assert list(runs.glob("*/verdict.json")) == []
    assert project.containers() == []


def test_a_rerun_whose_snap_was_killed_is_finished_and_judged_by_the_next_command(
    waiting: tuple[Project, str], gate: Gate
) -> None:
    project, first = waiting
    going = project.start("rerun", first, "--allow-different-data")
    # It trains: a container that is only made, or that of another test, is not enough.
    wait_for(lambda: len(list((project.path / ".snap/runs").glob("*/outputs/out.txt"))) == 2)
    going.send_signal(signal.SIGKILL)
    going.wait()
    gate.open()
    wait_for(
        lambda: not project.docker("ps", "-q", "--filter", f"label=org.snapshot-ml.run.store={project.path}/.snap")
    )
    assert f"repeated run {first}: identical" in project.snap("ls").stderr
    assert f"run {first}: identical" in project.snap("show", "latest").stdout
    assert project.containers() == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nothing"], "there is no run `nothing`"),
        (["first", "--data", "data"], "is not `NAME=PATH`"),
        (["first", "--data", "dat=/tmp"], "had no data `dat`"),
        (["first", "--data", "data=/nowhere"], "`/nowhere` of `--data` does not exist"),
        (["first", "--data", "data=train.py"], "is no folder, as the run had"),
        (["first", "--repeat", "0"], "--repeat"),
    ],
)
def test_bad_input(project: Project, options: list[str], says: str) -> None:
    done = project.snap("rerun", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
