"""JSON and JSON lines as points."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snapshot.record.metrics.points import NotMetricsError, Point, number, stem, step_among


def of_json(path: Path) -> Iterator[Point]:
    """The numbers of a JSON document by dotted name; a list of numbers, or of objects, is a series.

    Raises NotMetricsError, or what `json` raises of a damaged file: ValueError, RecursionError.
    """
    # The standard library's, since `json.dump` writes NaN and Infinity, which others refuse.
    yield from _within(json.loads(path.read_text(encoding="utf-8-sig")), "", stem(path.name))


def of_lines(path: Path) -> Iterator[Point]:
    """One object, or number, on each line: series by key. A last line that was cut off is left out.

    Raises as `of_json` does.
    """
    alone = stem(path.name)
    with path.open(encoding="utf-8-sig", newline="\n") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                if line.endswith("\n"):
                    raise
                return  # the end of a file whose writer was killed
            yield from _row(row, "", alone)


def _within(value: Any, name: str, alone: str) -> Iterator[Point]:
    """`alone` is what a number without a name is called."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _within(inner, f"{name}.{key}" if name else key, alone)
    elif isinstance(value, list):
        if _is_series(value):
            for row in value:
                yield from _row(row, name, alone)
    elif (found := number(value)) is not None:
        yield name or alone, None, found


def _is_series(rows: list[Any]) -> bool:
    """Whether all are numbers or all are objects, but for nulls; a matrix, or a list of words, is no series."""
    kinds = {dict if isinstance(row, dict) else float if number(row) is not None else type(row) for row in rows}
    return len(kinds - {type(None)}) == 1 and kinds <= {dict, float, type(None)}


def _row(row: Any, name: str, alone: str) -> Iterator[Point]:
    """One element of a series; lists within it are no metrics."""
    if not isinstance(row, dict):
        if (found := number(row)) is not None:
            yield name or alone, None, found
        elif not name and isinstance(row, str | list):
            raise NotMetricsError
        return
    key = step_among(row)
    step = number(row[key]) if key is not None else None
    if step is None:
        key = None
    yield from _fields(row, name, step, key)


def _fields(row: dict[str, Any], name: str, step: float | None, skip: str | None) -> Iterator[Point]:
    for key, value in row.items():
        if key == skip:
            continue
        full = f"{name}.{key}" if name else key
        if isinstance(value, dict):
            yield from _fields(value, full, step, None)
        elif (found := number(value)) is not None:
            yield full, step, found
