"""`snap log` and `snap which` as a user types them, in a store that is made for the test, and after real runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from snapshot.record.document import Run
from snapshot.record.store import Store
from tests.integration.scenario import Project
from tests.unit.record.records import CUT_OFF, a_run, edge, keep, output, run_id

WEIGHTS = b"the weights"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


RUNS = (
    a_run(1, name="base", exit=CUT_OFF, outputs=(output("checkpoint.pt", digest(b"half")),)),
    a_run(
        2, parents=(edge(1, "checkpoint.pt", sha256=digest(b"half"), relation="resumed-from"),),
        outputs=(output("model.pt", digest(WEIGHTS)), output("empty", digest(b""), size=0)),
    ),
    a_run(3, parents=(edge(2, relation="fine-tuned-from", sha256=digest(WEIGHTS)),)),
    a_run(4, parents=(edge(3, "log.csv", evidence="visible"),), outputs=(output("again.pt", digest(WEIGHTS)),)),
    a_run(6, parents=(edge(5, "gone.pt"),)),
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose store has runs that descend from each other; nothing here needs an engine."""
    project = Project(tmp_path / "project", os.environ)
    keep(Store(project.path), *RUNS)
    return project


def tree(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The first column of a drawing."""
    assert done.returncode == 0, done.stderr
    return [line.split("  ok")[0].split("  SIG")[0].split("  no ")[0].rstrip() for line in done.stdout.splitlines()[1:]]


def test_log_draws_all_runs_as_trees(project: Project):
    done = project.snap("log")
    assert tree(done) == [run_id(5), "└─0006", "0004", "0001 base", "└─0002", "  └─0003"]
    assert "resumed-from 0001:checkpoint.pt" in done.stdout
    assert "1 more edge of files that were there and not seen to be read: `--all`" in done.stderr
    assert tree(project.snap("log", "--last", "1")) == [run_id(5), "└─0006"]
    assert tree(project.snap("log", "--all"))[-1] == "    └─0004"


def test_log_of_a_run_draws_what_it_comes_from_and_what_came_of_it(project: Project):
    assert tree(project.snap("log", "0002")) == ["0001 base", "└─0002 *", "  └─0003"]
    assert tree(project.snap("log", "base")) == ["0001 base *", "└─0002", "  └─0003"]
    assert tree(project.snap("log", "latest")) == [run_id(5), "└─0006 *"]
    assert project.snap("log", "nothing").returncode == 2


def test_log_does_without_signs_that_the_terminal_lacks(project: Project):
    keep(Store(project.path), a_run(7, name="模型", parents=(edge(6),)))
    done = project.snap("log", "latest", env={"PYTHONIOENCODING": "ascii"})
    assert done.stdout.isascii()
    assert tree(done)[1:] == ["`-0006", "  `-0007 \\u6a21\\u578b *"]


def test_log_goes_on_without_what_is_damaged(project: Project):
    (project.path / ".snap/runs" / run_id(2) / "run.json").write_bytes(b"{")
    done = project.snap("log")
    assert f"the record of run {run_id(2)} can't be read" in done.stderr
    assert tree(done)[-3:] == ["0002", "└─0003", "0001 base"]


def test_log_and_which_where_there_are_no_runs(tmp_path: Path):
    empty = Project(tmp_path / "empty", os.environ)
    done = empty.snap("log")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no runs yet" in done.stderr
    assert json.loads(empty.snap("log", "--json").stdout) == []
    assert empty.snap("which", "requirements.txt").returncode == 1
    assert not (empty.path / ".snap").exists()


def test_log_as_json_is_the_drawing_in_order(project: Project):
    told = json.loads(project.snap("log", "0003", "--json").stdout)
    assert [(one["run"], one["under"]) for one in told] == [
        (run_id(1), None),
        (run_id(2), run_id(1)),
        (run_id(3), run_id(2)),
    ]


def test_which_knows_a_file_by_its_bytes_wherever_it_lies(project: Project, tmp_path: Path):
    moved = tmp_path / "from a colleague.bin"
    moved.write_bytes(WEIGHTS)
    done = project.snap("which", str(moved))
    assert done.returncode == 0, done.stderr
    assert f"run      {run_id(2)}, as model.pt, ok" in done.stdout
    assert "from     resumed-from 0001:checkpoint.pt, seen to be read, SIGKILL, the same code" in done.stdout
    assert f"also by  {run_id(4)}, as again.pt, ok" in done.stdout


@pytest.mark.parametrize("form", ["{0}", "sha256:{0}"], ids=["hex", "oci"])
def test_which_takes_a_digest_unless_a_file_has_that_name(project: Project, form: str):
    text = form.format(hashlib.sha256(WEIGHTS).hexdigest())
    assert project.snap("which", text).returncode == 0
    assert project.snap("which", text.replace("a", "A").replace("shA", "sha")).returncode == 0
    project.write(text, "something else")
    assert project.snap("which", text).returncode == 1


def test_which_reads_what_sha256sum_prints(project: Project):
    names = ["a model.pt", "new\nline.pt", "unknown.pt"]
    for name, data in zip(names, (WEIGHTS, WEIGHTS, b"?"), strict=True):
        (project.path / name).write_bytes(data)
    for how in ([], ["--tag"], ["--binary"]):
        sums = subprocess.run(["sha256sum", *how, *names], cwd=project.path, capture_output=True, check=True)
        done = subprocess.run(
            project.command("which", "-", "--json"), cwd=project.path, input=sums.stdout, capture_output=True
        )
        assert done.returncode == 1
        assert b"error: 1 of 3 are no output of any run here" in done.stderr
        assert b"warning: `unknown.pt` is no output" in done.stderr
        told = json.loads(done.stdout)
        assert [one["asked"] for one in told] == ["a model.pt", "new\\nline.pt", "unknown.pt"]
        assert [[run["run"] for run in one["runs"]] for one in told] == [[run_id(2), run_id(4)]] * 2 + [[]]


def test_which_refuses_what_can_have_no_origin(project: Project):
    (project.path / "folder").mkdir()
    os.mkfifo(project.path / "pipe")
    project.write("empty", "")
    project.write("mine.txt", "never written by a run")
    for name, code, said in (
        ("folder", 2, "`folder` is a folder\nhint: `find FOLDER"),
        ("pipe", 2, "`pipe` is no regular file"),
        ("missing", 2, "there is no file `missing`"),
        ("empty", 1, "`empty` is no output of any run here: it is empty"),
        ("mine.txt", 1, "`mine.txt` is no output of any run here\nhint: see `snap ls`"),
    ):
        done = project.snap("which", name)
        assert (done.returncode, done.stdout) == (code, ""), name
        assert said in done.stderr
    done = subprocess.run(project.command("which", "-"), cwd=project.path, input=b"\x1b[2J\n", capture_output=True)
    assert done.returncode == 2
    assert b"line 1 of the input is no sha256: `\\x1b[2J`" in done.stderr


def test_a_parent_that_is_no_run_of_this_store_opens_no_file(project: Project, tmp_path: Path):
    """What a record names as its parent is data: here it would lead to a record outside of the store."""
    elsewhere = Store(tmp_path / "elsewhere")
    keep(elsewhere, a_run(1))
    outside = str(elsewhere.folder(run_id(1)))
    keep(Store(project.path), a_run(8, parents=(edge(1, run=outside),), outputs=(output("x", digest(b"x")),)))
    (told,) = json.loads(project.snap("which", digest(b"x"), "--json").stdout)
    assert [(one["run"], one["recorded"]) for one in told["runs"][0]["ancestors"]] == [(outside, False)]


def test_what_real_runs_wrote_is_known_after_it_was_moved_and_also_as_code(tmp_path: Path, engine: dict[str, str]):
    project = Project(tmp_path / "real", engine)
    project.script("""
        import sys
        open("model.pt", "w").write("weights of " + sys.argv[1])
    """)
    first = project.snap("run", "--name", "first", "train.py", "one")
    assert first.returncode == 0, first.stderr
    assert project.snap("run", "train.py", "two").returncode == 0
    run: Run = Store(project.path).read(Store(project.path).find("first"))
    (project.path / ".snap/runs" / run.id / "outputs/model.pt").rename(tmp_path / "kept.pt")
    done = project.snap("which", "../kept.pt")
    assert done.returncode == 0, done.stderr
    assert f"run      {run.id} (first), as model.pt, ok, just now" in done.stdout
    assert f"code     {run.code.digest}" in done.stdout
    assert f"lock     {run.platform.lock}" in done.stdout
    assert len(tree(project.snap("log"))) == 2
    code = project.snap("which", "train.py")
    assert code.returncode == 1
    assert "it is a file of the code that runs were given" in code.stderr
