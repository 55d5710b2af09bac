"""What the benchmarks have in common: a row of the table, and measuring in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    ours: float
    """Median seconds."""
    floor: str
    """What it is measured against."""
    theirs: float | None
    """Median seconds of that, taken in turns with ours; None when the goal is absolute."""
    goal: float
    """What the ratio, or without `theirs` the seconds, should be at most."""

    @property
    def reached(self) -> bool:
        """Whether the goal was reached in this run."""
        return (self.ours / self.theirs if self.theirs else self.ours) <= self.goal

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        ratio = f"{self.ours / self.theirs:.2f}" if self.theirs else ""
        goal = f"≤ {self.goal:g}" if self.theirs else f"≤ {seconds(self.goal)}"
        theirs = f"{self.floor} {seconds(self.theirs)}" if self.theirs else self.floor
        return (self.what, seconds(self.ours), theirs, ratio, goal, "yes" if self.reached else "**no**")


def in_turns(
    rounds: int, *actions: Callable[[int], object], before: Callable[[], object] = lambda: None
) -> list[float]:
    """Median seconds of each action; they take turns, so that what else the machine does hits all alike.

    `before` is called ahead of each, and does not count.
    """
    taken: list[list[float]] = [[] for _ in actions]
    for number in range(rounds):
        for action, times in zip(actions, taken, strict=True):
            before()
            began = time.perf_counter()
            action(number)
            times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]


def seconds(value: float) -> str:
    """For people."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
