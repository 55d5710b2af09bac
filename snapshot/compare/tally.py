"""What was found while two files were compared value by value. It only gathers; it opens nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

from snapshot.compare.verdict import DIFFERENT, IDENTICAL, NOT_COMPARED, WITHIN, Compared, Tolerance

Where: TypeAlias = Callable[[], str]
"""Tells a place; asked only where something is to be said of it."""

LONGEST = 200
"""Characters of a value or a place."""
SAME_VALUES = "the same values in other bytes"
EXACT = Tolerance()


class IncomparableError(Exception):
    """A file that can't be compared; its words say why."""


class PickledError(IncomparableError):
    """What is in it can't be told without running it."""

    def __init__(self) -> None:
        super().__init__("it holds a pickle, which only an image of the run may load")


class Tally:
    """Gathers what differs between two files, and makes a `Compared` of it."""

    def __init__(self, tolerance: Tolerance = EXACT) -> None:
        self.tolerance = tolerance
        self.values = 0
        self.beyond = 0
        self._absolute: float | None = None
        self._relative: float | None = None
        self._largest: tuple[str, str, str] | None = None
        self._other: tuple[str, str, str | None, str | None] | None = None
        self._others = 0
        self._doubt: str | None = None
        self._ignored: Counter[str] = Counter()

    def number(self, a: float, b: float, where: Where) -> None:
        """Two numbers at the same place; integers may be of any size."""
        self.values += 1
        if a == b or (a != a and b != b):
            return
        absolute, relative = gap(a, b)
        self.largest(absolute, relative, where, str(a), str(b))
        self.beyond += not self.allows(absolute, a)

    def allows(self, absolute: float, a: float) -> bool:
        """Whether a number may be so far from `a`, which is not infinite then."""
        try:
            return math.isfinite(absolute) and absolute <= self.tolerance.atol + self.tolerance.rtol * abs(a)
        except OverflowError:
            # An integer that no float can hold.
            return absolute <= self.tolerance.atol

    def numbers(self, values: int, beyond: int) -> None:
        """So many numbers were compared elsewhere, and so many of them were too far apart."""
        self.values += values
        self.beyond += beyond

    def largest(self, absolute: float, relative: float | None, where: Where, first: str, second: str) -> None:
        """A difference that may be the largest: NaN is larger than infinite; of equal ones the first stays."""
        if self._absolute is None or rank(absolute) > rank(self._absolute):
            self._absolute, self._largest = absolute, (where(), first, second)
        if relative is not None and (self._relative is None or relative > self._relative):
            self._relative = relative

    def other(
        self, where: str, reason: str, first: str | None = None, second: str | None = None, *, count: int = 1
    ) -> None:
        """Something that is no number, or no number on one side, is not the same; the first of so many."""
        self._others += count
        if self._other is None:
            self._other = (where, reason, first, second)

    def doubt(self, reason: str) -> None:
        """A part that is not the same in its bytes can't be compared."""
        self._doubt = self._doubt or reason

    def ignore(self, rule: str) -> None:
        """Something differs and does not count, since it is what `rule` names, or a key in back-ticks."""
        self._ignored[rule] += 1

    def compared(self, path: str, kind: str) -> Compared:
        """All of it."""
        where, first, second = self._largest or (None, None, None)
        if self._other:
            where, _, first, second = self._other
        return Compared(
            path=path,
            verdict=self._verdict(),
            kind=kind,
            values=self.values,
            beyond=self.beyond,
            absolute=_in_json(self._absolute if self._absolute is not None or not self.values else 0.0),
            relative=_in_json(self._relative),
            where=clip(where),
            first=clip(first),
            second=clip(second),
            reason=self._reason(),
        )

    def _verdict(self) -> str:
        if self._other or self.beyond:
            return DIFFERENT
        if self._doubt:
            return NOT_COMPARED
        return WITHIN if self._absolute else IDENTICAL

    def _reason(self) -> str | None:
        said = []
        if self._other:
            said.append(self._other[1] + (f", and {self._others - 1:,} more" if self._others > 1 else ""))
        if self._doubt:
            said.append(self._doubt)
        if self._ignored:
            said.append("ignored: " + ", ".join(_counted(n, what) for what, n in sorted(self._ignored.items())))
        return "; ".join(said) or (SAME_VALUES if self._verdict() == IDENTICAL else None)


def gap(a: float, b: float) -> tuple[float, float | None]:
    """Absolute and relative difference of two numbers that are not the same; no relative one where `a` is 0, or either
    is no finite number.
    """
    try:
        absolute = float(abs(a - b))
        relative = abs(a - b) / abs(a) if a and math.isfinite(absolute) else None
    except OverflowError:
        # Integers that no float can hold.
        return math.inf, None
    return absolute, relative


def rank(absolute: float) -> tuple[bool, float]:
    """By what differences are told to be larger."""
    return absolute != absolute, 0.0 if absolute != absolute else absolute


def clip(text: str | None) -> str | None:
    """As much of `text` as a document keeps; JSON can't hold lone surrogates."""
    if text is None:
        return None
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _counted(number: int, what: str) -> str:
    """So many of what a rule names, or of a key."""
    if what.startswith("`"):
        return what if number == 1 else f"{what} {number:,} times"
    return f"{number:,} {what}{'s' * (number != 1)}"


def _in_json(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else "nan" if value != value else "inf"
