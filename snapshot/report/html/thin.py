"""Long series made as long as a drawing can show. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BUCKETS = 240
"""Parts of the horizontal axis; of each the least and the greatest value are kept, so that no peak is lost."""
LARGEST = 1e150
"""What is farther from 0 is drawn as a gap, as what is no number is: axes could not be computed."""

Floats = NDArray[np.float64]


def arrays(points: Sequence[tuple[float | None, float]]) -> tuple[Floats, Floats]:
    """Step and value, by step; where a step is missing, the points' numbers are the steps."""
    values = np.array([value for _, value in points], dtype=np.float64)
    steps = [step for step, _ in points]
    if any(step is None or not abs(step) < LARGEST for step in steps):
        return np.arange(1, len(values) + 1, dtype=np.float64), values
    at = np.array(steps, dtype=np.float64)
    order = np.argsort(at, kind="stable")
    return at[order], values[order]


def thinned(x: Floats, y: Floats, *, buckets: int = BUCKETS) -> tuple[Floats, Floats]:
    """The first and last point, and of each bucket the least and the greatest; NaN where there is a gap."""
    y = np.where(np.abs(y) < LARGEST, y, np.nan)
    if len(x) <= 2 * buckets:
        return x, y
    edges = np.searchsorted(x, np.linspace(x[0], x[-1], buckets + 1)[:-1])
    starts = np.unique(edges)
    low, high = (np.where(np.isnan(y), fill, y) for fill in (np.inf, -np.inf))
    kept = {0, len(x) - 1}
    for start, end in zip(starts, [*starts[1:], len(x)], strict=True):
        kept |= {int(start + low[start:end].argmin()), int(start + high[start:end].argmax())}
        if np.isnan(y[start:end]).any():
            kept.add(int(start + np.isnan(y[start:end]).argmax()))
    chosen = np.array(sorted(kept))
    return x[chosen], y[chosen]
