"""How numbers scatter, and whether another one fits among them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t that 2.5 % lie above, with 1 to 9 degrees of freedom."""
_Z = 1.959964


class Spread(NamedTuple):
    """Mean and standard deviation (n - 1) of `n` numbers."""

    mean: float
    deviation: float
    n: int

    def limits(self) -> tuple[float, float]:
        """Between which one more number lies with 95 %, if all of them are drawn alike and are about normal."""
        reach = _t(self.n - 1) * self.deviation * math.sqrt(1 + 1 / self.n)
        return self.mean - reach, self.mean + reach

    def holds(self, value: float) -> bool:
        """Whether `value` lies between the limits; where nothing scattered it must be the same."""
        low, high = self.limits()
        return low <= value <= high


def spread(values: Sequence[float]) -> Spread | None:
    """Of at least two finite numbers; None for fewer, and for those that no float can sum up."""
    if len(values) < 2:
        return None
    if min(values) == max(values):
        return Spread(values[0], 0.0, len(values))
    try:
        mean = math.fsum(value / len(values) for value in values)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    except OverflowError:
        return None
    return Spread(mean, deviation, len(values)) if math.isfinite(deviation) else None


def _t(freedom: int) -> float:
    """From ten degrees on Cornish and Fisher's expansion, right to 0.2 %."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    third = (_Z**3 + _Z) / (4 * freedom)
    return _Z + third + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * freedom**2)
