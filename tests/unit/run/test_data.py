"""Data between launch and end, on plain folders: what a real run makes of it is in the integration tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snapshot.record.data.walk import look
from snapshot.record.document import Data, Run
from snapshot.record.store import Store
from snapshot.run.data import Watch, discard, identified, unlinking
from snapshot.run.hashing import Hashing
from tests.unit.record.records import a_run

OLD = 10**18
"""A time of long ago, ns: what was just written is always read twice."""


class Scene:
    """A run with one folder and one file as data, from its launch on."""

    def __init__(self, folder: Path) -> None:
        self.project, self.folder = folder / "project", folder / "run"
        self.folder.mkdir()
        (self.project / "images").mkdir(parents=True)
        for name in ("images/1", "images/2", "big.bin"):
            self.write(name, name)
        self.store = Store(self.project)
        self.store.create()
        self.hashing = Hashing(cache=lambda: folder / "cache")
        self.run = a_run(
            1,
            project=str(self.project),
            data=(
                Data(path="images", target="/workspace/images", kind="folder", reason="ignored"),
                Data(path="big.bin", target="/workspace/big.bin", kind="file", reason="ignored"),
            ),
        )

    def write(self, name: str, text: str) -> None:
        (self.project / name).write_text(text)
        os.utime(self.project / name, ns=(OLD, OLD))

    def launch(self) -> Watch:
        watch = Watch(self.run, self.folder, self.hashing.identifier(self.store), {})
        watch.look()
        return watch

    def end(self, run: Run | None = None, **changes: object) -> tuple[dict[str, Data], tuple[str, ...]]:
        hashing = Hashing(cache=self.hashing.cache, **changes)  # type: ignore[arg-type]
        found, notes = identified(run or self.run, self.folder, hashing, self.store)
        return {data.path: data for data in found}, notes


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def changes(data: Data) -> list[tuple[str, str]]:
    return [(edit.path, edit.change) for edit in data.edits]


def hashed(scene: Scene, watch: Watch) -> Run:
    import msgspec

    watch.hash(lambda: False)
    return msgspec.structs.replace(scene.run, data=watch.told())


def test_what_was_hashed_beside_the_training_is_not_hashed_again(scene: Scene) -> None:
    run = hashed(scene, scene.launch())
    found, notes = scene.end(run, most=0)
    assert [data.files for data in found.values()] == [2, 1]
    assert all(data.digest and not data.edits for data in found.values()) and notes == ()


def test_what_was_not_is_hashed_at_the_end_and_the_same(scene: Scene) -> None:
    early = {data.path: data for data in hashed(scene, scene.launch()).data}
    scene.launch()
    assert scene.end()[0] == early


def test_edits_are_named_and_the_digest_stays_that_of_the_launch(scene: Scene) -> None:
    run = hashed(scene, scene.launch())
    scene.write("images/1", "other")
    (scene.project / "images/2").unlink()
    scene.write("images/3", "new")
    scene.write("big.bin", "other")
    found, _ = scene.end(run)
    assert changes(found["images"]) == [("1", "changed"), ("2", "removed"), ("3", "added")]
    assert changes(found["big.bin"]) == [("", "changed")]
    assert tuple(data.digest for data in found.values()) == tuple(data.digest for data in run.data)


def test_data_that_changed_before_anybody_had_read_them_are_said_to_have(scene: Scene) -> None:
    scene.launch()
    scene.write("big.bin", "other")
    found, notes = scene.end()
    assert changes(found["big.bin"]) == [("", "changed")] and found["images"].edits == ()
    assert ["changed before they were identified" in note for note in notes] == [True]


def test_data_that_are_gone_at_the_end(scene: Scene) -> None:
    run = hashed(scene, scene.launch())
    (scene.project / "big.bin").unlink()
    assert changes(scene.end(run)[0]["big.bin"]) == [("", "removed")]


def test_a_later_command_hashes_only_so_much(scene: Scene) -> None:
    scene.launch()
    found, notes = scene.end(most=8)
    assert (found["images"].digest, found["big.bin"].digest is None) == (None, False)
    assert ["images" in note and "not identified" in note for note in notes] == [True]


def test_ctrl_c_gives_up_the_rest_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.launch()

    def readv(*unused: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "readv", readv)
    found, notes = scene.end()
    assert [data.digest for data in found.values()] == [None, None]
    assert len(notes) == 2 and "interrupted" in notes[0]


def test_a_manifest_that_was_swept_away_meanwhile_is_made_again(scene: Scene) -> None:
    run = hashed(scene, scene.launch())
    for manifest in (scene.store.path / "data").glob("*.gz"):
        manifest.unlink()
    scene.end(run)
    assert len(list((scene.store.path / "data").glob("*.gz"))) == 1


def test_a_run_without_data_or_whose_snap_was_killed_early_has_none_told(scene: Scene) -> None:
    assert scene.end() == ({data.path: data for data in scene.run.data}, ())
    scene.launch()
    discard(scene.folder)
    assert scene.end()[1] == ()


def test_a_data_file_is_known_again_though_its_links_come_and_go(scene: Scene, tmp_path: Path) -> None:
    run, file = hashed(scene, scene.launch()), scene.project / "big.bin"
    before = file.lstat()
    os.link(file, tmp_path / "link")
    Watch(scene.run, scene.folder, scene.hashing.identifier(scene.store), {file: before}).look()
    assert scene.hashing.identifier(scene.store).known(look(file)) is not None
    with unlinking(run, lambda: scene.hashing.identifier(scene.store)):
        (tmp_path / "link").unlink()
    assert scene.hashing.identifier(scene.store).known(look(file)) is not None
