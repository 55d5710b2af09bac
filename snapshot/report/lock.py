"""What became different from one lock to the next, as text for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from snapshot.compare.change import Change
from snapshot.report import text


def table(found: Sequence[Change], *, most: int | None = None) -> str:
    """One line for each change; with `most`, that many and how many more there are. Empty when nothing changed."""
    if not found:
        return ""
    shown = found[:most]
    lines = text.table(("CHANGE", "NAME", "WAS", "IS"), [(c.word, c.name, c.old or "-", c.new or "-") for c in shown])
    rest = len(found) - len(shown)
    return lines + (f"\n… {rest:,} more" if rest else "")
