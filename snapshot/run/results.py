"""What a run came to, read from what it wrote and what it had: metrics, and the earlier runs that it descends from."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from snapshot.digest import PREFIX
from snapshot.errors import StoreError
from snapshot.project.names import from_text, to_text
from snapshot.record import reads
from snapshot.record.code import snapshots
from snapshot.record.data import manifest
from snapshot.record.document import Code, Command, Run
from snapshot.record.lineage import ARGUMENT, READ, VISIBLE, Evidence, Input, parents
from snapshot.record.metrics.reading import metrics_of
from snapshot.record.recall import reader
from snapshot.record.store import Store

if TYPE_CHECKING:
    from snapshot.record.index import Index, Written

MOST_FILES = 100_000
"""The files of larger data are not looked up: reading their manifest would hold up the end of each run."""

Had = tuple[str, str]
"""Path, as the record writes it, and digest of a file that the run had."""


def described(store: Store, run: Run, contents: Mapping[str, str], index: Index) -> Run:
    """`run`, whose outputs are known, with its metrics and parents, and what of its code earlier runs had written.

    `contents` is its code, as in `AtLaunch`.
    """
    outputs = store.folder(run.id) / "outputs"
    found = metrics_of(run.outputs, lambda path: outputs / from_text(path))
    run = msgspec.structs.replace(run, metrics=found)
    data = list(_data(store, run))
    writers = index.writers({*contents.values(), *(sha256 for _, sha256 in data)})
    if not writers and not run.taken:
        return run
    code = [(to_text(path), content) for path, content in contents.items() if content in writers]
    left = tuple(sorted(path for path, sha256 in code if _is_left(path, run, writers[sha256])))
    run = msgspec.structs.replace(run, code=_without(store, run.code, left))
    inputs = _inputs(run, [*code, *(one for one in data if one[1] in writers)], _opened(store, run))
    return msgspec.structs.replace(run, parents=parents(run, inputs, writers, reader(store)))


def _is_left(path: str, run: Run, writers: Iterable[Written]) -> bool:
    """Whether one of `writers` is an earlier run that wrote these bytes to the path."""
    return any(writer.path == path and writer.run < run.id for writer in writers)


def _without(store: Store, code: Code, left: tuple[str, ...]) -> Code:
    """The code with the digest that it has without what earlier runs had `left`."""
    if not left:
        return code
    try:
        entries = snapshots.manifest(store.path, code.digest).entries
    except StoreError:
        return code
    own = snapshots.identity(snapshots.without(entries, frozenset(left)))
    return msgspec.structs.replace(code, leftovers=left, own=own)


def _opened(store: Store, run: Run) -> frozenset[str]:
    """The files of project and data that it was seen to open."""
    with suppress(StoreError):
        if run.reads and (seen := reads.read(store.folder(run.id))):
            return frozenset((*seen.project, *seen.data))
    return frozenset()


def _inputs(run: Run, had: Iterable[Had], opened: Collection[str]) -> Iterator[Input]:
    """The files that the run had, each with what speaks for its having been used."""
    named = frozenset(_named(run.command))
    for path, sha256 in had:
        evidence: Evidence = READ if path in opened else ARGUMENT if path in named else VISIBLE
        yield Input(path=path, sha256=sha256, evidence=evidence)


def _data(store: Store, run: Run) -> Iterator[Had]:
    """The files of the data whose bytes are known."""
    for data in run.data:
        if data.digest is None or data.identified == "sample":
            continue
        if data.kind == "file":
            yield data.path, data.digest
        elif (data.files or 0) <= MOST_FILES:
            with suppress(StoreError):  # damaged: `snap fsck` says so, and the run is recorded all the same
                for entry in manifest.read(store.path, data.digest):
                    if entry.kind == "file" and entry.size:
                        yield f"{data.path}/{entry.path}", PREFIX + entry.sha256


def _named(command: Command) -> Iterator[str]:
    """The paths that arguments may mean, as the record writes paths."""
    for argument in command.argv:
        for text in {argument, argument.partition("=")[2]} - {""}:
            path = os.path.normpath(os.path.join(command.directory, from_text(text)))
            yield to_text(path)
