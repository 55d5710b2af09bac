"""The first bad one of a series: releases of a package, or commits. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snapshot.cause.search import BAD, UNRESOLVED


def first_bad(points: Sequence[str], test: Callable[[str], str]) -> tuple[int, int]:
    """The places of the last good and of the first bad one; what lies between them can't be told.

    The first of `points` is good, and the last one bad. By halving, as `git bisect` does: where one can't be tried,
    those beside it are.
    """
    low, high = 0, len(points) - 1
    while high - low > 1:
        middle = _tried(points, low, high, test)
        if middle is None:
            break
        place, outcome = middle
        if outcome == BAD:
            high = place
        else:
            low = place
    return low, high


def _tried(points: Sequence[str], low: int, high: int, test: Callable[[str], str]) -> tuple[int, str] | None:
    """The one that is nearest to the middle and can be tried."""
    for place in sorted(range(low + 1, high), key=lambda place: (abs(2 * place - low - high), place)):
        if (outcome := test(points[place])) != UNRESOLVED:
            return place, outcome
    return None
