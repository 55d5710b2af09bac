"""What was edited in a project since a moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snapshot import digest
from snapshot.record.document import Edit
from snapshot.run.edits import edits


class Scene:
    """A project whose code was read, and a moment after that."""

    def __init__(self, folder: Path) -> None:
        self.project = folder
        self.contents = {}
        for name in ("a.py", "b.py", "c.py"):
            (folder / name).write_text(name)
            self.contents[name] = digest.of_bytes(name.encode())
        (folder / "link").symlink_to("a.py")
        self.contents["link"] = "a.py"
        self.moment = 0

    def found(self, others: tuple[tuple[str, str], ...] = ()) -> list[tuple[str, str]]:
        seen = edits(self.project, self.contents, self.moment, lambda path, content: (path, content) in others)
        assert all(isinstance(edit, Edit) for edit in seen)
        return [(edit.path, edit.change) for edit in seen]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_nothing_was(scene: Scene) -> None:
    assert scene.found() == []


def test_changed_removed_and_led_elsewhere(scene: Scene) -> None:
    (scene.project / "a.py").write_text("other")
    (scene.project / "b.py").unlink()
    (scene.project / "link").unlink()
    (scene.project / "link").symlink_to("c.py")
    assert scene.found() == [("a.py", "changed"), ("b.py", "removed"), ("link", "changed")]


def test_other_times_are_no_edit(scene: Scene) -> None:
    os.utime(scene.project / "a.py")
    assert scene.found() == []


def test_a_folder_or_a_link_in_the_place_of_a_file_is(scene: Scene) -> None:
    for name in ("a.py", "b.py"):
        (scene.project / name).unlink()
    (scene.project / "a.py").mkdir()
    (scene.project / "b.py").symlink_to("c.py")
    assert scene.found() == [("a.py", "changed"), ("b.py", "changed")]


def test_what_another_run_put_there_is_none(scene: Scene) -> None:
    (scene.project / "a.py").write_text("theirs")
    assert scene.found((("a.py", digest.of_bytes(b"theirs")),)) == []


def test_what_is_older_than_the_moment_is_not_read(scene: Scene) -> None:
    (scene.project / "a.py").write_text("edited before the launch, and the snapshot has it")
    scene.moment = 2**62
    assert scene.found() == []


def test_names_that_are_not_utf_8(scene: Scene) -> None:
    name = os.fsdecode(b"\xff.py")
    scene.contents[name] = digest.of_bytes(b"x")
    assert scene.found() == [("\0\xff.py", "removed")]
