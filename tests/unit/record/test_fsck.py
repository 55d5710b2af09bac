"""Each kind of damage is found and named, and the rest stays usable."""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from snapshot.document import encode_json
from snapshot.record import fsck, labels
from snapshot.record.code import packs, trees
from snapshot.record.document import Run
from snapshot.record.index import FILE, Index
from snapshot.record.store import Store
from tests.unit.record.records import a_run, keep, run_id
from tests.unit.record.stores import listed, trained
from tests.unit.record.stores import packs as pack_files


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two runs, with something of everything."""
    (tmp_path / "project").mkdir()
    store = Store(tmp_path / "project")
    store.create()
    data = listed(store, b"snap.data/1\n" + b"0" * 64 + b" 1 x\0")
    first = trained(store, 1, {"model.pt": b"weights"}, {"train.py": "a\n"}, data=(data,))
    trained(store, 2, {"model.pt": b"weights", "log.txt": b"x"}, {"train.py": "b\n"})
    trees.checkout(store.path, first.code.digest)
    labels.tag(store, first.id, "best", "2026-01-01T00:00:00.000Z")
    written(store)
    return store


def written(store: Store) -> None:
    """Bring the index's file up to date, which few runs are not worth otherwise."""
    index = Index(store, worth_writing=1)
    index.refresh()
    index.close()


def one(store: Store) -> Run:
    return store.read(run_id(1))


def said(store: Store) -> list[tuple[str, str]]:
    return [(fault.finding.severity, fault.finding.message) for fault in fsck.examine(store)]


def test_a_store_as_it_was_left_has_nothing_wrong(store: Store):
    assert said(store) == []


def flip(path: Path, at: int = -1) -> None:
    """Turn over one byte, keeping the size."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Store], object], list[str]]] = {
    "output": (
        lambda s: flip(s.folder(run_id(1)) / "outputs/model.pt"),
        [f"`.snap/runs/{run_id(1)}/outputs/model.pt` is not what the run wrote, sha256:"],
    ),
    "output is gone": (
        lambda s: (s.folder(run_id(1)) / "outputs/model.pt").unlink(),
        [f"`.snap/runs/{run_id(1)}/outputs/model.pt` is gone"],
    ),
    "log": (lambda s: flip(s.folder(run_id(1)) / "log"), [f"in `.snap/runs/{run_id(1)}` `log` is not the file"]),
    "record changed": (
        lambda s: s.write(a_run(1, code=one(s).code, outputs=one(s).outputs, data=one(s).data, status="failed")),
        [f"in `.snap/runs/{run_id(1)}` `run.json` is not the file", "`.snap/cache/index.sqlite` is not what the rec"],
    ),
    "record is cut off": (
        lambda s: (s.folder(run_id(2)) / "run.json").write_bytes(b'{"schema": "snap.run/1",'),
        [f"`.snap/runs/{run_id(2)}/run.json` can't be read: .snap/runs/{run_id(2)}/run.json is damaged"],
    ),
    "record is gone": (
        lambda s: (s.folder(run_id(2)) / "run.json").unlink(),
        [f"`.snap/runs/{run_id(2)}/run.json` is gone"],
    ),
    "record of another": (
        lambda s: s.folder(run_id(2)).rename(s.folder(run_id(3))),
        [f"`.snap/runs/{run_id(3)}` has the record of run {run_id(2)}"],
    ),
    "list of data": (
        lambda s: flip(next((s.path / "data").iterdir()), 15),
        [f".gz`, the data of run {run_id(1)}, is"],
    ),
    "list of data is another": (
        lambda s: next((s.path / "data").iterdir()).write_bytes(gzip.compress(b"other")),
        [f".gz`, the data of run {run_id(1)}, is not the list that it was"],
    ),
    "list of data is gone": (
        lambda s: next((s.path / "data").iterdir()).unlink(),
        [f".gz`, the data of run {run_id(1)}, is gone"],
    ),
    "list of code": (
        lambda s: (s.path / "code" / f"{one(s).code.digest[7:]}.json").write_bytes(b"{"),
        [f".json`, the code of run {run_id(1)}, can't be read: "],
    ),
    "list of code is another": (
        lambda s: (s.path / "code" / f"{one(s).code.digest[7:]}.json").write_bytes(
            (s.path / "code" / f"{one(s).code.digest[7:]}.json").read_bytes().replace(b"train.py", b"train.px")
        ),
        [f".json`, the code of run {run_id(1)}, is not the list that it was"],
    ),
    "list of code is gone": (
        lambda s: (s.path / "code" / f"{one(s).code.digest[7:]}.json").unlink(),
        [f"of run {run_id(1)} is gone"],
    ),
    "labels": (
        lambda s: (s.path / f"labels/{run_id(1)}.json").write_bytes(b"{"),
        [f"`.snap/labels/{run_id(1)}.json` can't be read: "],
    ),
    "laid out code": (
        lambda s: flip(s.path / trees.FOLDER / one(s).code.digest[7:] / "train.py"),
        ["is not the code that its name says"],
    ),
    "index": (
        lambda s: (s.cache / FILE).write_bytes(b"no database" * 999),
        ["`.snap/cache/index.sqlite` is not what the records say: file is not a database"],
    ),
    "contents": (
        lambda s: (s.path / packs.CACHE).write_bytes(
            (s.path / packs.CACHE).read_bytes().replace(b"\xcd\x02\x00", b"\xcd\x02\x01")
        ),
        ["`.snap/cache/code-contents` is not what the packs hold"],
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_with_its_path(store: Store, name: str):
    spoil, expected = DAMAGE[name]
    spoil(store)
    found = said(store)
    assert [severity for severity, _ in found] == ["error"] * len(expected), found
    for (_, message), part in zip(found, expected, strict=True):
        assert part in message


@pytest.mark.parametrize("name", ["laid out code", "index", "contents"])
def test_what_is_made_from_the_rest_is_made_anew(store: Store, name: str):
    DAMAGE[name][0](store)
    mended, rest = fsck.repair(fsck.examine(store))
    assert (len(mended), rest) == (1, [])
    assert said(store) == []


@pytest.mark.parametrize("name", sorted(DAMAGE.keys() - {"laid out code", "index", "contents"}))
def test_what_somebody_made_is_not_touched_by_repairing(store: Store, name: str):
    DAMAGE[name][0](store)
    before = {p: p.read_bytes() for p in store.path.rglob("*") if p.is_file() and "cache" not in p.parts}
    _, rest = fsck.repair(fsck.examine(store))
    assert len(rest) == 1
    assert {p: p.read_bytes() for p in store.path.rglob("*") if p.is_file() and "cache" not in p.parts} == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE runs SET summary = (SELECT max(summary) FROM runs)",
        "UPDATE outputs SET size = 2 WHERE path = 'log.txt'",
        "DELETE FROM outputs",
    ],
)
def test_an_index_that_says_otherwise_than_the_records_is_made_anew(store: Store, change: str):
    written(store)
    with closing(sqlite3.connect(store.cache / FILE)) as db, db:
        db.execute(change)
    ((_, message),) = said(store)
    assert "`.snap/cache/index.sqlite` is not what the records say: the index does not say what the record" in message
    fsck.repair(fsck.examine(store))
    assert said(store) == []


def test_a_damaged_pack_is_named_with_the_files_that_it_costs_and_heals_by_running_again(store: Store):
    pack = next(p for p in pack_files(store) if b"a\n\0\0" in p.read_bytes())
    pack.write_bytes(pack.read_bytes().replace(b"a\n\0\0", b"z\n\0\0"))
    found = [message for _, message in said(store)]
    assert found[0] == f"`.snap/code/packs/{pack.name}` is damaged"
    assert "the contents are gone or damaged: `train.py`" in found[1] and run_id(1) in found[1]
    fsck.repair(fsck.examine(store))
    trained(store, 3, {}, {"train.py": "a\n"})
    assert said(store) == []


def test_an_output_that_the_project_still_has_can_be_copied_back(store: Store):
    (store.project / "model.pt").write_bytes(b"weights")
    flip(store.folder(run_id(1)) / "outputs/model.pt")
    (fault,) = fsck.examine(store)
    assert "copy it from `model.pt` in the project" in str(fault.finding.remedy)


def test_a_tag_at_two_runs_is_noted_and_mended(store: Store):
    later = labels.Labels(tags={"best": "2026-01-02T00:00:00.000Z"})
    (store.path / f"labels/{run_id(2)}.json").write_bytes(encode_json(later))
    assert [severity for severity, _ in said(store)] == ["note"]
    fsck.repair(fsck.examine(store))
    assert said(store) == []
    assert store.find("best") == run_id(2)


def test_a_run_that_goes_on_is_not_wrong(store: Store):
    keep(store, a_run(3, exit=None, status="running", code=one(store).code))
    with store.claim(run_id(3)):
        assert said(store) == []


def test_names_that_a_terminal_would_obey_are_shown_harmless(store: Store):
    trained(store, 3, {"\x1b[31m\nx": b"1"})
    (store.folder(run_id(3)) / "outputs/\x1b[31m\nx").unlink()
    ((_, message),) = said(store)
    assert message.isprintable()


def test_each_output_is_read_once_however_many_runs_share_it(store: Store):
    first, second = (store.folder(run_id(n)) / "outputs/model.pt" for n in (1, 2))
    second.unlink()
    os.link(first, second)
    flip(first)
    assert len(said(store)) == 2
