"""What stands in the same place of two files: lines, rows, events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from snapshot.compare.tally import Tally

T = TypeVar("T")


def paired(was: Iterator[T], now: Iterator[T], thing: str, tally: Tally) -> Iterator[tuple[int, T, T]]:
    """Number and both, as long as both have one; `tally` hears of what only one of them has, in words of `thing`.

    Numbers begin with 1. None of the things is None.
    """
    number = 0
    while True:
        a, b = next(was, None), next(now, None)
        number += 1
        if a is None and b is None:
            return
        if a is None or b is None:
            rest = 1 + sum(1 for _ in (was if b is None else now))
            said = (one if isinstance(one, str) else None for one in (a, b))
            side = "first" if b is None else "second"
            tally.other(f"{thing} {number}", f"only the {side} has the last {rest:,}", *said)
            return
        yield number, a, b
