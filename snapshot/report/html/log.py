"""What a run printed, a piece at a time."""

from __future__ import annotations

from pathlib import Path

from snapshot.report.html.material import Log
from snapshot.report.printed import Printed

PIECE = 64_000
"""Bytes."""


def piece(path: Path, at: int | None = None) -> Log | None:
    """The whole lines from byte `at` on; the end where that is not said. None where there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(size - PIECE, 0) if at is None else min(max(at, 0), size)
            file.seek(start)
            data = file.read(PIECE)
    except FileNotFoundError:
        return None
    if start and at is None and b"\n" in data[:-1]:
        first = data.index(b"\n") + 1
        start, data = start + first, data[first:]
    if start + len(data) < size and b"\n" in data:
        data = data[: data.rindex(b"\n") + 1]
    printed = Printed(plain=True)
    lines = (printed.shown(data) + printed.end()).replace("\r\n", "\n").split("\n")
    text = "\n".join(map(visible, lines))
    return Log(text=text, left_out=start, size=len(data), after=size - start - len(data))


def visible(line: str) -> str:
    """Of a line what a terminal shows: what is behind the last carriage return."""
    return line.rstrip("\r").rpartition("\r")[2].expandtabs()
