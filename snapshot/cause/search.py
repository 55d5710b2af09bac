"""The smallest set of differences that flips the result. Pure: what runs a hybrid comes in as a function.

Found is first the shortest beginning of the list that flips it, by halving: its last element is needed. That one is
fixed, and the rest of the beginning searched again until the fixed ones alone do it (the divide-and-conquer of
QuickXplain; Junker, AAAI 2004). One cause among n takes log2(n) + 1 trials, and causes that need each other one such
search each. It takes for granted that more differences do not flip the result back; where that, or a hybrid that can't
be tried, spoils it, delta debugging does the rest (ddmin with unresolved outcomes; Zeller and Hildebrandt, IEEE TSE
28(2), 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

Set = frozenset[str]
GOOD: Final = "good"
BAD: Final = "bad"
UNRESOLVED: Final = "unresolved"
"""It can't be installed, does not start, or does not come to an end."""

Test = Callable[[Set], str]
"""The outcome of the good run with these differences; asked twice for the same ones it must not try them again."""


class _GivesUpError(Exception):
    """What was taken for granted does not hold."""


def smallest(candidates: Sequence[str], test: Test) -> Set:
    """A set of `candidates` that is bad, and of which none can be left out; all of them together are bad.

    Deterministic: the first ones are tried first.
    """
    try:
        found = _by_halving(candidates, test)
    except _GivesUpError:
        found = _ddmin(list(candidates), test)
    return _reduced(found, candidates, test)


def independent(
    candidates: Sequence[str],
    test: Test,
    bound: Callable[[str], Set] = lambda candidate: frozenset([candidate]),
) -> Iterator[Set]:
    """All causes, each a smallest set and told as soon as it is known: the next is looked for without it.

    `bound` says what comes along with a candidate. All candidates together are bad.
    """
    rest, is_first = list(candidates), True
    while rest and (is_first or test(frozenset(rest)) == BAD):
        cause, is_first = smallest(rest, test), False
        yield cause
        rest = [candidate for candidate in rest if not bound(candidate) & cause]


def left(candidates: Sequence[str], outcomes: Mapping[Set, str]) -> Set:
    """Those that are in all bad sets, and in no good one: among these is the cause, if there is one alone."""
    found = frozenset(candidates)
    for chosen, outcome in outcomes.items():
        found = found & chosen if outcome == BAD else found - chosen if outcome == GOOD else found
    return found


def _by_halving(candidates: Sequence[str], test: Test) -> Set:
    fixed: Set = frozenset()
    rest = list(candidates)
    while not fixed or test(fixed) != BAD:
        if not rest:
            raise _GivesUpError
        end = _shortest(rest, fixed, test)
        fixed |= {rest[end - 1]}
        rest = rest[: end - 1]
    return fixed


def _shortest(rest: Sequence[str], fixed: Set, test: Test) -> int:
    """How many of `rest`, from the first on, it takes to be bad together with `fixed`."""
    low, high = 0, len(rest)
    while high - low > 1:
        middle = (low + high) // 2
        outcome = test(fixed.union(rest[:middle]))
        if outcome == UNRESOLVED:
            middle, outcome = _beside(middle, low, high, rest, fixed, test)
        if outcome == BAD:
            high = middle
        else:
            low = middle
    return high


def _beside(middle: int, low: int, high: int, rest: Sequence[str], fixed: Set, test: Test) -> tuple[int, str]:
    """Another place to divide at, where the one in the middle can't be tried."""
    for distance in (1, 2, 4):
        for near in (middle + distance, middle - distance):
            if low < near < high and (outcome := test(fixed.union(rest[:near]))) != UNRESOLVED:
                return near, outcome
    raise _GivesUpError


def _ddmin(candidates: list[str], test: Test) -> Set:
    """Zeller's algorithm; what can't be tried is as good as good."""
    parts = 2
    while len(candidates) >= 2:
        size = -(-len(candidates) // parts)
        chunks = [candidates[at : at + size] for at in range(0, len(candidates), size)]
        smaller = next((chunk for chunk in chunks if test(frozenset(chunk)) == BAD), None)
        if smaller is not None:
            candidates, parts = smaller, 2
            continue
        others = [[c for c in candidates if c not in chunk] for chunk in chunks] if len(chunks) > 2 else []
        smaller = next((chunk for chunk in others if test(frozenset(chunk)) == BAD), None)
        if smaller is not None:
            candidates, parts = smaller, max(parts - 1, 2)
        elif parts < len(candidates):
            parts = min(len(candidates), 2 * parts)
        else:
            break
    return frozenset(candidates)


def _reduced(found: Set, candidates: Sequence[str], test: Test) -> Set:
    """Without what can be left out after all."""
    for one in [candidate for candidate in candidates if candidate in found]:
        if len(found) > 1 and test(found - {one}) == BAD:
            found -= {one}
    return found
