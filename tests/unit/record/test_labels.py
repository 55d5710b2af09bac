"""Tags and notes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.document import encode_json
from snapshot.errors import StoreError, UsageError
from snapshot.record import labels
from snapshot.record.store import Store
from tests.unit.record.records import a_run, keep, run_id

ONE, TWO = run_id(1), run_id(2)
EARLY, LATE = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    keep(store, a_run(1), a_run(2))
    return store


def test_a_tag_is_a_run_and_moves_from_one_to_another(store: Store):
    assert labels.tag(store, ONE, "best", EARLY) is None
    assert store.find("best") == ONE
    assert labels.tag(store, TWO, "best", LATE) == ONE
    assert labels.tag(store, TWO, "best", LATE) is None
    assert store.find("best") == TWO
    assert labels.of(store, ONE).tags == {}


def test_a_tag_is_taken_away_and_one_that_is_not_there_can_not_be(store: Store):
    labels.tag(store, ONE, "best", EARLY)
    labels.untag(store, ONE, "best")
    with pytest.raises(UsageError, match="no run `best`"):
        store.find("best")
    with pytest.raises(UsageError, match="has no tag `best`"):
        labels.untag(store, ONE, "best")


def test_a_tag_comes_before_a_name_and_both_before_part_of_an_id(store: Store):
    keep(store, a_run(3, name="000"), a_run(4, name="best"))
    labels.tag(store, ONE, "best", EARLY)
    assert store.find("best") == ONE
    labels.tag(store, TWO, run_id(3)[-4:] + "x", EARLY)
    assert store.find("0003x") == TWO


def test_notes_stay_in_their_order_and_the_record_as_it_was(store: Store):
    before = (store.folder(ONE) / "run.json").read_bytes()
    labels.add_note(store, ONE, "first\nline", EARLY)
    labels.add_note(store, ONE, "second", LATE)
    assert [(n.time, n.text) for n in labels.of(store, ONE).notes] == [(EARLY, "first\nline"), (LATE, "second")]
    assert (store.folder(ONE) / "run.json").read_bytes() == before


def test_a_tag_that_a_crash_left_at_two_runs_is_the_later_ones(store: Store):
    labels.tag(store, ONE, "best", EARLY)
    labels.tag(store, TWO, "other", EARLY)
    both = labels.Labels(tags={"best": LATE, "other": EARLY})
    (store.path / "labels" / f"{TWO}.json").write_bytes(encode_json(both))
    assert store.find("best") == TWO
    assert labels.every(store)[ONE].tags == {}
    labels.drop_outdated(store)
    assert (labels.of(store, ONE).tags, labels.of(store, TWO)) == ({}, both)


def test_labels_go_with_their_run(store: Store):
    labels.tag(store, ONE, "best", EARLY)
    store.remove(ONE)
    assert labels.every(store) == {}


@pytest.mark.parametrize(
    "content", [b"{", b'{"schema": "snap.labels/9"}', b'{"schema": "snap.labels/1", "x": 1}', b"[]"]
)
def test_damaged_labels_are_said_and_the_others_stay_usable(store: Store, content: bytes):
    labels.tag(store, ONE, "best", EARLY)
    (store.path / "labels" / f"{TWO}.json").write_bytes(content)
    with pytest.raises(StoreError, match=f"labels/{TWO}.json"):
        labels.of(store, TWO)
    with pytest.raises(StoreError):
        labels.add_note(store, TWO, "would replace what is there", LATE)
    assert store.find("best") == ONE


def test_processes_that_write_labels_at_once_lose_nothing(store: Store):
    script = (
        "import sys; from pathlib import Path; from snapshot.record import labels; "
        "from snapshot.record.store import Store; store = Store(Path(sys.argv[1]))\n"
        f"for n in range(10): labels.add_note(store, {ONE!r}, sys.argv[2] + str(n), 'now'); "
        f"labels.tag(store, [{ONE!r}, {TWO!r}][n % 2], 'best', str(n))"
    )
    command = [sys.executable, "-c", script, str(store.project)]
    several = [subprocess.Popen([*command, name]) for name in "abcd"]
    assert [process.wait() for process in several] == [0] * 4
    found = [note.text for note in labels.of(store, ONE).notes]
    assert sorted(found) == [f"{name}{n}" for name in "abcd" for n in range(10)]
    assert sum("best" in labels.of(store, run).tags for run in (ONE, TWO)) == 1
