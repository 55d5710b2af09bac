"""CSV and TSV: row by row, cell by cell."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from snapshot.compare import volatile
from snapshot.compare.formats import texts
from snapshot.compare.formats.pairs import paired
from snapshot.compare.tally import IncomparableError, Tally

DELIMITERS = ",;\t"


def compare(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Rows are compared by their numbers in the file, where the header is the first."""
    header: list[str] | None = None
    for number, a, b in paired(_rows(first), _rows(second), "row", tally):
        if header is None:
            header = a if not any(_number(cell) is not None for cell in a) else []
        if len(a) != len(b):
            tally.other(f"row {number}", "another number of cells", str(len(a)), str(len(b)))
        else:
            _row(a, b, header, number, tally)


def _row(a: list[str], b: list[str], header: list[str], number: int, tally: Tally) -> None:
    for at, (was, now) in enumerate(zip(a, b, strict=True)):
        old, new = _number(was), _number(now)
        name = header[at] if at < len(header) else str(at + 1)

        def where(name: str = name) -> str:
            return f"row {number}, column {name}"

        if was != now and at < len(header) and volatile.is_time(name) and number > 1:
            tally.ignore(f"`{name}`")
        elif old is not None and new is not None:
            tally.number(old, new, where)
        elif was != now:
            texts.exactly(was, now, tally, where())


def _rows(file: BinaryIO) -> Iterator[list[str]]:
    """The rows that are filled."""
    rows = texts.lines(file, ends=True)
    head = next(rows, "")
    reader = csv.reader(chain([head], rows), delimiter=max(DELIMITERS, key=head.count), strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as problem:
        raise IncomparableError(f"it can't be read as a table: {problem}") from None


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else volatile.number(cell.strip())
    except ValueError:
        return None
