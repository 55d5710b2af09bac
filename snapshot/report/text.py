"""Records as text for people. Pure: values in, lines out; nothing in a record can move the cursor or change colours."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from snapshot.project.names import display, from_text
from snapshot.record.document import Exit, Run

if TYPE_CHECKING:
    from snapshot.record.summary import Summary

MOST = 20
"""Lines of one kind on a page; `--json` has them all."""


def harmless(text: str) -> str:
    """`text` with control characters, which a terminal would obey, shown as escapes; new lines stay."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(
        c if c == "\n" or unicodedata.category(c)[0] != "C" else c.encode("unicode_escape").decode() for c in text
    )


def shown(path: str) -> str:
    """A path of a record for people."""
    return display(from_text(path))


def size(number: int) -> str:
    """Bytes for people, in the units of 1000 that disks are sold in."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def count(number: int, thing: str) -> str:
    """So many of a thing."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def duration(seconds: float | None) -> str:
    """Seconds for people."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def ago(moment: str, now: datetime) -> str:
    """How long before `now`, or after it by somebody else's clock."""
    seconds = (now.astimezone(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= length:
            far = f"{int(abs(seconds) // length)} {unit}"
            return f"{far} ago" if seconds > 0 else f"in {far}"
    return "just now"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns, left-aligned, two spaces apart."""
    lines = [row if "".join(row).isprintable() else [on_a_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    layout = "  ".join(f"{{:{width}}}" for width in widths)
    return "\n".join([layout.format(*line).rstrip() for line in lines])


def on_a_line(text: str) -> str:
    """`text`, harmless, with new lines as escapes, too."""
    return harmless(text).replace("\n", "\\n")


def command_line(run: Run | Summary) -> str:
    """What was typed, as a shell would take it."""
    import shlex

    prefix = {"module": "-m ", "command": "-- "}.get(run.command.kind, "")
    return prefix + shlex.join(run.command.argv)


def outcome(run: Run | Summary) -> str:
    """In one or two words how the run stands."""
    if run.exit is None:
        return run.status
    return _ended(run.exit, run.status)


def _ended(end: Exit, status: str) -> str:
    if end.out_of_memory:
        return "out of memory"
    if end.signal:
        return end.signal
    if end.code is None:
        return "never ran" if status == "failed" else "end unknown"
    return "ok" if end.code == 0 else f"exit {end.code}"


def clip(text: str, width: int) -> str:
    """`text`, or as much of it as has `width` letters."""
    return text if len(text) <= width else text[: width - 1] + "…"
