"""The index says what the records say, whatever happened to its file."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snapshot.record.document import Run
from snapshot.record.index import FILE, Index, Written, damage
from snapshot.record.store import Store
from tests.unit.record.records import a_run, edge, keep, output, run_id, sha256

A, B = sha256("a"), sha256("b")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.create()
    return store


def fresh(store: Store) -> Index:
    index = Index(store)
    index.refresh()
    return index


def test_who_wrote_something_is_told_oldest_first_and_by_the_digest_as_it_was_asked(store: Store):
    keep(store, a_run(2, outputs=(output("late.pt", A),)), a_run(1, outputs=(output("early.pt", A, size=7),)))
    index = fresh(store)
    both = (Written(run_id(1), "early.pt", 7), Written(run_id(2), "late.pt", 1))
    assert index.writers([A, B]) == {A: both}
    assert index.writers(["a" * 64]) == {"a" * 64: both}


def test_empty_files_and_links_are_nobodys(store: Store):
    keep(store, a_run(1, outputs=(output("empty", A, size=0),)))
    assert fresh(store).writers([A]) == {}


def test_what_is_no_digest_is_unknown(store: Store):
    assert fresh(store).writers(["", "zz", "sha256:1"]) == {}


def test_as_many_digests_as_a_data_set_has_can_be_asked_for(store: Store):
    keep(store, a_run(1, outputs=(output("x", A),)))
    many = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(40_000)]
    assert list(fresh(store).writers([*many, A])) == [A]


def test_runs_that_finish_later_are_taken_in_and_removed_ones_forgotten(store: Store):
    index = fresh(store)
    keep(store, a_run(1, outputs=(output("x", A),)), a_run(2, parents=(edge(1),)))
    index.refresh()
    assert index.children(run_id(1)) == (run_id(2),)
    assert [s.id for s in index.summaries()] == [run_id(2), run_id(1)]
    store.remove(run_id(1))
    store.remove(run_id(2))
    index.refresh()
    assert (index.writers([A]), index.children(run_id(1)), index.summaries()) == ({}, (), [])


def test_reruns_are_no_children(store: Store):
    index = fresh(store)
    keep(store, a_run(1), a_run(2, rerun=run_id(1)), a_run(3, rerun=run_id(1), status="running", exit=None))
    with store.claim(run_id(3)):
        index.refresh()
        assert index.reruns(run_id(1)) == (run_id(2), run_id(3))
        assert index.children(run_id(1)) == ()
    store.remove(run_id(2))
    index.refresh()
    assert index.reruns(run_id(1)) == (run_id(3),)


def test_a_run_that_goes_on_is_listed_and_its_outputs_are_not_known_yet(store: Store):
    run = a_run(1, status="running", exit=None, name="going", outputs=(output("x", A),), parents=(edge(0),))
    keep(store, run)
    with store.claim(run.id):
        index = fresh(store)
        assert [s.status for s in index.summaries()] == ["running"]
        assert index.writers([A]) == {}
        assert index.children(run_id(0)) == (run.id,)
        assert index.named("going") == run.id


def test_a_damaged_record_is_named_and_hides_no_other(store: Store):
    keep(store, a_run(1), a_run(2))
    (store.folder(run_id(2)) / "run.json").write_bytes(b"{")
    index = fresh(store)
    assert index.damaged == (run_id(2),)
    assert [s.id for s in index.summaries()] == [run_id(1)]


def test_a_record_with_numbers_that_no_computer_has_is_damaged(store: Store):
    keep(store, a_run(1, outputs=(output("x", A, size=1 << 80), output("y", "sha256:zz"), output("z", B))))
    index = fresh(store)
    assert list(index.writers([A, B])) == [B]


def test_the_newest_of_a_name_is_found(store: Store):
    keep(store, a_run(1, name="n"), a_run(2, name="n"), a_run(3))
    assert fresh(store).named("n") == run_id(2)
    assert fresh(store).named("other") is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"this is no database" * 500),
        lambda path: path.write_bytes(path.read_bytes()[: 4096 * 2]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: sqlite3.connect(path).executescript("DROP TABLE outputs; DROP TABLE runs").close(),
        lambda path: sqlite3.connect(path).executescript("PRAGMA user_version = 99").close(),
        lambda path: sqlite3.connect(path).executescript("UPDATE runs SET summary = x'c1'").close(),
    ],
    ids=["text", "cut off", "zeros", "empty", "gone", "no tables", "another version", "no summaries"],
)
def test_an_index_that_is_damaged_is_made_anew(store: Store, spoil):
    keep(store, *(a_run(n, outputs=(output(f"x{n}", A),), name="n" * 200) for n in range(60)))
    fresh(store).close()
    spoil(store.cache / FILE)
    index = fresh(store)
    assert len(index.summaries()) == 60
    assert len(index.writers([A])[A]) == 60
    index.close()
    assert damage(store.cache / FILE) is None


def test_where_there_can_be_no_file_the_index_is_in_memory(store: Store):
    keep(store, a_run(1, outputs=(output("x", A),)))
    (store.cache / FILE).mkdir()
    assert list(fresh(store).writers([A])) == [A]


def test_an_index_that_another_process_holds_is_read_in_memory(store: Store):
    keep(store, a_run(1, outputs=(output("x", A),)))
    fresh(store).close()
    keep(store, a_run(2, outputs=(output("y", A),)))
    holder = sqlite3.connect(store.cache / FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    index = Index(store, patience=0.01)
    index.refresh()
    assert len(index.writers([A])[A]) == 2
    holder.close()


def test_no_store_is_made_by_looking(tmp_path: Path):
    index = fresh(Store(tmp_path))
    assert (index.summaries(), index.writers([A])) == ([], {})
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.text(max_size=3), st.sampled_from("abc"), st.integers(0, 2)), max_size=4), max_size=5
    )
)
def test_the_index_is_what_reading_all_records_gives(tmp_path_factory: pytest.TempPathFactory, runs):
    store = Store(tmp_path_factory.mktemp("store"))
    made: list[Run] = []
    for number, outputs in enumerate(runs):
        paths = {path: output(path, sha256(digit), size=size) for path, digit, size in outputs}
        made.append(a_run(number, outputs=tuple(paths.values())))
        keep(store, made[-1])
        fresh(store).close()
    by_hand: dict[str, list[Written]] = {}
    for run in made:
        for found in sorted(run.outputs, key=lambda o: o.path.encode()):
            if found.size and found.sha256:
                by_hand.setdefault(found.sha256, []).append(Written(run.id, found.path, found.size))
    assert fresh(store).writers([sha256(d) for d in "abc"]) == {k: tuple(v) for k, v in by_hand.items()}
