"""CSV and TSV as points."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from snapshot.record.metrics.points import NotMetricsError, Point, step_among

DELIMITERS = ",;\t"


def of_table(path: Path) -> Iterator[Point]:
    """The columns of a table with a header whose first cell that is filled is a number; other cells are gaps.

    A last row that was cut off is left out. Raises NotMetricsError where there is no header, or rows differ in
    length, UnicodeDecodeError for what is no text.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        rows = csv.reader(file, delimiter=_delimiter(path, first))
        try:
            header = next(rows, [])
            if not any(header) or any(_number(cell) is not None for cell in header):
                raise NotMetricsError
            yield from _points(header, rows)
        except csv.Error as problem:
            raise NotMetricsError from problem


def _points(header: list[str], rows: Iterable[list[str]]) -> Iterator[Point]:
    step_name = step_among(header)
    step_at = header.index(step_name) if step_name is not None else -1
    candidates = {header.index(name): name for name in header if name.strip()}
    columns = {at: name.strip() for at, name in candidates.items() if at != step_at}
    settled: set[int] = set()
    for row in _whole(rows, len(header)):
        step = _number(row[step_at]) if step_at >= 0 else None
        for at in list(columns) if len(settled) < len(columns) else columns:
            cell = row[at]
            value = _number(cell)
            if value is not None:
                settled.add(at)
                yield columns[at], step, value
            elif cell.strip() and at not in settled:
                del columns[at]


def _whole(rows: Iterable[list[str]], width: int) -> Iterator[list[str]]:
    """The rows that are filled; only the last may be shorter, when its writer was killed."""
    short = False
    for row in rows:
        if not row:
            continue
        if short or len(row) > width:
            raise NotMetricsError
        if len(row) < width:
            short = True
        else:
            yield row


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _delimiter(path: Path, header: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(DELIMITERS, key=header.count)
