"""Data now against what the runs had."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import StoreError
from snapshot.project.names import from_text
from snapshot.record.data import manifest
from snapshot.record.data.identity import Identity
from snapshot.record.document import Data, Edit, Run
from snapshot.record.store import Store

Identify = Callable[[Path, str], Identity]
"""What the data at a place are now, by a method."""


class Use(Value, frozen=True):
    """A run, and its data that a path is, or is in."""

    run: str
    data: Data
    below: str
    """Where in the data the path is, as it can be opened; empty for the data itself."""


class Status(Value, kw_only=True, frozen=True):
    """How data stand to what a run had."""

    path: str
    run: str | None
    """None when no run is known to have used them."""
    since: str | None = None
    """The earliest of the runs that had what is there now, without another in between."""
    same: bool = False
    before: str | None = None
    """Digest of what the run had, of the data as a whole."""
    now: str | None = None
    edits: tuple[Edit, ...] = ()
    """What was done since; a path of `` is the data as a whole."""
    problems: tuple[str, ...] = ()


class Difference(Value, kw_only=True, frozen=True):
    """Data of the same path in two runs; None where a run had none, or they were not identified."""

    path: str
    before: str | None
    after: str | None
    same: bool
    edits: tuple[Edit, ...] = ()
    problems: tuple[str, ...] = ()


def uses(store: Store, path: Path) -> Iterator[Use]:
    """The runs whose identified data `path` is, or is in, newest first."""
    real = os.path.realpath(path)
    roots: dict[str, str] = {}
    for run in store.all():
        for data in run.data:
            root = roots.get(data.path) or roots.setdefault(data.path, str(data.place(store.project)))
            if data.digest and (real == root or real.startswith(os.path.join(root, ""))):
                yield Use(run.id, data, os.path.relpath(real, root) if real != root else "")
                break


def status(store: Store, path: Path, shown: str, identify: Identify) -> Status:
    """Since which run `path` is as it is now; `shown` is its name for people. Raises StoreError, HostError."""
    found = uses(store, path)
    last = next(found, None)
    if last is None:
        return Status(path=shown, run=None)
    now = identify(last.data.place(store.project), last.data.identified or "content")
    edits = _edits(store, last, now)
    since = None if edits else last.run
    for use in found:
        if edits or use.data.path != last.data.path or _edits(store, use, now):
            break
        since = use.run
    return Status(
        path=shown,
        run=last.run,
        since=since,
        same=not edits,
        before=last.data.digest,
        now=now.digest,
        edits=edits,
        problems=now.problems,
    )


def verify(store: Store, data: Data, identify: Identify) -> Status:
    """Whether the data are what the record says. Raises StoreError, HostError."""
    if data.digest is None:
        return Status(path=data.path, run=None)
    now = identify(data.place(store.project), data.identified or "content")
    edits = _edits(store, Use("", data, ""), now)
    return Status(
        path=data.path, run="", same=not edits, before=data.digest, now=now.digest, edits=edits, problems=now.problems
    )


def compare(store: Store, old: Run, new: Run) -> tuple[Difference, ...]:
    """The data of two runs, by path."""
    before, after = ({data.path: data for data in run.data} for run in (old, new))
    return tuple(_difference(store, path, before.get(path), after.get(path)) for path in sorted({*before, *after}))


def _difference(store: Store, path: str, old: Data | None, new: Data | None) -> Difference:
    before, after = (data.digest if data else None for data in (old, new))
    same = before is not None and before == after
    edits: tuple[Edit, ...] = ()
    problems: tuple[str, ...] = ()
    if before and after and not same:
        if old and new and old.kind == new.kind == "folder":
            try:
                edits = tuple(manifest.diff(store.path, before, after))
            except StoreError as problem:
                problems = (problem.message,)
        else:
            edits = (Edit(path="", change="changed"),)
    return Difference(path=path, before=before, after=after, same=same, edits=edits, problems=problems)


def _edits(store: Store, use: Use, now: Identity) -> tuple[Edit, ...]:
    """What makes the data now of those of the run, as far as `use` is about it."""
    if now.digest == use.data.digest:
        return ()
    if now.digest is None or use.data.kind != "folder" or use.data.digest is None:
        return (Edit(path="", change="changed" if now.digest else "removed"),)
    found = manifest.diff(store.path, use.data.digest, now.digest)
    return tuple(edit for edit in found if _is_in(from_text(edit.path), use.below))


def _is_in(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")
