"""What came out of two runs, side by side. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from snapshot.document import Value
from snapshot.record.document import Metric, Output, Run


class Number(Value, kw_only=True, frozen=True):
    """A metric that is not the same in both runs."""

    name: str
    old: float | str | None
    """As records have it: `nan`, `inf` or `-inf` where it is no number; None where the run has no such metric."""
    new: float | str | None
    difference: float | None = None
    """`new` less `old`; None unless both are finite."""
    relative: float | None = None
    """The difference as a part of `old`; None also where that is 0."""


def numbers(old: Iterable[Metric], new: Iterable[Metric]) -> tuple[Number, ...]:
    """The metrics whose last values differ, by name."""
    was, now = ({metric.name: metric.value for metric in metrics} for metrics in (old, new))
    return tuple(
        _number(n, was.get(n), now.get(n)) for n in sorted(was.keys() | now.keys()) if was.get(n) != now.get(n)
    )


def same(old: Iterable[Metric], new: Iterable[Metric]) -> int:
    """How many metrics have the same last value."""
    return len({(metric.name, metric.value) for metric in old} & {(metric.name, metric.value) for metric in new})


def _number(name: str, old: float | str | None, new: float | str | None) -> Number:
    difference = relative = None
    if isinstance(old, int | float) and isinstance(new, int | float):
        difference = new - old
        relative = difference / abs(old) if old else None
    finite = (part if part is not None and math.isfinite(part) else None for part in (difference, relative))
    return Number(name=name, old=old, new=new, difference=next(finite), relative=next(finite))


def left_behind(run: Run) -> dict[str, str]:
    """What the run did to each file: the digest of what it wrote, where a link leads, or `deleted`."""
    return {**{output.path: _identity(output) for output in run.outputs}, **dict.fromkeys(run.deleted, "deleted")}


def _identity(output: Output) -> str:
    if output.sha256 is not None:
        return output.sha256
    # Of a run that goes on, nobody has looked into its files yet.
    return f"-> {output.link}" if output.link is not None else f"not known yet, {output.size:,} bytes so far"
