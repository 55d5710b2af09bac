"""Write-back, against plain folders: `workspace` yields the same from a real overlay in the integration tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from snapshot import digest
from snapshot.run.capture import AtLaunch, Captured, capture
from snapshot.run.workspace import Written, collect

LATER = 2**62


class Scene:
    def __init__(self, folder: Path) -> None:
        self.project, self.run = folder / "project", folder / "run"
        self.outputs = self.run / "outputs"
        self.project.mkdir()
        self.outputs.mkdir(parents=True)
        self.contents: dict[str, str] = {}
        self.moment = LATER

    def at_launch(self, path: str, text: str) -> None:
        (self.project / path).parent.mkdir(parents=True, exist_ok=True)
        (self.project / path).write_text(text)
        self.contents[path] = digest.of_bytes(text.encode())

    def writes(self, path: str, text: str) -> None:
        (self.outputs / path).parent.mkdir(parents=True, exist_ok=True)
        (self.outputs / path).write_text(text)

    def end(
        self, *more: Written, write_back: bool = True, others: Callable[[str, str], bool] = lambda p, d: False
    ) -> Captured:
        launch = AtLaunch(contents=self.contents, moment=self.moment, data_files={})
        written = [*collect(self.run, []), *more]
        return capture(
            written, project=self.project, launch=launch, run_id="r", write_back=write_back, from_other_run=others
        )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_new_and_changed_files_go_back_as_python_would_have_left_them(scene: Scene):
    scene.at_launch("old.txt", "a")
    scene.writes("old.txt", "b")
    scene.writes("out/new.txt", "c")
    (scene.outputs / "out/new.txt").chmod(0o600)
    found = scene.end()
    assert (scene.project / "old.txt").read_text() == "b"
    assert (scene.project / "out/new.txt").read_text() == "c"
    assert (scene.project / "out/new.txt").stat().st_mode & 0o777 == 0o600
    assert [(o.path, o.change, o.sha256, o.kept_because) for o in found.outputs] == [
        ("old.txt", "changed", digest.of_bytes(b"b"), None),
        ("out/new.txt", "created", digest.of_bytes(b"c"), None),
    ]


def test_a_file_that_the_user_changed_meanwhile_is_left_alone(scene: Scene):
    scene.at_launch("notes.txt", "a")
    scene.writes("notes.txt", "from the run")
    scene.writes("new.txt", "from the run")
    scene.moment = 0
    (scene.project / "notes.txt").write_text("mine")
    (scene.project / "new.txt").write_text("mine too")
    found = scene.end()
    assert (scene.project / "notes.txt").read_text() == "mine"
    assert (scene.project / "new.txt").read_text() == "mine too"
    assert {o.path: o.kept_because for o in found.outputs} == {
        "new.txt": "it was created meanwhile",
        "notes.txt": "it was changed meanwhile",
    }
    assert sorted(p.name for p in scene.project.iterdir()) == ["new.txt", "notes.txt"]


def test_touching_without_changing_is_no_change_by_the_user(scene: Scene):
    scene.at_launch("a.txt", "a")
    scene.writes("a.txt", "b")
    scene.moment = 0
    assert scene.end().outputs[0].kept_because is None


def test_a_second_capture_after_a_crash_finds_its_work_done(scene: Scene):
    scene.at_launch("a.txt", "a")
    scene.writes("a.txt", "b")
    scene.writes("new.txt", "c")
    scene.moment = 0
    first = scene.end()
    assert scene.end() == first


def test_what_another_run_put_there_may_be_replaced(scene: Scene):
    scene.writes("metrics.json", "2")
    scene.moment = 0
    (scene.project / "metrics.json").write_text("1")
    found = scene.end(others=lambda path, d: (path, d) == ("metrics.json", digest.of_bytes(b"1")))
    assert (scene.project / "metrics.json").read_text() == "2"
    assert found.outputs[0].kept_because is None


def test_without_write_back_the_project_stays_as_it_is(scene: Scene):
    scene.writes("new.txt", "c")
    found = scene.end(write_back=False)
    assert list(scene.project.iterdir()) == []
    assert found.outputs[0].sha256 == digest.of_bytes(b"c")


def test_removed_files_and_folders_go_and_what_the_user_added_stays(scene: Scene):
    scene.at_launch("gone.txt", "a")
    scene.at_launch("folder/x.txt", "b")
    (scene.project / "folder/mine.txt").write_text("mine")
    found = scene.end(
        Written("gone.txt", scene.outputs / "gone.txt", "removed"),
        Written("folder", scene.outputs / "folder", "removed"),
    )
    assert found.deleted == ["folder/x.txt", "gone.txt"]
    assert sorted(p.relative_to(scene.project).as_posix() for p in scene.project.rglob("*")) == [
        "folder",
        "folder/mine.txt",
    ]


def test_a_removed_file_that_the_user_changed_stays(scene: Scene):
    scene.at_launch("a.txt", "a")
    scene.moment = 0
    (scene.project / "a.txt").write_text("mine")
    found = scene.end(Written("a.txt", scene.outputs / "a.txt", "removed"))
    assert (scene.project / "a.txt").read_text() == "mine"
    assert "still in the project" in found.notes[0]


def test_links_go_back_as_links_and_nothing_is_written_through_one(scene: Scene, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (scene.project / "out").symlink_to(elsewhere)
    scene.writes("out/x.txt", "x")
    (scene.outputs / "latest").symlink_to("out/x.txt")
    found = {o.path: o for o in scene.end().outputs}
    assert list(elsewhere.iterdir()) == []
    assert "symbolic link" in (found["out/x.txt"].kept_because or "")
    assert os.readlink(scene.project / "latest") == "out/x.txt"
    assert (found["latest"].link, found["latest"].sha256) == ("out/x.txt", None)


def test_git_and_caches_are_never_written_to(scene: Scene):
    scene.writes(".git/config", "evil")
    scene.writes("pkg/__pycache__/a.pyc", "x")
    found = scene.end()
    assert not (scene.project / ".git").exists()
    assert [(o.path, o.kept_because) for o in found.outputs] == [(".git/config", "it belongs to git or to the store")]


def test_a_file_rewritten_with_the_same_bytes_is_told_from_a_changed_one(scene: Scene):
    scene.at_launch("a.txt", "a")
    scene.writes("a.txt", "a")
    assert [(o.path, o.change) for o in scene.end().outputs] == [("a.txt", "rewritten")]


def test_special_files_are_noted(scene: Scene):
    os.mkfifo(scene.outputs / "pipe")
    assert "socket, FIFO or device" in scene.end().notes[0]


def test_names_that_are_not_utf8_survive(scene: Scene):
    name = os.fsdecode(b"caf\xe9.txt")
    (scene.outputs / name).write_text("x")
    found = scene.end()
    assert (scene.project / name).read_text() == "x"
    from snapshot.document import encode_json

    assert b"caf" in encode_json(found.outputs)
