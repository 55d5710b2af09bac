"""`snap diff` as a user types it, between real runs that differ in one thing each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Project

SCRIPT = """\
import json, os, sys
factor = 1
loss = factor / (1 + float(sys.argv[2])) + float(os.environ.get("SEED", 0))
json.dump({"loss": loss}, open("metrics.json", "w"))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, engine: dict[str, str]) -> Project:
    """A project whose runs are named after what differs from `base`."""
    made = Project(tmp_path_factory.mktemp("diff") / "project", engine)
    made.write("train.py", SCRIPT)
    made.write(".gitignore", "metrics.json\n")
    run(made, "base", "train.py", "--lr", "1")
    run(made, "again", "train.py", "--lr", "1")
    run(made, "argument", "train.py", "--lr", "3")
    run(made, "environment", "--env", "SEED=1", "train.py", "--lr", "1")
    made.write("train.py", SCRIPT.replace("factor = 1", "factor = 2"))
    made.write("new.sh", "#!/bin/sh\n")
    (made.path / "new.sh").chmod(0o755)
    run(made, "code", "train.py", "--lr", "1")
    return made


def run(project: Project, name: str, *arguments: str) -> None:
    (project.path / "metrics.json").unlink(missing_ok=True)
    done = project.snap("run", "--name", name, *arguments)
    assert done.returncode == 0, done.stderr


def difference(project: Project, *arguments: str) -> dict[str, Any]:
    done = project.snap("diff", "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["same"] == (done.returncode == 0)
    return found


def changed(found: dict[str, Any]) -> dict[str, list[tuple[str, str | None, str | None]]]:
    """What differs by section, but for the outputs, which all of it changes."""
    return {
        s["name"]: [(c["name"], c["old"], c["new"]) for c in s["changes"]]
        for s in found["sections"]
        if s["name"] != "outputs"
    }


def test_the_same_once_more_is_the_same(project: Project):
    done = project.snap("diff", "base", "again")
    assert done.returncode == 0, done.stdout
    assert "\nnothing differs\n" in done.stdout
    assert "equal: command, 1 argument, base, Python" in done.stdout


def test_each_thing_that_differs_is_told_and_nothing_else(project: Project):
    assert changed(difference(project, "base", "argument")) == {"arguments": [("lr", "1", "3")]}
    assert changed(difference(project, "environment", "base")) == {"environment": [("SEED", "1", None)]}
    found = difference(project, "base")
    assert changed(found) == {}
    assert [(c["path"], c["old"] is None) for c in found["code"]] == [("new.sh", True), ("train.py", False)]
    (outputs,) = found["sections"]
    assert [change["name"] for change in outputs["changes"]] == ["metrics.json"]


def test_the_page_shows_what_was_edited(project: Project):
    done = project.snap("diff", "base", "code")
    assert done.returncode == 1
    assert "\n  changed  train.py  +1     -1\n" in done.stdout
    assert "\n  -factor = 1\n  +factor = 2\n" in done.stdout
    assert "factor" not in project.snap("diff", "--stat", "base", "code").stdout


def test_the_patch_makes_the_code_of_one_run_that_of_the_other(project: Project, tmp_path: Path):
    (tmp_path / "train.py").write_text(SCRIPT)
    done = project.snap("diff", "--code", "base", "code")
    assert done.returncode == 1
    program = ["patch", "-p1"] if shutil.which("patch") else ["git", "apply"]
    subprocess.run(program, cwd=tmp_path, input=done.stdout, text=True, check=True, capture_output=True)
    assert (tmp_path / "train.py").read_text() == project.read("train.py")
    assert os.access(tmp_path / "new.sh", os.X_OK)
    again = project.snap("diff", "--code", "base", "argument")
    assert (again.returncode, again.stdout) == (0, "")


def test_a_store_that_lost_code_or_a_lock_still_tells_the_rest(project: Project, tmp_path: Path):
    copy = Project(tmp_path / "copy", project.env)
    shutil.copytree(project.path, copy.path, dirs_exist_ok=True)
    for pack in copy.path.glob(".snap/code/packs/*.tar"):
        data = pack.read_bytes()
        pack.write_bytes(data.replace(b"factor = ", b"FACTOR = "))
    done = copy.snap("diff", "base", "code")
    assert done.returncode == 1
    assert "is damaged" in done.stdout and "new.sh" in done.stdout
    assert copy.snap("diff", "--code", "base", "code").returncode not in (0, 1)
    record = copy.record("base")
    (copy.path / f".snap/code/{record['code']['digest'].removeprefix('sha256:')}.json").unlink()
    (copy.path / f".snap/runs/{record['id']}/snap.lock").write_text("schema = ")
    done = copy.snap("diff", "base", "code")
    assert done.returncode == 1
    assert f"not known: code: that of {record['id']} can't be read" in done.stdout


def test_options_that_exclude_each_other(project: Project):
    done = project.snap("diff", "--stat", "--json")
    assert done.returncode == 2 and "exclude each other" in done.stderr
