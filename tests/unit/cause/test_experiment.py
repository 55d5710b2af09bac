"""Which runs are made next, and where data are put together for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from snapshot.cause.differences import Hybrid
from snapshot.cause.document import Search
from snapshot.cause.experiment import Experiment, Means, plan
from snapshot.cause.search import Set
from snapshot.record.store import Store

A, B, C = (frozenset(name) for name in "abc")


def having(runs: Mapping[Set, int]) -> Callable[[Set, int], int]:
    return lambda chosen, repeats: max(0, repeats - runs.get(chosen, 0))


def test_both_sides_in_turns() -> None:
    wanted = [(side, number) for number in (2, 3, 4) for side in (A, B)]
    assert plan(wanted, having({A: 1, B: 1})) == [A, B, A, B, A, B]
    assert plan(wanted, having({A: 3, B: 2})) == [B, A, B]


def test_repeats_of_the_first_come_before_the_second_and_none_twice() -> None:
    assert plan([(A, 3), (A, 3), (B, 3)], having({A: 1})) == [A, A, B, B, B]
    assert plan([(A, 1), (C, 1)], having({A: 1, C: 2})) == []


class Looking(Experiment):
    """A search that does something of its own."""

    def __init__(self, store: Store, meanwhile: Callable[[Path], object]) -> None:
        fresh = Search(good="a", bad="b", by="metric loss", created="2026-01-01T00:00:00Z", candidates=())
        super().__init__(Means(store=store, base=None, criterion=None, hands=None, progress=None), (), fresh)  # type: ignore[arg-type]
        self._meanwhile = meanwhile

    def _find(self) -> None:
        self._meanwhile(self._mixed)

    def _hybrid(self, chosen: Set) -> Hybrid:
        raise NotImplementedError

    def _note(self, chosen: Set) -> str:
        raise NotImplementedError

    def _left(self, outcomes: Mapping[Set, str]) -> int:
        raise NotImplementedError


def test_a_search_leaves_the_data_of_one_beside_it_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create()

    def meanwhile(mixed: Path) -> None:
        (mixed / "set").mkdir()
        Looking(store, lambda other: (other / "set").mkdir()).find()
        assert (mixed / "set").is_dir()

    Looking(store, meanwhile).find()
    assert not any((store.cache / "bisect").iterdir())
