"""What `snap log` and `snap which` both say of runs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from snapshot.document import to_builtins
from snapshot.record.document import Metric, Parent, Run
from snapshot.report.text import count, outcome, shown

Tags = Mapping[str, Sequence[str]]
"""The tags of runs, by ID."""


class Names:
    """Short names of runs that `Store.find` understands: the last part of an ID where that is one run's alone."""

    def __init__(self, ids: Iterable[str]) -> None:
        ids = list(ids)
        self._ends = Counter(_end(run) for run in ids)
        self._starts = {run[:length] for length in {len(end) for end in self._ends} for run in ids}

    def __call__(self, run: str) -> str:
        end = _end(run)
        return end if self._ends[end] == 1 and end not in self._starts else run


def _end(run: str) -> str:
    return run.rpartition("-")[2]


def place(edge: Parent, names: Callable[[str], str]) -> str:
    """An output of an earlier run, as `--from` takes it."""
    return f"{names(edge.run)}:{shown(edge.path)}"


def step(edges: Sequence[Parent], names: Callable[[str], str]) -> str:
    """What a run took over from one parent, by the strongest of the edges between them."""
    rest = len(edges) - 1
    return f"{edges[0].relation} {place(edges[0], names)}" + (f" and {count(rest, 'more file')}" if rest else "")


def metrics(found: Sequence[Metric], most: int) -> str:
    """The last values of the first metrics; series come before single numbers, which may as well be settings."""
    chosen = sorted(found, key=lambda metric: metric.points <= 1)[:most]
    return ", ".join(f"{metric.name} {number(metric.value)}" for metric in chosen)


def number(value: float | str) -> str:
    """The value of a metric in four digits."""
    return value if isinstance(value, str) else f"{value:.4g}"


def cut(line: str, width: int, mark: str) -> str:
    """`line` in at most `width` characters, with `mark` at its end where something is missing."""
    return line if len(line) <= width else line[: max(width - len(mark), 0)] + mark


def summary(run: Run, tags: Sequence[str]) -> dict[str, Any]:
    """A run in `--json`, as far as both commands tell it."""
    return {
        "name": run.name,
        "tags": list(tags),
        "status": outcome(run),
        "created": run.created,
        "command": to_builtins(run.command),
        "code": {"digest": run.code.digest, "own": run.code.own, "git": to_builtins(run.code.git)},
        "metrics": to_builtins(run.metrics),
    }
