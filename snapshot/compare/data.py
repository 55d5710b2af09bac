"""The data of two runs side by side. Pure but for asking for what manifests say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from snapshot.compare.change import Unknown
from snapshot.document import Value
from snapshot.errors import StoreError
from snapshot.record.document import Data, Edit

Edits = Callable[[str, str], Iterable[Edit]]
"""Which files differ between the folders with these digests; raises StoreError when a manifest is lost."""


MOST = 100_000
"""Files whose names are kept of one folder: there may be many millions."""


class DataChange(Value, kw_only=True, frozen=True):
    """Data that only one run had, or whose content, or place, is not the same."""

    path: str
    """As in the record of the second run; of data that only the first had, as in its."""
    word: str
    """`added`, `removed`, `changed`, or `moved`: the same content at another place."""
    old: Data | None
    new: Data | None
    files: tuple[Edit, ...] = ()
    """Which files of a folder differ: the first `MOST`."""
    complete: bool = True
    """Whether `files` are all."""
    unknown: str | None = None
    """Why `files` can't be told."""


def changes(old: Iterable[Data], new: Iterable[Data], edits: Edits | None) -> tuple[DataChange, ...]:
    """What differs, by path. What has no digest in one of the runs can't differ: see `unknown`."""
    was, now = ({data.path: data for data in found} for found in (old, new))
    gone = {path: data for path, data in was.items() if path not in now}
    found = [_moved(data, gone) for path, data in now.items() if path not in was]
    moved = {change.old.path for change in found if change.old}
    found += [DataChange(path=p, word="removed", old=data, new=None) for p, data in gone.items() if p not in moved]
    found += [_changed(was[p], now[p], edits) for p in was.keys() & now.keys() if _differ(was[p], now[p])]
    return tuple(sorted(found, key=lambda change: change.path))


def unknown(old: Iterable[Data], new: Iterable[Data]) -> tuple[Unknown, ...]:
    """What has no digest in one of the runs, or not digests of the same kind, or was edited while a run went on."""
    was = {data.path: data for data in old}
    pairs = ((was[data.path], data) for data in new if data.path in was)
    reasons = ((b.path, reason) for a, b in pairs if (reason := _doubt(a, b)))
    return tuple(Unknown(name=path, reason=reason) for path, reason in sorted(reasons))


def _doubt(old: Data, new: Data) -> str | None:
    if old.digest is None or new.digest is None:
        return "not identified"
    if old.identified != new.identified:
        return f"identified by {old.identified} and by {new.identified}"
    edited = [which for which, data in (("first", old), ("second", new)) if data.edits]
    return f"edited while the {' and the '.join(edited)} ran" if edited else None


def same(old: Iterable[Data], new: Iterable[Data]) -> int:
    """How many data of the second run are at the same place, and the same, in the first."""
    was = {data.path: data for data in old}
    pairs = ((was[data.path], data) for data in new if data.path in was)
    return sum(a.digest is not None and (a.digest, a.identified) == (b.digest, b.identified) for a, b in pairs)


def _moved(data: Data, gone: Mapping[str, Data]) -> DataChange:
    """Data that the first run had not at this place, but maybe at another."""
    same = (was for was in gone.values() if data.digest and was.digest == data.digest)
    old = next(same, None)
    return DataChange(path=data.path, word="moved" if old else "added", old=old, new=data)


def _changed(old: Data, new: Data, edits: Edits | None) -> DataChange:
    files: tuple[Edit, ...] = ()
    problem = None
    if edits and old.digest and new.digest and (old.kind, new.kind) == ("folder", "folder"):
        try:
            files = tuple(islice(edits(old.digest, new.digest), MOST + 1))
        except StoreError as lost:
            problem = lost.message
    return DataChange(
        path=new.path,
        word="changed",
        old=old,
        new=new,
        files=files[:MOST],
        complete=len(files) <= MOST,
        unknown=problem,
    )


def _differ(old: Data, new: Data) -> bool:
    if old.kind != new.kind:
        return True
    known = old.digest is not None and new.digest is not None
    return known and old.identified == new.identified and old.digest != new.digest
