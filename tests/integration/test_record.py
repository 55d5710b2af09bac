"""What made a result: data, edits meanwhile, earlier outputs, what was read; as a user types it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Gate, Project, wait_for


@pytest.fixture
def project(tmp_path: Path, engine: dict[str, str]) -> Project:
    made = Project(tmp_path / "project", engine)
    made.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return made


def waiting(gate: Gate) -> str:
    """A training that says that it runs, and waits."""
    return f"""
        import os, time
        open("ready", "w").close()
        {gate.wait}
    """


def ok(project: Project, *arguments: str) -> str:
    done = project.snap(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


def data_of(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {data["path"]: data for data in record["data"]}


def manifest_digest(files: dict[str, bytes]) -> str:
    lines = [b"%s %d %s\0" % (hashlib.sha256(files[name]).hexdigest().encode(), len(files[name]), name.encode())
             for name in sorted(files)]  # fmt: skip
    return "sha256:" + hashlib.sha256(b"snap.data/1\n" + b"".join(lines)).hexdigest()


def test_every_kind_of_data_has_its_digest(project: Project, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.npy").write_bytes(b"a")
    (tmp_path / "named.csv").write_bytes(b"1,2\n")
    project.write(".gitignore", "images/\nbig.bin\n")
    project.write("images/x/1.png", "one")
    project.write("images/2.png", "two")
    project.write("big.bin", "large")
    project.script("pass")
    ok(project, "run", "--data", str(outside), "train.py", "--csv", "../named.csv")
    found = data_of(project.record())
    assert {path: (data["digest"], data["files"], data["bytes"]) for path, data in found.items()} == {
        "images": (manifest_digest({"2.png": b"two", "x/1.png": b"one"}), 2, 6),
        "big.bin": ("sha256:" + hashlib.sha256(b"large").hexdigest(), 1, 5),
        str(outside): (manifest_digest({"a.npy": b"a"}), 1, 1),
        str(tmp_path / "named.csv"): ("sha256:" + hashlib.sha256(b"1,2\n").hexdigest(), 1, 4),
    }
    assert {data["identified"] for data in found.values()} == {"content"}
    assert {tuple(data["edits"]) for data in found.values()} == {()}


def test_data_files_need_not_be_read_again_though_each_run_links_them(project: Project):
    project.write(".gitignore", "big.bin\n")
    project.write("big.bin", "large")
    project.script("pass")
    time.sleep(2.1)  # what was just written is read again: it may change within the same tick of the clock
    ok(project, "run", "train.py")
    ok(project, "run", "train.py")
    for _ in range(2):
        # What it does not know it reads, and says so.
        assert "reading" not in ok(project, "data", "status", "big.bin")


def test_a_file_of_more_than_4_gib_full_of_holes(project: Project, tmp_path: Path):
    with (tmp_path / "large.bin").open("wb") as file:
        file.seek(1 << 32)
        file.write(b"end")
    project.script("pass")
    ok(project, "run", "train.py", "../large.bin")
    (data,) = project.record()["data"]
    # `(head -c 4G /dev/zero; printf end) | sha256sum`
    assert data["digest"] == "sha256:318e01702cd7413290bc5004d33f5a0bc296ca51e70ed23a0c41922589640900"
    assert data["bytes"] == (1 << 32) + 3


def test_what_changes_in_the_data_while_it_runs_is_named(project: Project, gate: Gate):
    project.write(".gitignore", "images/\n")
    for name in ("kept", "changed", "removed"):
        project.write(f"images/{name}.png", name)
    project.script(waiting(gate))
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/data/*.gz")))
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    before = manifest_digest({f"{name}.png": name.encode() for name in ("kept", "changed", "removed")})
    project.write("images/changed.png", "CHANGED")
    (project.path / "images/removed.png").unlink()
    project.write("images/added.png", "added")
    os.utime(project.path / "images/kept.png")
    gate.open()
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    images = data_of(project.record())["images"]
    assert images["digest"] == before
    assert images["edits"] == [
        {"path": "added.png", "change": "added"},
        {"path": "changed.png", "change": "changed"},
        {"path": "removed.png", "change": "removed"},
    ]
    assert "3 files" in said and "changed.png" in said


def test_code_that_is_edited_while_it_runs_is_named(project: Project, gate: Gate):
    project.script(waiting(gate))
    project.write("part.py", "1")
    project.write("gone.py", "1")
    project.write("touched.py", "1")
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    project.write("part.py", "2")
    project.write("new.py", "2")
    (project.path / "gone.py").unlink()
    os.utime(project.path / "touched.py")
    gate.open()
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert project.record()["code"]["edits"] == [
        {"path": "gone.py", "change": "removed"},
        {"path": "part.py", "change": "changed"},
    ]
    assert "part.py" in said


def test_what_another_run_writes_meanwhile_is_no_edit(project: Project, gate: Gate):
    project.write("state.json", "{}")
    project.script(waiting(gate))
    project.write("other.py", "open('state.json', 'w').write('{\"other\": 1}')")
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    ok(project, "run", "--name", "other", "other.py")
    gate.open()
    assert running.wait(60) == 0
    (waited,) = [run for run in json.loads(project.snap("ls", "--json").stdout) if run["name"] != "other"]
    assert waited["code"]["edits"] == []


def test_what_a_run_leaves_in_the_project_is_no_other_code_for_the_next(project: Project):
    project.script("""
        import os
        os.makedirs("out/deep", exist_ok=True)
        open("out/deep/result.txt", "w").write("1"); open("log.txt", "w").write("done")
    """)
    ok(project, "run", "train.py")
    ok(project, "run", "train.py")
    first, second = project.record("latest~1"), project.record()
    assert second["code"]["leftovers"] == ["log.txt", "out/deep/result.txt"]
    assert second["code"]["own"] == first["code"]["digest"] != second["code"]["digest"]
    assert (project.snap("diff").returncode, first["code"]["own"]) == (0, None)
    project.write("log.txt", "mine now")
    project.write("train.py", project.read("train.py") + "# edited")
    ok(project, "run", "train.py")
    compared = project.snap("diff", "--code", "latest~1", "latest").stdout
    assert [line[4:] for line in compared.splitlines() if line.startswith("+++")] == ["b/log.txt", "b/train.py"]


# --from


def test_from_puts_earlier_outputs_where_they_were_and_the_project_gets_nothing(project: Project):
    project.script("""
        import os
        os.makedirs("out/deep", exist_ok=True)
        open("out/model.pt", "w").write("weights"); open("out/deep/log.txt", "w").write("log")
    """)
    ok(project, "run", "--name", "base", "--no-write-back", "train.py")
    project.script("""
        assert open("out/model.pt").read() == "weights"
        open("out/model.pt", "a").write(" tuned")
        open("seen.txt", "w").write(open("out/deep/log.txt").read())
    """)
    ok(project, "run", "--from", "base", "train.py")
    base, tuned = project.record("base"), project.record()
    assert [(taken["path"], taken["target"]) for taken in tuned["taken"]] == [
        ("out/deep/log.txt", "out/deep/log.txt"),
        ("out/model.pt", "out/model.pt"),
    ]
    assert {(edge["run"], edge["path"], edge["evidence"]) for edge in tuned["parents"]} == {
        (base["id"], "out/model.pt", "from"),
        (base["id"], "out/deep/log.txt", "from"),
    }
    assert project.read("out/model.pt") == "weights tuned"
    assert not (project.path / "out/deep").exists()
    kept = project.path / ".snap/runs" / base["id"] / "outputs/out/model.pt"
    assert kept.read_text() == "weights"
    assert project.snap("fsck").returncode == 0


def test_from_wins_over_code_and_data_and_can_go_elsewhere(project: Project):
    project.write(".gitignore", "data/\n*.pt\n")
    project.write("data/kept.txt", "kept")
    project.write("model.pt", "mine")
    project.write("settings.json", "{}")
    project.write(
        "first.py",
        """
open("model.pt", "w").write("theirs"); open("settings.json", "w").write('{"lr": 1}'); open("index.txt", "w").write("i")
""",
    )
    ok(project, "run", "--no-write-back", "--name", "first", "first.py")
    project.script("""
        read = lambda name: open(name).read()
        assert (read("model.pt"), read("settings.json")) == ("theirs", '{"lr": 1}')
        assert (read("data/index.txt"), read("data/kept.txt")) == ("i", "kept")
        open("data/index.txt", "w").write("more")
    """)
    arguments = [
        "--from",
        "first:model.pt",
        "--from",
        "first:settings.json",
        "--from",
        "first:index.txt=data/index.txt",
    ]
    ok(project, "run", *arguments, "train.py")
    assert project.read("model.pt") == "mine" and project.read("settings.json") == "{}"
    assert project.read("data/index.txt") == "more"
    assert "model.pt" not in data_of(project.record())


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        ("nobody", "there is no run `nobody`"),
        ("first:modle.pt", "has no output `modle.pt`"),
        ("first:model.pt=../model.pt", "can't put a file at `../model.pt`"),
        ("first:model.pt=.git/config", "can't put a file at `.git/config`"),
        ("first:model.pt=/etc/passwd", "can't put a file at `/etc/passwd`"),
        ("first:model.pt=", "names no target"),
    ],
)
def test_what_from_can_not_give_is_refused_before_anything_starts(project: Project, earlier: str, said: str):
    project.write("first.py", "open('model.pt', 'w').write('weights')")
    ok(project, "run", "--name", "first", "first.py")
    done = project.snap("run", "--from", earlier, "first.py")
    assert done.returncode == 125
    assert said in done.stderr and "hint: " in done.stderr
    assert len(list((project.path / ".snap/runs").iterdir())) == 1


def test_from_refuses_an_output_that_is_not_what_it_was(project: Project):
    project.write("first.py", "open('model.pt', 'w').write('weights')")
    ok(project, "run", "--name", "first", "first.py")
    (kept,) = project.path.glob(".snap/runs/*/outputs/model.pt")
    kept.write_text("other")
    done = project.snap("run", "--from", "first", "first.py")
    assert done.returncode == 125
    assert "is not what it was" in done.stderr


# What it read


def test_what_was_read_and_what_was_missing(project: Project, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.npy").write_bytes(b"x")
    project.write(".gitignore", "images/\n")
    project.write("images/1.png", "one")
    project.write("images/2.png", "two")
    project.write("part.py", "VALUE = 1")
    project.write("unused.py", "VALUE = 1")
    project.script(f"""
        import json, part
        open("images/1.png").read()
        open({str(elsewhere / "x.npy")!r})
    """)
    done = project.snap("run", "train.py")
    assert done.returncode == 1
    assert f"add `--data {elsewhere}`" in done.stderr
    record = project.record()
    assert (record["reads"]["project"], record["reads"]["data"]) == (2, 1)
    assert record["reads"]["missing"] == [str(elsewhere / "x.npy")]
    assert project.files() == [".gitignore", "images/1.png", "images/2.png", "part.py", "train.py", "unused.py"]


def test_without_the_trace_nothing_is_noted(project: Project):
    project.script("pass")
    ok(project, "run", "--no-trace", "train.py")
    assert project.record()["reads"] is None
    project.write("snap.toml", "trace = false\n")
    ok(project, "run", "train.py")
    assert project.record()["reads"] is None
    ok(project, "run", "--trace", "train.py")
    assert project.record()["reads"]["project"] == 1


# Metrics


def test_numbers_among_the_outputs_are_metrics_and_arguments_parameters(project: Project):
    project.script("""
        import json, snapshot
        for step in range(3): snapshot.log(step=step, loss=1 / (step + 1))
        json.dump({"accuracy": 0.9, "note": "x"}, open("result.json", "w"))
    """)
    ok(project, "run", "train.py", "--lr", "0.1", "--fast")
    record = project.record()
    metrics = {metric["name"]: (metric["value"], metric["points"]) for metric in record["metrics"]}
    assert metrics == {"accuracy": (0.9, 1), "loss": (pytest.approx(1 / 3), 3)}
    assert record["parameters"] == {"lr": "0.1", "fast": "true"}
    listed = project.snap("ls", "--filter", "accuracy>0.5", "--filter", "lr=0.1", "--columns", "accuracy,lr").stdout
    assert "0.9" in listed and "0.1" in listed


# Nothing is lost


def test_a_run_whose_snap_dies_has_its_data_identified_later(project: Project, gate: Gate):
    project.write(".gitignore", "images/\n")
    project.write("images/1.png", "one")
    project.script(waiting(gate))
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    wait_for(lambda: list(project.path.glob(".snap/runs/*/data.json")))
    running.kill()
    running.wait()
    project.write("images/1.png", "edited")
    gate.open()
    wait_for(lambda: project.record()["status"] == "finished")
    images = data_of(project.record())["images"]
    assert images["files"] == 1
    assert [edit["change"] for edit in images["edits"]] == ["changed"]
    assert project.snap("fsck").returncode == 0


def test_ctrl_c_while_data_are_hashed_gives_up_only_that(project: Project, tmp_path: Path):
    large = tmp_path / "large"
    large.mkdir()
    for number in range(8):
        # Sparse: no disk is needed, and hashing takes its time all the same.
        with (large / f"{number}.bin").open("wb") as file:
            file.truncate(4 << 30)
    project.script("open('out.txt', 'w').write('done')")
    running = subprocess.Popen(
        project.command("run", "--data", str(large), "train.py"),
        cwd=project.path,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    said = ""
    while "identifying" not in said and running.poll() is None:
        said += running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, rest = running.communicate(timeout=60)
    assert running.returncode == 0, said + rest
    record = project.record()
    assert [output["path"] for output in record["outputs"]] == ["out.txt"]
    (data,) = record["data"]
    assert data["digest"] is None
    assert "interrupted" in " ".join(record["notes"])
