"""The page of many runs: a table, which the script sorts and filters, and makes a scatter of. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

from snapshot.document import Value
from snapshot.record.summary import Summary
from snapshot.report import private, text
from snapshot.report.html.parts import moment, so_far
from snapshot.report.select import Row, common_metrics

MOST = 3000
"""Runs."""
MOST_COLUMNS = 20
"""Of parameters, and as many of metrics."""
_LONGEST = 300

TEXT, NUMBER, PARAMETER, METRIC = "text", "number", "parameter", "metric"


class Column(Value, frozen=True):
    """A column of the table."""

    name: str
    kind: str
    """text, number, parameter or metric: the latter three can be an axis."""


class Cell(Value, frozen=True):
    """What a run has there."""

    text: str
    value: str | None = None
    """What it is sorted by, where that is not its text."""
    elapsed: float | None = None
    """Seconds that it has taken by now, where that grows."""


class RunsPage(Value, kw_only=True, frozen=True):
    """All of the page."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int
    """How many older runs are left out."""
    hidden: int
    """How many parameters and metrics have no column."""
    problems: tuple[str, ...]


def page(
    title: str, rows: Sequence[Row], names: Callable[[str], str], damaged: Sequence[str] = (), *, now: str
) -> RunsPage:
    """`rows` in their order; `names` gives short names of runs, `damaged` are those whose record can't be read."""
    shown = rows[:MOST]
    parameters, metrics = _parameters(shown), common_metrics(shown, 10_000)
    trials = any(row.run.trial for row in shown)
    columns = [
        *(Column(name, TEXT) for name in ("Run", "Name", "Tags", *(["For"] if trials else []), "Status", "Created")),
        Column("Time", NUMBER),
        *(Column(text.shown(name), PARAMETER) for name in parameters[:MOST_COLUMNS]),
        *(Column(text.shown(name), METRIC) for name in metrics[:MOST_COLUMNS]),
        Column("Command", TEXT),
    ]
    return RunsPage(
        title=title,
        columns=tuple(columns),
        rows=tuple(_row(row, names, trials, parameters[:MOST_COLUMNS], metrics[:MOST_COLUMNS], now) for row in shown),
        more=len(rows) - len(shown),
        hidden=sum(max(len(found) - MOST_COLUMNS, 0) for found in (parameters, metrics)),
        problems=tuple(f"the record of run {run} can't be read" for run in damaged),
    )


def _parameters(rows: Sequence[Row]) -> list[str]:
    """Those that differ between runs first, then those that most have."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.run.parameters.items():
            seen.setdefault(name, []).append(value)
    return sorted(seen, key=lambda name: (len(set(seen[name])) < 2, -len(seen[name])))


def _row(
    row: Row, names: Callable[[str], str], trials: bool, parameters: Sequence[str], metrics: Sequence[str], now: str
) -> tuple[Cell, ...]:
    run = private.told(row.run)
    return (
        Cell(names(run.id), run.id),
        Cell(run.name or ""),
        Cell(", ".join(sorted(row.labels.tags))),
        *([Cell(run.trial or "")] if trials else []),
        Cell(text.outcome(run)),
        Cell(moment(run.created)),
        _time(run, now),
        *(Cell(text.clip(run.parameters.get(name, ""), _LONGEST)) for name in parameters),
        *(_metric(run.metrics.get(name)) for name in metrics),
        Cell(text.clip(text.command_line(run), _LONGEST)),
    )


def _time(run: Summary, now: str) -> Cell:
    elapsed = so_far(run, now)
    seconds = run.seconds if elapsed is None else elapsed
    return Cell(text.duration(seconds), "" if seconds is None else str(seconds), elapsed)


def _metric(value: float | str | None) -> Cell:
    if value is None or isinstance(value, str) or not isfinite(value):
        return Cell("" if value is None else str(value))
    return Cell(f"{value:.6g}", repr(value))
