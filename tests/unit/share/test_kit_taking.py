"""Packages of a kit on their way into the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import IntegrityError
from snapshot.lock import document as lock_document
from snapshot.lock import files
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share.kit import taking
from snapshot.share.kit.reading import opened
from tests.unit.share import kits


def test_what_the_lock_names_and_nothing_else(kit: Path, tmp_path: Path) -> None:
    (kit / "wheels/evil-1.0-py3-none-any.whl").write_bytes(b"evil")
    kits.resum(kit)
    cache = tmp_path / "cache"
    with opened(kit, tmp_path / "s") as found:
        lock = taking.read_lock(found)
        assert taking.packages(found, lock, cache) == 1
    assert files.cache_path(cache, lock.packages[0].wheel).read_bytes() == b"a wheel"
    assert [path.name for path in cache.rglob("*") if path.is_file()] == [kits.WHEEL]


def test_a_wheel_that_is_another(store: Store, run: Run, tmp_path: Path) -> None:
    kit = kits.write(kits.entries(store, run, kits.a_lock(), wheel=b"another"), tmp_path / "kit")
    with opened(kit, tmp_path / "s") as found, pytest.raises(IntegrityError, match=f"the kit lacks `{kits.WHEEL}`"):
        taking.packages(found, taking.read_lock(found), tmp_path / "cache")


def test_a_lock_that_is_not_the_one_in_kit_json(kit: Path, tmp_path: Path) -> None:
    (kit / "opt/snap/snap.lock").write_text(lock_document.dumps(kits.a_lock(b"another")))
    kits.resum(kit)
    with opened(kit, tmp_path / "s") as found, pytest.raises(IntegrityError, match="is not the lock that it names"):
        taking.read_lock(found)
