"""The table of `snap ls`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from snapshot.report.select import METRIC, OWN, PARAMETER, Row, common_metrics, values
from snapshot.report.text import ago, clip, command_line, duration, outcome, table

MOST_METRICS = 3
_COMMAND = 60
"""Letters of the command that are shown unless it is asked for."""
_USUAL = 100
"""Columns of the terminal that the table without metrics takes, about; a metric takes ten more."""
_NARROW = _USUAL + 10
"""Where there are fewer, one metric says more of a run than the number of its outputs."""


def usual(rows: Sequence[Row], width: int | None = None) -> list[str]:
    """The columns that are shown when none are asked for, on a terminal of that width."""
    room = MOST_METRICS if width is None else max(1, min(MOST_METRICS, (width - _USUAL) // 10))
    tags = ["tag"] if any(row.labels.tags for row in rows) else []
    trials = ["for"] if any(row.run.trial for row in rows) else []
    metrics = [METRIC + name if name in OWN else name for name in common_metrics(rows, room)]
    outputs = [] if metrics and width is not None and width < _NARROW else ["outputs"]
    return ["id", "name", *tags, *trials, "status", "created", "time", *outputs, *metrics, "command"]


def listing(rows: Sequence[Row], columns: Sequence[str], now: datetime, width: int | None = None) -> str:
    """The rows in their order; lines are cut at `width` characters."""
    cells = [_column(key, now) for key in columns]
    text = table([_head(key) for key in columns], [[cell(row) for cell in cells] for row in rows])
    return text if width is None else "\n".join(clip(line, width) for line in text.split("\n"))


def _head(key: str) -> str:
    if key in OWN:
        return {"id": "RUN", "tag": "TAGS"}.get(key, key.upper())
    return key.removeprefix(METRIC).removeprefix(PARAMETER)


def _column(key: str, now: datetime) -> Callable[[Row], str]:
    """What a column shows of each row."""
    match key:
        case "id":
            return lambda row: row.run.id
        case "name":
            return lambda row: row.run.name or ""
        case "created":
            return lambda row: ago(row.run.created, now)
        case "time":
            return lambda row: duration(row.run.seconds)
        case "status":
            return lambda row: outcome(row.run)
        case "command":
            return lambda row: clip(command_line(row.run), _COMMAND)
    value = values(key)
    return lambda row: ", ".join(map(_text, value(row)))


def _text(value: str | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else clip(str(value), _COMMAND)
