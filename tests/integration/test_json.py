"""`--json`: one document on stdout and nothing else, whatever runs are called and wrote; errors on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.scenario import Project
from tests.unit.test_docs import EVERY, command_of, options_of, spelled

EVIL = "\x1b]0;x\x07\x1b[2J\r\n"
TRAIN = """
    import json, sys
    name = sys.argv[2].replace("/", "")
    open("model.pt", "w").write(sys.argv[1])
    open(name, "w").write("x")
    json.dump({name: float(sys.argv[1])}, open("metrics.json", "w"))
    print(sys.argv[2])
"""
CASES = {
    "ls": (),
    "show": ("first",),
    "logs": ("first",),
    "log": (),
    "which": ("model.pt", "train.py"),
    "diff": ("first", "second"),
    "data ls": ("first",),
    "data status": (),
    "data diff": ("first", "second"),
    "data verify": ("first",),
    "rerun": ("first",),
    "noise": ("first", "--repeat", "2", "--no-causes"),
    "bisect": ("first", "second", "--budget", "1"),
    "verify": ("first",),
    "fsck": (),
    "doctor": (),
}


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two runs that differ, with names that are nothing but control characters."""
    project = Project(tmp_path_factory.mktemp("json") / "project", engine)
    project.script(TRAIN)
    project.write("snap.toml", 'data = ["data"]\n')
    project.write(f"data/{EVIL.replace('/', '')}.bin", "x")
    for number, name in enumerate(("first", "second")):
        done = project.snap("run", "--name", name, "train.py", str(number), EVIL)
        assert done.returncode == 0, done.stderr
    return project


def test_no_command_is_forgotten() -> None:
    assert {name for name in EVERY if "--json" in spelled(options_of(command_of(name)))} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_stdout_is_one_document(project: Project, name: str) -> None:
    done = project.snap(*name.split(), *CASES[name], "--json", env={"FORCE_COLOR": "1"})
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout) is not None
    assert not any(sign in done.stdout for sign in "\x1b\x07\r\x9b")
    assert not any(sign in done.stderr for sign in "\x1b\x07\r\x9b") or name in ("rerun", "noise")


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][:1] == ("first",)])
def test_an_error_leaves_stdout_empty(project: Project, name: str) -> None:
    done = project.snap(*name.split(), "nobody", *CASES[name][1:], "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: there is no run `nobody`" in done.stderr


def test_a_registry_is_listed_as_one_document(project: Project, registry: str) -> None:
    assert project.snap("push", "first", f"{registry}/json/evil").returncode == 0
    (run,) = json.loads(project.snap("ls", f"{registry}/json/evil", "--json").stdout)
    assert run["annotations"]
    assert json.loads(project.snap("ls", f"{registry}/json/none", "--json").stdout or "[]") == []


def test_a_log_that_is_no_text_is_a_document_all_the_same(project: Project) -> None:
    (Path(project.path) / ".snap/runs" / project.record("first")["id"] / "log").write_bytes(b'\xff\x1b"\\\n' * 300_000)
    found = json.loads(project.snap("logs", "first", "--json").stdout)
    assert found["log"] == '\ufffd\x1b"\\\n' * 300_000
