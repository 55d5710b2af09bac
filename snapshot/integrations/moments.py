"""At which step, and when, each point of a metric was written. Of the time most files say nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from snapshot.document import Value
from snapshot.project.names import from_text
from snapshot.record.document import Run
from snapshot.record.metrics import reading

Curve: TypeAlias = Sequence[tuple[float | None, float]]
"""Step and value of each point, as files have them."""

_CLOCKS = re.compile(r"(?:.*[.:/])?_?(?:timestamp|time|wall[_ ]time)", re.IGNORECASE | re.DOTALL)
"""Series that may tell when the points of their file were written."""
_SLACK = 60
"""Seconds before and after the training that a clock may show: that of the container is the host's."""
_LARGEST_STEP = 2**53


class Point(NamedTuple):
    """A point as trackers have it."""

    step: int
    value: float
    time: float
    """Unix time."""


class Clocks(Value, frozen=True):
    """What files say of the time."""

    of: Mapping[str, tuple[float, ...]]
    """Unix time of each point, by metric."""
    own: frozenset[str]
    """The series that say it, which are no metrics for a tracker."""


def points(curve: Curve, times: Sequence[float] | None, ended: float) -> tuple[tuple[Point, ...], bool]:
    """The points of a series, and whether its steps are kept: else points are counted.

    A point whose time is not known was written by the end of the run, `ended`.
    """
    steps = [step for step, _ in curve]
    known = [int(step) for step in steps if step is not None and abs(step) < _LARGEST_STEP and step == int(step)]
    are_kept = len(known) == len(steps)
    numbers = known if are_kept else range(len(steps))
    moments = times or [ended] * len(steps)
    found = tuple(Point(n, value, time) for n, (_, value), time in zip(numbers, curve, moments, strict=True))
    return found, are_kept or not any(step is not None for step in steps)


def clocks(folder: Path, run: Run, curves: Mapping[str, Curve], span: tuple[float, float]) -> Clocks:
    """What the files of `curves`, outputs in `folder`, say of the time: TensorBoard's, and those with a column for it.

    `span` is when the training began and ended.
    """
    files: dict[str, list[str]] = {}
    for metric in run.metrics:
        if metric.name in curves:
            files.setdefault(metric.path, []).append(metric.name)
    of: dict[str, tuple[float, ...]] = {}
    own = set()
    for path, names in files.items():
        told = reading.times(folder / from_text(path), names)
        clock = next((name for name in names if _CLOCKS.fullmatch(name) and _tells(curves[name], span)), None)
        if clock is not None:
            own.add(clock)
            told |= {name: _seconds(curves[clock]) for name in names}
        of |= {name: times for name, times in told.items() if len(times) == len(curves[name])}
    return Clocks(of, frozenset(own))


def _tells(curve: Curve, span: tuple[float, float]) -> bool:
    return all(span[0] - _SLACK <= time <= span[1] + _SLACK for time in _seconds(curve))


def _seconds(curve: Curve) -> tuple[float, ...]:
    """Some write milliseconds."""
    return tuple(value / 1000 if value > 1e11 else value for _, value in curve)
