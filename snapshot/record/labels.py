"""Tags and notes: what people say of a run afterwards, `.snap/labels/RUN_ID.json`. The record itself never changes.

A tag means one run. It remembers when it was given, so that of two files that have it, which a crash between the two
writes of a move can leave, the later one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import scandir
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from snapshot.document import Document, check_schema, decode_json, encode_json
from snapshot.errors import StoreError, UsageError
from snapshot.host.files import make_dirs, write_atomic
from snapshot.record import locks

if TYPE_CHECKING:
    from snapshot.record.store import Store

FOLDER = "labels"
SUFFIX = ".json"
SCHEMA: Final = "snap.labels/1"


class Note(Document, kw_only=True, frozen=True):
    """Something that somebody wrote about a run."""

    time: str
    """RFC 3339 in UTC."""
    text: str


class Pushed(Document, kw_only=True, frozen=True):
    """A registry that got the run."""

    reference: str
    """As it was named, with its tag."""
    digest: str
    """Of the manifest."""
    time: str
    """RFC 3339 in UTC."""
    data: bool = False
    """Whether the data are there too."""


class Origin(Document, kw_only=True, frozen=True):
    """Where a run that was not made in this store came from: somebody else's, so nothing of it is trusted."""

    reference: str
    """`REPOSITORY:TAG@sha256:…` of a registry, or the path of an imported archive."""
    time: str
    """When it was taken in, RFC 3339 in UTC."""
    results: bool = True
    """Whether what the run wrote came along; the record names it all the same."""
    data: bool = False
    """Whether the data are there too."""


class Labels(Document, kw_only=True, frozen=True):
    """The document `RUN_ID.json`."""

    schema: Literal["snap.labels/1"] = SCHEMA
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    """Tag → when it was given, RFC 3339 in UTC."""
    notes: tuple[Note, ...] = ()
    """Oldest first."""
    pushed: tuple[Pushed, ...] = ()
    """Oldest first."""
    origin: Origin | None = None
    """None for a run that was made here."""


NONE = Labels()


def of(store: Store, run_id: str) -> Labels:
    """What is said of a run; raises StoreError when the file is damaged."""
    try:
        return read(_path(store, run_id))
    except FileNotFoundError:
        return NONE


def read(path: Path) -> Labels:
    """The labels in a file; raises StoreError when it is damaged, OSError when it can't be read."""
    where = f"labels/{path.name}"
    data = path.read_bytes()
    check_schema(decode_json(data, dict, where=where), SCHEMA, where=where)
    return decode_json(data, Labels, where=where)


def every(store: Store) -> dict[str, Labels]:
    """The labels of all runs that have some and whose file can be read."""
    return resolved(_readable(store))


def tags(store: Store) -> dict[str, tuple[str, ...]]:
    """The tags of all runs that have some."""
    return {run_id: tuple(labels.tags) for run_id, labels in every(store).items() if labels.tags}


def resolved(found: dict[str, Labels]) -> dict[str, Labels]:
    """The same with each tag at the one run that got it last."""
    holders: dict[str, tuple[str, str]] = {}
    twice: set[str] = set()
    for run_id, labels in found.items():
        for tag, time in labels.tags.items():
            twice |= {tag} & holders.keys()
            holders[tag] = max(holders.get(tag, ("", "")), (time, run_id))
    if not twice:
        return found
    return {
        run_id: _without(labels, {tag for tag in labels.tags if holders[tag][1] != run_id})
        for run_id, labels in found.items()
    }


def paths(store: Store) -> list[Path]:
    """The files of all runs that have labels."""
    with suppress(FileNotFoundError), scandir(store.path / FOLDER) as entries:
        return sorted(Path(e.path) for e in entries if e.name.endswith(SUFFIX) and not e.name.startswith("."))
    return []


def tagged(store: Store, tag: str) -> str | None:
    """The run that has the tag."""
    return next((run_id for run_id, labels in every(store).items() if tag in labels.tags), None)


def tag(store: Store, run_id: str, name: str, now: str) -> str | None:
    """Give a run a tag, and return the run that had it until now, if another did.

    Raises StoreError when the run's labels are damaged, HostError when they can't be written.
    """
    with _alone(store):
        before = tagged(store, name)
        labels = of(store, run_id)
        if before != run_id:
            _write(store, run_id, msgspec.structs.replace(labels, tags={**labels.tags, name: now}))
        for path in paths(store):
            # The one that had it, and who has it still after a crash.
            if path != _path(store, run_id):
                _drop(path, name)
    return before if before != run_id else None


def untag(store: Store, run_id: str, name: str) -> None:
    """Take a tag from a run; raises UsageError when it does not have it."""
    with _alone(store):
        if name not in of(store, run_id).tags:
            raise UsageError(f"run `{run_id}` has no tag `{name}`", hint=f"see `snap show {run_id}`")
        _drop(_path(store, run_id), name)


def add_note(store: Store, run_id: str, text: str, now: str) -> None:
    """Say something about a run; raises as `tag` does."""
    with _alone(store):
        labels = of(store, run_id)
        _write(store, run_id, msgspec.structs.replace(labels, notes=(*labels.notes, Note(time=now, text=text))))


def add_pushed(store: Store, run_id: str, pushed: Pushed) -> None:
    """Note that a registry has the run now; raises as `tag` does."""
    with _alone(store):
        labels = of(store, run_id)
        before = [one for one in labels.pushed if one.reference != pushed.reference]
        _write(store, run_id, msgspec.structs.replace(labels, pushed=(*before, pushed)))


def set_origin(store: Store, run_id: str, origin: Origin) -> None:
    """Note that the run was made elsewhere; raises as `tag` does. The store's lock is not to be held."""
    with _alone(store):
        _write(store, run_id, msgspec.structs.replace(of(store, run_id), origin=origin))


def drop_outdated(store: Store) -> None:
    """Take each tag from all runs but the one that got it last."""
    with _alone(store):
        found = _readable(store)
        for run_id, labels in resolved(found).items():
            if labels != found[run_id]:
                _write(store, run_id, labels)


def _readable(store: Store) -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    for path in paths(store):
        with suppress(StoreError, OSError):
            found[path.name.removesuffix(SUFFIX)] = read(path)
    return found


def _drop(path: Path, name: str) -> None:
    with suppress(StoreError, FileNotFoundError):
        labels = read(path)
        if name in labels.tags:
            write_atomic(path, encode_json(_without(labels, {name})))


def _without(labels: Labels, tags: set[str]) -> Labels:
    return msgspec.structs.replace(labels, tags={k: v for k, v in labels.tags.items() if k not in tags})


def _write(store: Store, run_id: str, labels: Labels) -> None:
    write_atomic(_path(store, run_id), encode_json(labels))


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """One at a time, and not while the store is swept."""
    make_dirs(store.path / FOLDER)
    with store.lock_shared(), locks.exclusive(store.path / FOLDER / ".lock"):
        yield


def _path(store: Store, run_id: str) -> Path:
    return store.path / FOLDER / (run_id + SUFFIX)
