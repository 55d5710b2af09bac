"""The board of `snap verify` as text. Pure, and harmless as `report.text` is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot.document import Value
from snapshot.record.fsck.fault import some
from snapshot.report.text import MOST, count, harmless, table
from snapshot.share.handover.document import Row, Standing

_ALWAYS = ("record", "image", "code", "data", "weights", "results", "archived")
_QUESTION = "HIT BY A BUS?"


class _Trouble(Value, frozen=True):
    """The same thing wrong with some runs."""

    name: str
    standing: Standing
    runs: tuple[str, ...]


def board(rows: Sequence[Row], *, full: bool = False) -> str:
    """A row for each run, below it what is wrong, and in the end how many are fine."""
    asked = [name for name in ("build", "train") if any(getattr(row, name) for row in rows)]
    names = [*_ALWAYS, *asked]
    head = ["RUN", "NAME", *(name.upper() for name in names), _QUESTION]
    lines = [table(head, [[*_named(row), *(_cell(row, name) for name in names), _answer(row)] for row in rows])]
    found = troubles(rows)
    for trouble in found if full else found[:MOST]:
        lines.append("")
        lines.extend(_told(trouble, len(rows)))
    if len(found) > MOST and not full:
        lines.append(f"\n… and {len(found) - MOST:,} more; see `--json`")
    return "\n".join([*lines, "", summary(rows)])


def _named(row: Row) -> tuple[str, str]:
    return row.run, row.name or ", ".join(row.tags)


def _cell(row: Row, name: str) -> str:
    found: Standing | None = getattr(row, name)
    if found is None:
        return "-"
    if name == "archived":
        return {"ok": "yes", "missing": "no"}.get(found.state, found.state)
    return found.state


def _answer(row: Row) -> str:
    return f"{row.retrain}: {', '.join(row.because)}" if row.because else row.retrain


def troubles(rows: Sequence[Row]) -> list[_Trouble]:
    """What is wrong, the same thing with several runs once."""
    found: dict[tuple[str, str, str | None], list[Row]] = {}
    for row in rows:
        for name, standing in row.wrong.items():
            found.setdefault((name, standing.state, standing.reason), []).append(row)
    return [
        _Trouble(name, getattr(some_rows[0], name), tuple(row.run for row in some_rows))
        for (name, _, _), some_rows in found.items()
    ]


def _told(trouble: _Trouble, total: int) -> Iterator[str]:
    standing, runs = trouble.standing, list(trouble.runs)
    of = "" if total == 1 else f" of {some(runs)}"
    yield _line(f"{trouble.name}{of} {standing.state}: {standing.reason or 'no reason is known'}")
    if standing.hint:
        yield f"  → {_line(standing.hint)}"


def _line(text: str) -> str:
    return harmless(" ".join(text.split()))


def summary(rows: Sequence[Row]) -> str:
    """The last line."""
    wrong = sum(bool(row.wrong) for row in rows)
    if wrong:
        return f"something is wrong with {count(wrong, 'run')} of {len(rows):,}"
    return f"nothing is wrong: {count(len(rows), 'run')}"
