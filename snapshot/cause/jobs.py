"""How many hybrids there is room for at a time, by what the runs used of a machine. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from snapshot.document import Value
from snapshot.record.document import Run

MOST = 8
"""More of them find out little more: each halving that is to be spared takes twice as many."""
_SPARE = 1.25
"""Times the memory that a run had at its peak: the next one may need a little more."""
_SHORT = 1.0
"""Seconds: what is over so soon that nobody could look at it needs next to nothing."""


class Jobs(Value, kw_only=True, frozen=True):
    """How many, and why."""

    number: int
    because: str


def jobs(runs: Sequence[Run], *, is_time: bool, cores: int, memory: int) -> Jobs:
    """For hybrids of `runs` on a machine that has so many cores, and so many bytes of memory left.

    `is_time` says whether they are told apart by how long something takes.
    """
    if is_time:
        return Jobs(number=1, because="since time tells them apart")
    if any(run.request.gpus for run in runs):
        return Jobs(number=1, because="since they ask for GPUs")
    used = [_used(run) for run in runs]
    known = [one for one in used if one is not None]
    if len(known) < len(used):
        return Jobs(number=1, because="since it is not known how much of the machine a run takes")
    busy, peak = max(cpu for cpu, _ in known), max(size for _, size in known)
    each = max(1, math.ceil(busy - 0.2))
    room = min(cores // each, int(memory / (_SPARE * peak)) if peak else MOST, MOST)
    because = f"as a run took up to {busy:.1f} of {cores} cores, and {peak / 1e6:,.0f} of {memory / 1e6:,.0f} MB"
    return Jobs(number=max(1, room), because=because)


def _used(run: Run) -> tuple[float, int] | None:
    """Cores, on average, and bytes of memory; None where nobody knows."""
    usage, seconds = run.usage, run.seconds
    if seconds is not None and seconds < _SHORT and (usage is None or usage.cpu_seconds is None):
        return 0.0, 0
    if usage is None or usage.cpu_seconds is None or usage.peak_memory is None or not seconds:
        return None
    return usage.cpu_seconds / seconds, usage.peak_memory
