from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from snapshot.record.data import history, manifest
from snapshot.record.data.identity import Identifier, Identity
from snapshot.record.data.walk import look
from snapshot.record.document import Data, Edit, Run
from snapshot.record.store import Store


class Project:
    """Runs that used `data`, without any training."""

    def __init__(self, place: Path, run: Run) -> None:
        self.path, self.blank = place, run
        self.store = Store(place)
        self.store.create()

    def identify(self, path: Path, method: str) -> Identity:
        return Identifier(self.store.path, None).identify(look(path))

    def run(self, number: int, *paths: str) -> Run:
        data = tuple(self.data(path) for path in paths)
        run = msgspec.structs.replace(self.blank, id=f"2026010{number}T000000000-0000", data=data)
        self.store.folder(run.id).mkdir()
        self.store.write(run)
        return run

    def data(self, path: str) -> Data:
        found = self.identify(self.path / path, "content")
        kind = "folder" if (self.path / path).is_dir() else "file"
        return Data(path=path, target="", kind=kind, reason="ignored", digest=found.digest, identified="content")

    def status(self, path: str) -> history.Status:
        return history.status(self.store, self.path / path, path, self.identify)


@pytest.fixture
def project(tmp_path: Path, a_run: Run) -> Project:
    (tmp_path / "data/train").mkdir(parents=True)
    (tmp_path / "data/train/x").write_text("1")
    (tmp_path / "data/y").write_text("1")
    return Project(tmp_path, a_run)


def test_data_are_unchanged_since_the_first_of_the_last_runs_that_had_them(project):
    project.run(1, "data")
    (project.path / "data/y").write_text("2")
    project.run(2, "data")
    project.run(3, "data")
    found = project.status("data")
    assert (found.same, found.since, found.run) == (True, "20260102T000000000-0000", "20260103T000000000-0000")


def test_what_changed_since_the_last_run_is_named(project):
    run = project.run(1, "data")
    (project.path / "data/y").write_text("2")
    (project.path / "data/new").write_text("2")
    found = project.status("data")
    assert (found.same, found.since, found.run) == (False, None, run.id)
    assert found.edits == (Edit(path="new", change="added"), Edit(path="y", change="changed"))


def test_a_part_of_the_data_can_be_asked_for_also_through_a_link(project):
    project.run(1, "data")
    (project.path / "data/y").write_text("2")
    (project.path / "link").symlink_to("data")
    assert project.status("data/train").same
    assert project.status("link/train/x").same
    assert project.status("link/y").edits == (Edit(path="y", change="changed"),)
    assert project.status("data/train/../y").edits == (Edit(path="y", change="changed"),)


def test_what_no_run_used_is_not_known(project):
    project.run(1, "data")
    assert project.status("other").run is None


def test_data_that_are_gone_are_removed(project):
    project.run(1, "data/y")
    (project.path / "data/y").unlink()
    assert project.status("data/y").edits == (Edit(path="", change="removed"),)


def test_the_data_of_two_runs(project):
    first = project.run(1, "data", "data/y")
    (project.path / "data/y").write_text("2")
    second = project.run(2, "data", "data/train")
    assert [(d.path, d.same, d.edits) for d in history.compare(project.store, first, second)] == [
        ("data", False, (Edit(path="y", change="changed"),)),
        ("data/train", False, ()),
        ("data/y", False, ()),
    ]
    assert all(d.same for d in history.compare(project.store, first, first))


def test_a_damaged_manifest_is_told_of_and_hides_nothing_else(project):
    first = project.run(1, "data", "data/train")
    (project.path / "data/y").write_text("2")
    second = project.run(2, "data", "data/train")
    manifest.path(project.store.path, first.data[0].digest).write_bytes(b"x")
    whole, train = history.compare(project.store, first, second)
    assert (whole.same, len(whole.problems), train.same) == (False, 1, True)


def test_verifying_compares_with_the_record(project):
    run = project.run(1, "data", "data/y")
    assert [history.verify(project.store, d, project.identify).same for d in run.data] == [True, True]
    (project.path / "data/y").write_text("2")
    found = [history.verify(project.store, d, project.identify) for d in run.data]
    assert [item.edits for item in found] == [(Edit(path="y", change="changed"),), (Edit(path="", change="changed"),)]
