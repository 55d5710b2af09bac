"""Equal outputs take their room once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snapshot.record.document import Run
from snapshot.record.index import Index
from snapshot.record.share import share
from snapshot.record.sizes import freed
from snapshot.record.store import Store
from tests.unit.record.stores import trained


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def kept(store: Store, run: Run, name: str = "model.pt") -> Path:
    return store.folder(run.id) / "outputs" / name


def shared(store: Store, run: Run) -> int:
    index = Index(store)
    index.refresh()
    return share(store, index, run)


def test_the_same_bytes_of_an_earlier_run_are_linked_whatever_their_name(store: Store):
    first = trained(store, 1, {"model.pt": b"weights", "empty": b""})
    second = trained(store, 2, {"renamed.pt": b"weights", "empty": b"", "own": b"else"})
    assert shared(store, second) == 7
    assert kept(store, second, "renamed.pt").samefile(kept(store, first))
    assert not kept(store, second, "empty").samefile(kept(store, first, "empty"))
    assert shared(store, second) == 0
    assert {path.name for path in store.folder(second.id).iterdir()} == {"run.json", "log", "outputs", "SHA256SUMS"}


def test_removing_either_leaves_the_other_and_frees_only_what_nobody_has(store: Store):
    runs = [trained(store, n, {"model.pt": b"w" * 10_000}) for n in (1, 2)]
    shared(store, runs[1])
    folders = [store.folder(run.id) for run in runs]
    assert freed(folders[:1]) < 10_000 < freed(folders)
    store.remove(runs[0].id)
    assert kept(store, runs[1]).read_bytes() == b"w" * 10_000


def test_a_copy_that_has_rotten_never_replaces_a_good_one(store: Store):
    first = trained(store, 1, {"model.pt": b"weights"})
    second = trained(store, 2, {"model.pt": b"weights"})
    kept(store, first).write_bytes(b"weighty")
    assert shared(store, second) == 0
    assert kept(store, second).read_bytes() == b"weights"


def test_a_good_copy_is_found_behind_a_rotten_one(store: Store):
    first, second, third = (trained(store, n, {"model.pt": b"weights"}) for n in (1, 2, 3))
    kept(store, first).write_bytes(b"weighty")
    assert shared(store, third) == 7
    assert kept(store, third).samefile(kept(store, second))


@pytest.mark.parametrize("spoil", [os.unlink, lambda path: os.chmod(path, 0o755)], ids=["gone", "another mode"])
def test_what_is_not_alike_stays_apart(store: Store, spoil):
    first = trained(store, 1, {"model.pt": b"weights"})
    second = trained(store, 2, {"model.pt": b"weights"})
    spoil(kept(store, first))
    assert shared(store, second) == 0
    assert kept(store, second).read_bytes() == b"weights"


def test_a_link_in_the_place_of_an_earlier_output_is_not_followed(store: Store, tmp_path: Path):
    first = trained(store, 1, {"model.pt": b"weights"})
    second = trained(store, 2, {"model.pt": b"weights"})
    kept(store, first).unlink()
    kept(store, first).symlink_to(kept(store, second))
    assert shared(store, second) == 0
