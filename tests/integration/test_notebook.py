"""`snap run train.ipynb`: executed in the image, recorded, repeated, shared."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from snapshot.lock.document import Lock, loads
from tests.integration.scenario import Gate, Project, wait_for

EXECUTED = "nb/train.executed.ipynb"


def cell(source: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": 7,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "source": source,
    }


def notebook(project: Project, name: str, *cells: str | dict[str, Any]) -> None:
    document = {
        "cells": [each if isinstance(each, dict) else cell(each) for each in cells],
        "metadata": {"kernelspec": {"name": "conda-env-of-hers", "display_name": "Hers", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    project.write(name, json.dumps(document))


def locked(project: Project) -> Lock:
    return loads(project.read("snap.lock"))


def outputs(project: Project, name: str) -> list[list[str]]:
    """What each cell put out, as text."""
    cells = json.loads(project.read(name))["cells"]
    return [
        ["".join(one.get("text") or one.get("data", {}).get("text/plain") or one.get("ename")) for one in c["outputs"]]
        for c in cells
        if c["cell_type"] == "code"
    ]


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A lock that holds an old release, and then a notebook that is run for the first time."""
    project = Project(tmp_path_factory.mktemp("notebook") / "project", engine)
    project.write("requirements.txt", "six\n")
    done = project.snap("lock", "--upgrade-package", "six==1.16.0")
    assert done.returncode == 0, done.stderr
    project.write("nb/helper.py", "RATE = 2\n")
    notebook(
        project,
        "nb/train.ipynb",
        cell("rate = 1\nname = 'nobody'", "parameters"),
        "import json, random, sys, warnings\nimport six, helper, snapshot",
        "print(name, rate)\nprint('careful', file=sys.stderr)\nwarnings.warn('odd')",
        "snapshot.log(step=1, loss=rate)\njson.dump({'accuracy': rate * helper.RATE}, open('metrics.json', 'w'))",
        "[six.__version__, random.random()]",
    )
    done = project.snap("run", "--deterministic", "--name", "first", "nb/train.ipynb", "--rate", "0.5", "--name", "ada")
    assert done.returncode == 0, done.stderr
    assert "running notebooks takes `ipykernel`, `nbclient>=0.10`, which is locked too" in done.stderr
    assert "ada 0.5\n['1.16.0', 0." in done.stdout
    assert re.search(r"careful\n/tmp/ipykernel/\d+.py:3: UserWarning: odd", done.stderr)
    return project


def test_the_executed_notebook_is_an_output_and_the_lock_has_what_runs_it(project: Project) -> None:
    found = outputs(project, EXECUTED)
    assert found[:2] == [[], []]
    assert found[3][0] == "ada 0.5\n"
    assert found[3][1].startswith("careful\n")
    assert found[5][0].startswith("['1.16.0', 0.")
    record = project.record("first")
    assert record["command"] == {
        "argv": ["train.ipynb", "--rate", "0.5", "--name", "ada"],
        "kind": "script",
        "directory": "nb",
    }
    assert record["parameters"] == {"rate": "0.5", "name": "ada"}
    assert {metric["name"]: metric["value"] for metric in record["metrics"]} == {"accuracy": 1.0, "loss": 0.5}
    assert [output["path"] for output in record["outputs"]] == ["nb/metrics.json", EXECUTED, "snap-metrics.jsonl"]
    reads = json.loads(subprocess.check_output(["zcat", str(next(project.path.glob(".snap/runs/*/reads.json.gz")))]))
    assert {"nb/helper.py", "nb/train.ipynb"} <= set(reads["project"])
    packages = {package.name: package.version for package in locked(project).packages}
    assert packages["six"] == "1.16.0"
    assert packages.keys() > {"ipykernel", "nbclient"}
    assert project.snap("lock", "--check").returncode == 0


def test_a_rerun_is_identical_and_the_executed_notebook_is_no_code(project: Project) -> None:
    done = project.snap("rerun", "first", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "identical"
    again = project.snap("run", "--no-write-back", "--deterministic", "train.ipynb", "rate=0.5", "name=ada", cwd="nb")
    assert again.returncode == 0, again.stderr
    first, second = project.record("first"), project.record()
    digests = [{o["path"]: o["sha256"] for o in record["outputs"]} for record in (first, second)]
    assert digests[0] == digests[1]
    left = sorted(second["code"]["leftovers"])
    assert left == ["nb/metrics.json", "snap-metrics.jsonl"]
    assert second["code"]["files"] == first["code"]["files"] + len(left)


def test_a_cell_that_fails_is_told_and_kept(project: Project) -> None:
    notebook(project, "fail.ipynb", "print('begun')", "def f(): return {}['key']\nf()", "print('never')")
    done = project.snap("run", "fail.ipynb")
    assert done.returncode == 1
    assert done.stdout == "begun\n"
    assert "fail.ipynb: cell 2 of 3 failed: KeyError: 'key'" in done.stderr
    assert "\x1b" not in done.stderr
    assert "----> 1 def f(): return {}['key']" in done.stderr
    assert outputs(project, "fail.executed.ipynb") == [["begun\n"], ["KeyError"], []]
    assert project.record()["exit"]["code"] == 1


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ("import sys; sys.exit(3)", 3, "SystemExit"),
        ("import sys; sys.exit(None)", 0, "SystemExit"),
        ("import sys; sys.exit(-1)", 255, "SystemExit"),
        ("import os; os._exit(4)", 4, "the kernel died with code 4 in cell 2 of 2"),
        ("input('name? ')", 1, "nobody is there to answer `input()`"),
    ],
)
def test_ways_to_end(project: Project, code: str, exit_code: int, words: str) -> None:
    notebook(project, "end.ipynb", "print('begun')", code)
    done = project.snap("run", "end.ipynb")
    assert done.returncode == exit_code
    assert words in done.stderr
    assert outputs(project, "end.executed.ipynb")[0] == ["begun\n"]


def test_one_that_cannot_be_written_fails_and_says_why(project: Project) -> None:
    notebook(project, "no.ipynb", "import os; os.mkdir('no.executed.ipynb')", "print('goes on')")
    done = project.snap("run", "--no-write-back", "no.ipynb")
    assert (done.returncode, done.stdout) == (1, "goes on\n")
    assert "no.executed.ipynb can't be written: Is a directory" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.record()["outputs"] == []


def test_ctrl_c_interrupts_the_cell_and_keeps_what_there_is(project: Project, gate: Gate) -> None:
    notebook(
        project, "long.ipynb", "print('begun')", f"import os, time\nopen('ready', 'w')\n{gate.wait}", "print('no')"
    )
    running = project.start("run", *gate.options, "long.ipynb")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    assert not list(project.path.glob(".snap/runs/*/outputs/kernel*"))
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert "long.ipynb: cell 2 of 3 was interrupted" in stderr
    assert outputs(project, "long.executed.ipynb") == [["begun\n"], ["KeyboardInterrupt"], []]


def test_plain_docker_repeats_what_was_pushed(project: Project, registry: str, tmp_path: Path) -> None:
    pushed = project.snap("push", "first", f"{registry}/team/notebook:1")
    assert pushed.returncode == 0, pushed.stderr
    reference = pushed.stdout.strip()
    name = f"notebook-{tmp_path.parent.name}"
    try:
        done = subprocess.run(
            ["docker", "run", "--name", name, reference], env=project.env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert "ada 0.5\n" in done.stdout
        project.docker("cp", f"{name}:/workspace/{EXECUTED}", str(tmp_path / "again.ipynb"))
    finally:
        project.docker("rm", "--force", "--volumes", name)
        project.docker("image", "rm", "--force", reference)
    assert (tmp_path / "again.ipynb").read_text() == project.read(EXECUTED)


def test_an_export_trains_again(project: Project, tmp_path: Path) -> None:
    done = project.snap("export", "first", str(tmp_path / "public"), "--prove", "--with-packages")
    assert done.returncode == 0, done.stderr
    assert "plain Docker has trained it again: identical" in done.stderr


def test_pins_of_another_tool_have_to_have_it(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    project.write("pylock.toml", 'lock-version = "1.0"\ncreated-by = "pip"\npackages = []\n')
    notebook(project, "train.ipynb", "1")
    done = project.snap("run", "train.ipynb")
    assert done.returncode == 125
    assert "takes `ipykernel` and `nbclient`, which pylock.toml does not pin" in done.stderr
    assert not (project.path / ".snap/runs").exists()


def test_a_wrong_notebook_or_argument_is_refused_before_anything_is_made(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    project.write("broken.ipynb", "{")
    notebook(project, "train.ipynb", "1")
    for arguments, words in (
        (("broken.ipynb",), "`broken.ipynb` is not JSON"),
        (("train.ipynb", "word"), "`word` has none"),
        (("-i", "train.ipynb"), "a notebook has no keyboard"),
    ):
        done = project.snap("run", *arguments)
        assert (done.returncode, words in done.stderr) == (125, True), done.stderr
    assert not (project.path / "snap.lock").exists()
