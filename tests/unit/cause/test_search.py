"""The search on results that are known, counted in trials."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.cause.search import BAD, GOOD, UNRESOLVED, Set, independent, smallest

NAMES = [f"c{number:02}" for number in range(30)]


class Runs:
    """Counts the hybrids that are tried; each is tried once."""

    def __init__(self, outcome: Callable[[Set], str]) -> None:
        self._outcome = outcome
        self.known: dict[Set, str] = {}

    def __call__(self, chosen: Set) -> str:
        if chosen not in self.known:
            self.known[chosen] = self._outcome(chosen)
        return self.known[chosen]


def bad_with(*causes: set[str]) -> Callable[[Set], str]:
    return lambda chosen: BAD if any(cause <= chosen for cause in causes) else GOOD


@pytest.mark.parametrize("cause", NAMES)
def test_one_cause_among_thirty_takes_at_most_twelve_runs_with_all_that_is_around_it(cause: str) -> None:
    runs = Runs(bad_with({cause}))
    assert list(independent(NAMES, runs)) == [{cause}]
    # Both runs themselves are looked at, too.
    assert len(runs.known) + 2 <= 12


@pytest.mark.parametrize("pair", [("c00", "c29"), ("c03", "c04"), ("c17", "c22")])
def test_two_that_need_each_other_are_found_as_a_pair(pair: tuple[str, str]) -> None:
    runs = Runs(bad_with(set(pair)))
    assert list(independent(NAMES, runs)) == [set(pair)]
    assert len(runs.known) <= 2 * math.log2(30) + 8


def test_two_that_each_do_it_alone_are_both_told() -> None:
    runs = Runs(bad_with({"c05"}, {"c21"}))
    assert list(independent(NAMES, runs)) == [{"c05"}, {"c21"}]
    assert len(runs.known) <= 20


def test_what_can_not_be_tried_is_gone_around() -> None:
    def outcome(chosen: Set) -> str:
        # c10 and c11 only start together.
        if ("c10" in chosen) != ("c11" in chosen):
            return UNRESOLVED
        return BAD if "c20" in chosen else GOOD

    assert list(independent(NAMES, Runs(outcome))) == [{"c20"}]


def test_a_cause_that_starts_only_with_another() -> None:
    def outcome(chosen: Set) -> str:
        if ("c10" in chosen) != ("c11" in chosen):
            return UNRESOLVED
        return BAD if "c11" in chosen else GOOD

    assert list(independent(NAMES, Runs(outcome))) == [{"c10", "c11"}]


def test_a_difference_that_hides_the_cause() -> None:
    """More is not worse here: c02 makes good again what c01 spoils, unless c03 is there too."""

    def outcome(chosen: Set) -> str:
        spoiled = "c01" in chosen and not ("c02" in chosen and "c03" not in chosen)
        return BAD if spoiled else GOOD

    assert smallest(NAMES, Runs(outcome)) == {"c01"}


@given(st.sets(st.sampled_from(NAMES), min_size=1, max_size=5))
def test_whatever_the_cause_it_is_found_whole(cause: set[str]) -> None:
    assert smallest(NAMES, Runs(bad_with(cause))) == cause


@given(st.lists(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_found_is_bad_and_nothing_of_it_can_be_left_out(causes: list[set[str]]) -> None:
    runs = Runs(bad_with(*causes))
    for found in independent(NAMES, runs):
        assert runs(found) == BAD
        assert all(runs(found - {one}) == GOOD for one in found)


@given(st.data())
def test_it_comes_to_an_end_whatever_the_outcomes(data: st.DataObject) -> None:
    def outcome(chosen: Set) -> str:
        return BAD if chosen == frozenset(NAMES[:8]) else data.draw(st.sampled_from([GOOD, BAD, UNRESOLVED]))

    runs = Runs(outcome)
    assert runs(smallest(NAMES[:8], runs)) == BAD
