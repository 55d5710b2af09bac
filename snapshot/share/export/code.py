"""The code of an export, as everybody may have it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.lock import document as lock_document
from snapshot.lock.document import Lock
from snapshot.project.names import display, from_text, to_text
from snapshot.record.code import snapshots
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share import bundle
from snapshot.share.entry import Entry
from snapshot.share.export.data import Placed
from snapshot.share.export.document import CODE, PublicFile
from snapshot.share.export.selection import Selection, folders
from snapshot.share.notebook import without_outputs

_LOGS = re.compile(rb"\b(?:import|from)[ \t][^#\n]*\bsnapshot\b")
_NOTEBOOK = ".ipynb"


class Code(Value, kw_only=True, frozen=True):
    """The files below `workspace`, and what is known of them."""

    entries: tuple[Entry, ...]
    notebooks: tuple[str, ...]
    """Those whose outputs were taken out."""
    left_out: tuple[str, ...]
    """Files of the run's code that are not among them, as they would lie in the export."""

    def listed(self) -> tuple[PublicFile, ...]:
        """As the public record has them."""
        return tuple(_listed(entry) for entry in self.entries if not entry.is_folder)

    def logs(self) -> bool:
        """Whether it may use `snapshot.log`."""
        return any(_logs(entry) for entry in self.entries)


def collect(
    store: Store,
    run: Run,
    snapshot: tuple[CodeEntry, ...],
    selection: Selection,
    placed: Iterable[Placed],
    lock: Lock,
) -> Code:
    """The selected files of the `snapshot`; links in whose place there are data are left out, `lock` is the public one.

    Raises UsageError for a name that can't be built with, StoreError when the store lacks something.
    """
    instead = {one.instead_of for one in placed if one.instead_of}
    kept = folders(run, snapshot, selection)
    entries, notebooks = [], []
    for entry in bundle.code(store, run):
        path = entry.path.removeprefix(f"{bundle.CODE}/")
        if path == entry.path or (path not in kept if entry.is_folder else path not in selection.paths - instead):
            continue
        _check_name(path)
        found = _public(msgspec.structs.replace(entry, path=f"{CODE}/{path}"), lock)
        entries.append(found)
        if found.source != entry.source and path.endswith(_NOTEBOOK):
            notebooks.append(found.path)
    there = {entry.path for entry in entries}
    files = (f"{CODE}/{from_text(one.path)}" for one in snapshot if one.mode != snapshots.DIRECTORY)
    return Code(
        entries=tuple(entries),
        notebooks=tuple(notebooks),
        left_out=tuple(path for path in files if path not in there),
    )


def _public(entry: Entry, lock: Lock) -> Entry:
    """The entry; a notebook without outputs, and the lock as everybody may have it."""
    if entry.path == f"{CODE}/{lock_document.FILE_NAME}":
        return Entry(path=entry.path, source=lock_document.dumps(lock).encode())
    if entry.path.endswith(_NOTEBOOK) and isinstance(entry.source, Path) and entry.is_file:
        content = entry.source.read_bytes()
        bare = without_outputs(content)
        if bare is not None and bare != content:
            return msgspec.structs.replace(entry, source=bare, sha256=None)
    return entry


def _check_name(path: str) -> None:
    # BuildKit sends names as UTF-8.
    if to_text(path) != path:
        raise UsageError(
            f"the name of `{display(path)}` is not UTF-8, and `docker buildx build` copies no such file",
            hint="rename it, and train again",
        )


def _listed(entry: Entry) -> PublicFile:
    sha256 = entry.sha256
    if isinstance(entry.source, bytes) and entry.is_file:
        sha256 = digest.hex_of(digest.of_bytes(entry.source))
    path = entry.path.removeprefix(f"{CODE}/")
    return PublicFile(path=path, sha256=f"{digest.PREFIX}{sha256}" if sha256 else None, size=entry.size)


def _logs(entry: Entry) -> bool:
    if not entry.is_file or not entry.path.endswith((".py", _NOTEBOOK)):
        return False
    content = entry.source if isinstance(entry.source, bytes) else entry.source.read_bytes()
    return _LOGS.search(content) is not None
