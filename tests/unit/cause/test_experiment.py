"""Which runs are made next."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from snapshot.cause.experiment import plan
from snapshot.cause.search import Set

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
