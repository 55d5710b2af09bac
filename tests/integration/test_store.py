"""The commands that look after the store, on stores whose runs were written down directly: no engine is needed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from snapshot.record.document import Metric
from snapshot.record.store import Store
from tests.integration.scenario import Project
from tests.unit.record.records import edge, run_id
from tests.unit.record.stores import packs, trained


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three runs: the second descends from the first, and has the same weights."""
    project = Project(tmp_path / "project", os.environ)
    store = store_of(project)
    for number, (rate, accuracy) in enumerate([("0.1", 0.5), ("0.01", 0.9), ("1", 0.1)], start=1):
        trained(
            store,
            number,
            {"model.pt": b"w" * number},
            {"train.py": f"rate = {rate}\n"},
            name=f"rate-{rate}",
            parameters={"lr": rate},
            metrics=(Metric(name="accuracy", value=accuracy, points=3, path="m.jsonl"),),
            parents=(edge(1),) if number == 2 else (),
        )
    return project


def store_of(project: Project) -> Store:
    return Store(project.path)


def ids(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_runs_are_filtered_sorted_and_shown_as_asked(project: Project):
    assert ids(project.snap("ls").stdout) == [run_id(3), run_id(2), run_id(1)]
    assert "accuracy" in project.snap("ls").stdout.splitlines()[0]
    best = project.snap("ls", "--filter", "lr<1", "--sort", "-accuracy")
    assert ids(best.stdout) == [run_id(2), run_id(1)]
    assert ids(project.snap("ls", "--sort", "lr", "--reverse", "-n", "1").stdout) == [run_id(3)]
    table = project.snap("ls", "--columns", "name, lr,accuracy", "--sort", "created").stdout.splitlines()
    assert [line.split() for line in table] == [
        ["NAME", "lr", "accuracy"],
        ["rate-0.1", "0.1", "0.5"],
        ["rate-0.01", "0.01", "0.9"],
        ["rate-1", "1", "0.1"],
    ]
    records = json.loads(project.snap("ls", "--json", "--filter", "accuracy>=0.5").stdout)
    assert [record["id"] for record in records] == [run_id(2), run_id(1)]


def test_a_key_that_is_not_there_and_a_condition_that_is_none_are_usage_errors(project: Project):
    wrong = project.snap("ls", "--filter", "acuracy>1")
    assert (wrong.returncode, wrong.stderr) == (2, "error: no run has `acuracy`\nhint: did you mean `accuracy`?\n")
    assert project.snap("ls", "--sort", "-nothing").returncode == 2
    assert "error: `lr` is no condition" in project.snap("ls", "--filter", "lr").stderr
    assert project.snap("ls", "--filter", "lr>5").stderr == "no run fits\n"


def test_tags_and_notes_are_shown_found_and_moved_and_no_record_changes(project: Project):
    before = {path: path.read_bytes() for path in project.path.glob(".snap/runs/*/run.json")}
    assert project.snap("tag", "rate-0.1", "best").returncode == 0
    moved = project.snap("tag", "rate-0.01", "best")
    assert moved.stderr == f"snap: run {run_id(2)} has the tag best, which run {run_id(1)} had until now\n"
    assert project.snap("note", "best", "the one for the\npaper").returncode == 0
    page = project.snap("show", "best").stdout
    assert "tags" in page and re.search(r"^note of \S+ +the one for the\n +paper$", page, re.MULTILINE)
    assert "TAGS" in project.snap("ls").stdout
    assert ids(project.snap("ls", "--filter", "tag=best").stdout) == [run_id(2)]
    assert json.loads(project.snap("show", "best", "--json").stdout)["id"] == run_id(2)
    assert {path: path.read_bytes() for path in project.path.glob(".snap/runs/*/run.json")} == before
    assert project.snap("tag", "--delete", "best", "best").returncode == 0
    assert project.snap("show", "best").returncode == 2


@pytest.mark.parametrize("name", ["", "latest", "12", "-x", "20260101T1", "a\nb", " a"])
def test_a_tag_by_which_nothing_could_be_found_is_refused(project: Project, name: str):
    done = project.snap("tag", "latest", "--", name)
    assert done.returncode == 2
    assert "a run can't" in done.stderr


def test_an_empty_note_is_refused_and_one_that_is_not_utf_8_is_kept_legible(project: Project):
    assert project.snap("note", "latest", " \n").returncode == 2
    assert project.snap("note", "latest", os.fsdecode(b"caf\xe9")).returncode == 0
    assert "caf\\xe9" in project.snap("show").stdout


def test_a_run_that_others_descend_from_is_kept_unless_forced_or_they_go_too(project: Project):
    refused = project.snap("rm", "rate-0.1")
    assert refused.returncode == 2
    assert f"run `{run_id(2)}` descends from run `{run_id(1)}`" in refused.stderr
    assert f"hint: `snap rm --force {run_id(1)}`" in refused.stderr
    done = project.snap("rm", "rate-0.1", "rate-0.01")
    assert done.returncode == 0, done.stderr
    assert f"removing run {run_id(1)}, " in done.stderr
    assert ids(project.snap("ls").stdout) == [run_id(3)]


def test_what_no_run_needs_is_told_first_and_then_removed(project: Project):
    project.snap("tag", "rate-1", "gone")
    project.snap("rm", "rate-1")
    dry = project.snap("gc", "--dry-run")
    assert (dry.returncode, len(packs(store_of(project)))) == (0, 3)
    assert dry.stdout.splitlines()[0].split() == ["WHAT", "FILES", "SIZE"]
    assert "contents of files that no run's code has" in dry.stdout
    done = project.snap("gc")
    assert (done.returncode, len(packs(store_of(project))), done.stdout) == (0, 2, dry.stdout)
    assert project.snap("gc").stdout == "nothing to remove: runs need all that is there\n"
    assert project.snap("fsck").returncode == 0


def test_what_is_wrong_is_named_and_everything_else_stays_usable(project: Project):
    clean = project.snap("fsck")
    assert (clean.returncode, clean.stdout) == (0, "nothing is wrong: every digest of 3 runs is as it was\n")
    (project.path / f".snap/runs/{run_id(1)}/run.json").write_text("{")
    (project.path / f".snap/runs/{run_id(2)}/outputs/model.pt").write_bytes(b"ww?")
    (project.path / ".snap/cache/index.sqlite").write_bytes(b"x" * 10_000)
    found = project.snap("fsck")
    assert found.returncode == 1
    assert found.stdout.splitlines()[-1] == "3 errors in 3 checks"
    said = json.loads(project.snap("fsck", "--json").stdout)
    assert {f["check"] for f in said} <= {"run", "output", "cache"}
    assert all(f["remedy"] for f in said)
    listing = project.snap("ls")
    assert ids(listing.stdout) == [run_id(3), run_id(2)]
    assert listing.stderr == f"warning: the record of run {run_id(1)} can't be read; see `snap fsck`\n"
    assert project.snap("show", run_id(3)).returncode == 0
    assert project.snap("fsck", "--repair").returncode == 1
    assert project.snap("rm", "--force", run_id(1), run_id(2)).returncode == 0
    assert project.snap("fsck", "--repair").returncode == 0


def test_a_store_of_a_newer_version_is_refused_by_all(project: Project):
    (project.path / ".snap/version").write_text("2\n")
    for arguments in (["ls"], ["show"], ["logs"], ["rm", "x"], ["gc"], ["fsck"], ["tag", "x", "y"], ["note", "x", "y"]):
        done = project.snap(*arguments)
        assert done.returncode == 2, arguments
        assert "is a store of version 2, and this program knows 1\nhint: upgrade with" in done.stderr


def test_where_there_are_no_runs_nothing_is_made(tmp_path: Path):
    project = Project(tmp_path / "project", os.environ)
    for arguments in (["ls"], ["ls", "--filter", "lr<1"], ["gc"], ["gc", "--dry-run"], ["fsck"], ["fsck", "--repair"]):
        assert project.snap(*arguments).returncode == 0
    assert project.snap("tag", "latest", "x").returncode == 2
    assert not (project.path / ".snap").exists()
