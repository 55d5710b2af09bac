"""Two runs side by side: all that was recorded, but for what is never the same: IDs, times, what was used up. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from snapshot.compare import code, data, results
from snapshot.compare.change import Equal, Section, Unknown
from snapshot.compare.parts import Part, parts
from snapshot.document import Value
from snapshot.lock.document import Lock
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import Run

SCHEMA: Final = "snap.diff/1"


class Side(Value, kw_only=True, frozen=True):
    """One of the runs, with what lies beside its record."""

    run: Run
    lock: Lock | None
    """None when it can't be read."""
    code: tuple[CodeEntry, ...] | None
    """Needed where the other run has other code; None when it can't be read."""


class RunDifference(Value, kw_only=True, frozen=True):
    """What `snap diff --json` prints, documented in docs/reference/cli.md."""

    schema: str = SCHEMA
    old: str
    """ID of the first run."""
    new: str
    same: bool
    """Whether nothing differs; what is not known does not count."""
    sections: tuple[Section, ...]
    """Those of arguments, platform and so on in which something differs."""
    code: tuple[code.FileChange, ...]
    data: tuple[data.DataChange, ...]
    results: tuple[results.Number, ...]
    equal: tuple[Equal, ...]
    unknown: tuple[Unknown, ...]


def difference(old: Side, new: Side, edits: data.Edits | None = None) -> RunDifference:
    """How the run `new` differs from `old`; `edits` says which files differ between two folders of data."""
    compared = parts(old.run, new.run, old.lock, new.lock)
    sections = tuple(part.section for part in compared if part.section.changes)
    files = code.changes(old.code or (), new.code or ()) if _has_other_code(old, new) else ()
    datasets = data.changes(old.run.data, new.run.data, edits)
    numbers = results.numbers(old.run.metrics, new.run.metrics)
    return RunDifference(
        old=old.run.id,
        new=new.run.id,
        same=not (sections or datasets or numbers or old.run.code.identity != new.run.code.identity),
        sections=sections,
        code=files,
        data=datasets,
        results=numbers,
        equal=(*_equal(old, new, compared, files),),
        unknown=(*_unknown(old, new), *data.unknown(old.run.data, new.run.data)),
    )


def _has_other_code(old: Side, new: Side) -> bool:
    """Whether it is known in what the code differs."""
    return old.run.code.identity != new.run.code.identity and old.code is not None and new.code is not None


def _equal(old: Side, new: Side, compared: tuple[Part, ...], files: tuple[code.FileChange, ...]) -> Iterator[Equal]:
    same = {
        "code file": _same_files(old, new, files),
        "data path": data.same(old.run.data, new.run.data),
        "metric": results.same(old.run.metrics, new.run.metrics),
    }
    for part in compared:
        yield from part.equal
    yield from (Equal(name=name, number=number) for name, number in same.items() if number)


def _same_files(old: Side, new: Side, files: tuple[code.FileChange, ...]) -> int:
    if old.run.code.identity == new.run.code.identity:
        return new.run.code.files - len(new.run.code.leftovers)
    own = new.run.code.files - len(new.run.code.leftovers)
    return own - sum(change.is_file for change in files) if _has_other_code(old, new) else 0


def _unknown(old: Side, new: Side) -> Iterator[Unknown]:
    for side in (old, new):
        if side.lock is None and old.run.platform.lock != new.run.platform.lock:
            yield Unknown(name="packages", reason=f"the lock of {side.run.id} can't be read")
        if side.code is None and old.run.code.identity != new.run.code.identity:
            yield Unknown(name="code", reason=f"that of {side.run.id} can't be read")
