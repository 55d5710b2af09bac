from __future__ import annotations

from pathlib import Path

from snapshot.record.recall import reader
from snapshot.record.store import Store
from tests.unit.record.records import a_run, keep, run_id


def test_what_is_not_there_damaged_or_outside_of_the_store_has_no_record(tmp_path: Path):
    store, other = Store(tmp_path / "a"), Store(tmp_path / "b")
    keep(store, a_run(1), a_run(2))
    keep(other, a_run(3))
    (store.folder(run_id(2)) / "run.json").write_bytes(b"{")
    record_of = reader(store)
    assert record_of(run_id(1)) == a_run(1)
    for name in (run_id(2), run_id(3), f"../../../b/.snap/runs/{run_id(3)}", str(other.folder(run_id(3))), "", "\0"):
        assert record_of(name) is None, name


def test_a_record_is_read_once(tmp_path: Path):
    store = Store(tmp_path)
    keep(store, a_run(1))
    record_of = reader(store)
    first = record_of(run_id(1))
    store.remove(run_id(1))
    assert record_of(run_id(1)) is first
