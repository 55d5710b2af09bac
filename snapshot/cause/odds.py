"""How surely a result is told from another when results differ by themselves. Pure."""

from __future__ import annotations

import math
from statistics import NormalDist

from snapshot.cause.spread import Spread
from snapshot.document import Value

SURE = 0.99
"""How surely each hybrid is to be taken for what it is."""
MOST = 9
"""Runs of a hybrid, or of one of the two, at most."""
ALIKE = 0.01
"""From this probability on that chance alone sets two samples so far apart, they are called the same."""
DOUBT = 0.2
"""Up to this probability larger samples may say otherwise."""


class Odds(Value, kw_only=True, frozen=True):
    """What several runs of each side say."""

    good: float
    bad: float
    """Means."""
    deviation: float
    """Of one run; the larger one of the two sides'."""
    chance: float
    """How likely chance alone sets the two so far apart."""

    @property
    def is_noise(self) -> bool:
        """Whether the two can't be told from each other."""
        return self.chance > ALIKE

    @property
    def is_in_doubt(self) -> bool:
        """Whether these samples are too small to call it noise."""
        return ALIKE < self.chance <= DOUBT

    @property
    def repeats(self) -> int:
        """Runs that it takes to be SURE of the side of the middle between the means on which a hybrid is."""
        if self.deviation == 0:
            return 1
        needed = (2 * NormalDist().inv_cdf(SURE) * self.deviation / abs(self.good - self.bad)) ** 2
        return max(1, min(MOST, math.ceil(needed)))

    @property
    def confidence(self) -> float:
        """How surely a hybrid is taken for what it is, with that many runs of it."""
        if self.deviation == 0:
            return 1.0
        return NormalDist().cdf(abs(self.good - self.bad) * math.sqrt(self.repeats) / (2 * self.deviation))


def odds(good: Spread, bad: Spread) -> Odds:
    """Of two samples. Whether they differ is decided by Welch's test (Biometrika 34, 1947)."""
    apart = abs(good.mean - bad.mean)
    parts = [side.deviation**2 / side.n for side in (good, bad)]
    if error := math.sqrt(sum(parts)):
        # The degrees of freedom that Welch gives, which need not be a whole number.
        freedom = sum(parts) ** 2 / sum(part**2 / (side.n - 1) for part, side in zip(parts, (good, bad), strict=True))
        chance = _by_chance(apart / error, freedom)
    else:
        chance = 0.0 if apart else 1.0
    return Odds(good=good.mean, bad=bad.mean, deviation=max(good.deviation, bad.deviation), chance=chance)


def _by_chance(t: float, freedom: float) -> float:
    """Two-sided probability of |t| or more (Student), by Hill's approximation (CACM algorithm 395, 1970)."""
    if freedom == 1:
        return 1 - 2 * math.atan(t) / math.pi
    if freedom == 2:
        return 1 - t / math.sqrt(t * t + 2)
    a = freedom - 0.5
    b = 48 * a * a
    y = math.sqrt(a * math.log1p(t * t / freedom))
    z = y * (1 + (y * y + 3) / b)
    return 2 * (1 - NormalDist().cdf(z))
