"""What is seen of a run before its outputs are put back is seen once."""

from __future__ import annotations

from pathlib import Path

from snapshot import digest
from snapshot.record.store import Store
from snapshot.run.hashing import Hashing
from snapshot.run.observed import discard, observed
from tests.unit.record.records import a_run, keep


def test_what_is_put_back_by_a_snap_that_dies_is_no_edit_to_the_next_one(tmp_path: Path) -> None:
    store, run = Store(tmp_path), a_run(1)
    keep(store, run)
    (tmp_path / "state.json").write_text("{}")
    contents = {"state.json": digest.of_bytes(b"{}"), "train.py": digest.of_bytes(b"")}

    def seen() -> list[tuple[str, str]]:
        found = observed(store, run, Hashing(cache=lambda: None), contents, 0, lambda path, content: False)
        return [(edit.path, edit.change) for edit in found.code.edits]

    assert seen() == [("train.py", "removed")]
    (tmp_path / "state.json").write_text('{"step": 1}')
    assert seen() == [("train.py", "removed")]
    discard(store.folder(run.id))
    assert seen() == [("state.json", "changed"), ("train.py", "removed")]
