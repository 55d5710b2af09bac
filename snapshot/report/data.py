"""The data of runs as text for people. Pure, and harmless as `report.text` is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from snapshot.digest import short
from snapshot.record.data.history import Difference, Status
from snapshot.record.document import Data, Edit
from snapshot.report.text import MOST, count, on_a_line, shown, size, table


def listing(data: Sequence[Data]) -> str:
    """The table of `snap data ls`."""
    rows = [
        (
            shown(item.path),
            item.kind,
            "-" if item.files is None else f"{item.files:,}",
            "-" if item.bytes is None else size(item.bytes),
            short(item.digest) if item.digest else "-",
            item.identified or "-",
            str(len(item.edits) or ""),
        )
        for item in data
    ]
    head = ("PATH", "KIND", "FILES", "SIZE", "DIGEST", "BY", "EDITS")
    return "\n".join([table(head, rows), *_lines(edited(data))])


def edited(data: Iterable[Data]) -> Iterator[str]:
    """What was edited while a run went on."""
    for item in data:
        if item.edits:
            yield f"edited in {shown(item.path)} while the run went on:"
            yield from changes(item.edits)


def changes(edits: Sequence[Edit]) -> Iterator[str]:
    """One line for each of the first edits, and how many more there are."""
    for edit in edits[:MOST]:
        yield f"  {edit.change:7}  {shown(edit.path) or '(all of it)'}"
    if (rest := len(edits) - MOST) > 0:
        yield f"  … and {rest:,} more; see `--json`"


def statuses(found: Iterable[Status]) -> str:
    """The answer of `snap data status`."""
    return "\n".join(_lines(line for item in found for line in _status(item)))


def _status(item: Status) -> Iterator[str]:
    path = shown(item.path)
    if item.run is None:
        yield f"{path}: no run is known to have used it"
    elif item.same:
        first = "" if item.since == item.run else f", last used by run {item.run}"
        yield f"{path}: unchanged since run {item.since}{first}"
    else:
        yield f"{path}: changed since run {item.run}: {summary(item.edits)}"
        yield from changes(item.edits)
    yield from _problems(item.problems)


def verified(found: Iterable[Status]) -> str:
    """The answer of `snap data verify`."""
    return "\n".join(_lines(line for item in found for line in _verified(item)))


def _verified(item: Status) -> Iterator[str]:
    path = shown(item.path)
    if item.run is None:
        yield f"{path}: the record does not say what it was"
    elif item.same:
        yield f"{path}: as recorded"
    else:
        yield f"{path}: not as recorded: {summary(item.edits)}"
        yield from changes(item.edits)
    yield from _problems(item.problems)


def differences(found: Sequence[Difference]) -> str:
    """The answer of `snap data diff`."""
    lines = [line for item in found if not item.same for line in _difference(item)]
    if same := sum(item.same for item in found):
        lines.append(f"the same: {same} of {len(found)} data")
    return "\n".join(_lines(lines)) or "neither run had data"


def _difference(item: Difference) -> Iterator[str]:
    path = shown(item.path)
    if item.before and item.after:
        yield f"{path}: {summary(item.edits)} ({short(item.before)} → {short(item.after)})"
        yield from changes(item.edits)
    elif item.before or item.after:
        yield f"{path}: {'only the first' if item.before else 'only the second'} run is known to have had it"
    else:
        yield f"{path}: not identified in either run"
    yield from _problems(item.problems)


def summary(edits: Sequence[Edit]) -> str:
    """So many files added, changed, removed."""
    counts = {change: sum(edit.change == change for edit in edits) for change in ("added", "changed", "removed")}
    words = [f"{count(number, 'file')} {change}" for change, number in counts.items() if number]
    return ", ".join(words) or "changed"


def _problems(problems: Iterable[str]) -> Iterator[str]:
    for text in problems:
        yield f"  {text}"


def _lines(lines: Iterable[str]) -> list[str]:
    return [on_a_line(line) for line in lines]
