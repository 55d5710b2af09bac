"""That something has changed is seen by the state, and that nothing has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from snapshot.record import labels
from snapshot.record.store import Store
from snapshot.ui import state
from tests.unit.record.records import a_run, keep, run_id

RUN = run_id(1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """One run that has ended and one that goes on."""
    store = Store(tmp_path)
    keep(store, a_run(0), a_run(1, exit=None, status="running", ended=None))
    (store.active / RUN).touch()
    (store.folder(RUN) / "outputs").mkdir()
    return store


def written(store: Store, text: str = "1") -> None:
    (store.folder(RUN) / "outputs/m.csv").write_text(text)


def ended(store: Store) -> None:
    store.write(a_run(1))
    (store.active / RUN).unlink()


CHANGES: list[Callable[[Store], object]] = [
    lambda store: labels.tag(store, RUN, "best", "2026"),
    lambda store: store.write(a_run(1, name="other", exit=None)),
    lambda store: keep(store, a_run(2)),
    written,
    lambda store: (store.folder(RUN) / "gpu.csv").write_text("time,gpu\n"),
    ended,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_happens_to_a_run_is_seen(store: Store, change: Callable[[Store], object]) -> None:
    everything, one = state.of_all(store), state.of_runs(store, [RUN])
    assert (state.of_all(store), state.of_runs(store, [RUN])) == (everything, one)
    change(store)
    assert state.of_all(store) != everything
    assert state.of_runs(store, [RUN]) != one


def test_a_clock_that_goes_backwards_hides_nothing(store: Store) -> None:
    written(store, "1")
    before = state.of_runs(store, [RUN])
    written(store, "2")
    os.utime(store.folder(RUN) / "outputs/m.csv", (0, 0))
    assert state.of_runs(store, [RUN]) != before


def test_a_run_that_is_gone_has_none(store: Store) -> None:
    store.remove(RUN)
    assert state.of_runs(store, [RUN]) is None
    assert state.of_runs(store, [run_id(0), RUN]) is None


def test_there_need_be_no_store(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert state.of_all(store)
    assert not list(tmp_path.iterdir())
