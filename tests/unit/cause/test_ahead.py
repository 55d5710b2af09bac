"""Several hybrids at a time: the same answer, in fewer rounds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping

import pytest

from snapshot.cause.ahead import Chance, Seeking, ahead, even
from snapshot.cause.history import first_bad
from snapshot.cause.search import BAD, GOOD, UNRESOLVED, Set, Test, independent, left

NAMES = [f"c{number:02}" for number in range(30)]


def chance(chosen: Set, outcomes: Mapping[Set, str]) -> float:
    suspects = left(NAMES, outcomes)
    return len(suspects & chosen) / len(suspects) if suspects else 0.5


def seek(test: Test) -> Iterator[Set]:
    return independent(NAMES, test)


def seek_among_few(test: Test) -> Iterator[Set]:
    return independent(NAMES[:8], test)


def rounds(
    jobs: int, outcome: Callable[[Set], str], likely: Chance = chance, seek: Seeking = seek
) -> tuple[list[object], list[list[Set]]]:
    """What is found, and what is tried at a time; both runs themselves are known."""
    known: dict[Set, str] = {frozenset(): GOOD, frozenset(NAMES): BAD}
    tried: list[list[Set]] = []
    while asked := ahead(seek, known, jobs, likely):
        tried.append(asked)
        known |= {chosen: outcome(chosen) for chosen in asked}
    return list(seek(known.__getitem__)), tried


def one_after_the_other(outcome: Callable[[Set], str], seek: Seeking = seek) -> tuple[list[object], list[Set]]:
    known: dict[Set, str] = {frozenset(): GOOD, frozenset(NAMES): BAD}
    tried: list[Set] = []

    def test(chosen: Set) -> str:
        if chosen not in known:
            tried.append(chosen)
            known[chosen] = outcome(chosen)
        return known[chosen]

    return list(seek(test)), tried


def bad_with(*causes: set[str]) -> Callable[[Set], str]:
    return lambda chosen: BAD if any(cause <= chosen for cause in causes) else GOOD


def needing(chosen: Set) -> str:
    """c10 and c11 only start together."""
    if ("c10" in chosen) != ("c11" in chosen):
        return UNRESOLVED
    return BAD if "c11" in chosen else GOOD


def hiding(chosen: Set) -> str:
    """More is not worse here."""
    return BAD if "c01" in chosen and not ("c02" in chosen and "c03" not in chosen) else GOOD


SITUATIONS = {
    "one": bad_with({"c17"}),
    "two that need each other": bad_with({"c03", "c22"}),
    "two": bad_with({"c05"}, {"c21"}),
    "what can't be tried": needing,
    "what hides": hiding,
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_one_at_a_time_is_the_search_as_it_is(name: str) -> None:
    found, tried = rounds(1, SITUATIONS[name])
    assert (found, [one for (one,) in tried]) == one_after_the_other(SITUATIONS[name])


@pytest.mark.parametrize("jobs", [2, 3, 8])
@pytest.mark.parametrize("likely", [chance, even], ids=["by what is known", "even"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_found_does_not_depend_on_how_many_are_tried_at_a_time(name: str, likely: Chance, jobs: int) -> None:
    found, tried = rounds(jobs, SITUATIONS[name], likely)
    alone, needed = one_after_the_other(SITUATIONS[name])
    assert found == alone
    assert set(needed) <= {chosen for together in tried for chosen in together}
    assert len(tried) <= len(needed)
    # The one that is asked for comes first, and none twice.
    assert all(together[0] in needed and len(set(together)) == len(together) <= jobs for together in tried)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_outcomes_what_is_found_is_the_same(seed: int) -> None:
    def outcome(chosen: Set) -> str:
        return random.Random(f"{seed} {sorted(chosen)}").choice([GOOD, BAD, UNRESOLVED])

    assert rounds(3, outcome, even, seek_among_few)[0] == one_after_the_other(outcome, seek_among_few)[0]


@pytest.mark.parametrize(("jobs", "most"), [(1, 9), (2, 6), (3, 5), (8, 4)])
def test_one_cause_among_thirty_takes_so_many_rounds(jobs: int, most: int) -> None:
    """As docs/reference/bisect.md says, with the repeats of both runs."""
    tried = [len(rounds(jobs, bad_with({cause}))[1]) for cause in NAMES]
    assert max(tried) + math.ceil(2 / jobs) == most


def test_what_is_hardly_going_to_be_asked_for_is_not_tried() -> None:
    known = {frozenset(): GOOD, frozenset(NAMES): BAD, frozenset(NAMES[:1]): BAD, frozenset(NAMES[:2]): BAD}
    known |= {frozenset(NAMES[:number]): BAD for number in (3, 7, 15)}
    assert ahead(seek, known, 8, chance) == [frozenset(NAMES[1:])]


def test_a_series_is_looked_at_in_several_places() -> None:
    points = [str(number) for number in range(100)]

    def halve(test: Test) -> tuple[int, int]:
        return first_bad(points, lambda point: test(frozenset([point])))

    assert ahead(halve, {}, 3) == [{"49"}, {"74"}, {"24"}]
