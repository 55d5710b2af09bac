"""What a search is going to ask for, so that several hybrids can be tried at the same time. Pure.

A search is a function of the outcomes that it hears, and does the same again when it hears the same. So it is followed
into what may come: with the hybrid that it asks for taken to be good, and taken to be bad. Nothing of what it finds
depends on that, nor on how many are tried at a time; all that is lost is a hybrid that it does not ask for in the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping

from snapshot.cause.search import BAD, GOOD, Set, Test

Seeking = Callable[[Test], Iterable[object]]
"""Gives what it finds, one after the other."""
Chance = Callable[[Set, Mapping[Set, str]], float]
"""How likely a hybrid is to be bad, by the outcomes of others."""

_LOOKS = 4
"""Ways that things may come which are followed, for each hybrid that is wanted: many ask for the same."""
_HARDLY = 0.05
"""Chance of a way below which it is not worth a training."""


class _AskedError(Exception):
    """The search asks for what is not known."""

    def __init__(self, chosen: Set) -> None:
        self.chosen = chosen


def even(chosen: Set, outcomes: Mapping[Set, str]) -> float:
    """As likely to be bad as good, which is so where a search halves what it knows."""
    return 0.5


def ahead(seeking: Seeking, outcomes: Mapping[Set, str], most: int, chance: Chance = even) -> list[Set]:
    """At most so many hybrids that are not known: the one that is asked for next, and then the likeliest to be."""
    found: dict[Set, None] = {}
    # The number keeps what is as likely in its order: good before bad, and what was found first.
    ways = [(-1.0, 0, outcomes)]
    for number in range(1, 1 + _LOOKS * most):
        if not ways or len(found) == most:
            break
        unlikely, _, known = heapq.heappop(ways)
        asked = _next(seeking, known)
        if asked is not None:
            found[asked] = None
            bad = chance(asked, known)
            for place, (outcome, share) in enumerate(((GOOD, 1 - bad), (BAD, bad))):
                if -unlikely * share >= _HARDLY:
                    heapq.heappush(ways, (unlikely * share, 2 * number + place, {**known, asked: outcome}))
    return list(found)


def _next(seeking: Seeking, known: Mapping[Set, str]) -> Set | None:
    """What is asked for that is not known; None when it comes to its end without."""

    def test(chosen: Set) -> str:
        if chosen not in known:
            raise _AskedError(chosen)
        return known[chosen]

    try:
        for _ in seeking(test):
            pass
    except _AskedError as asked:
        return asked.chosen
    return None
