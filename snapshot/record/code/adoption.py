"""A code snapshot that another store made, taken into this one: not a byte of it is believed before it was hashed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from snapshot.errors import IntegrityError
from snapshot.host import files
from snapshot.project import names
from snapshot.record.code import packs, snapshots
from snapshot.record.code.snapshots import DIRECTORY, EXECUTABLE, LINK, CodeEntry, Manifest

_SHA256 = re.compile(r"[0-9a-f]{64}")


def check(found: Manifest, digest: str) -> None:
    """Raise IntegrityError unless `found` is the manifest of `digest`, and all that it names lies in its own folder."""
    if snapshots.identity(found.entries) != digest:
        raise IntegrityError(f"the list of the code is not that of {digest}", hint="get another copy")
    folders: set[str] = set()
    seen: set[str] = set()
    for entry in sorted(found.entries, key=lambda entry: os.fsencode(names.from_text(entry.path))):
        path = names.from_text(entry.path)
        parent = path.rpartition("/")[0]
        if path in seen or (parent and parent not in folders) or not _is_plain(entry, path):
            raise IntegrityError(
                f"the code has `{names.display(path)}`, which no code of `snap` has", hint="don't use it"
            )
        seen.add(path)
        if entry.mode == DIRECTORY:
            folders.add(path)


def _is_plain(entry: CodeEntry, path: str) -> bool:
    if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        return False
    if entry.mode == DIRECTORY:
        return not entry.sha256 and not entry.target
    if entry.mode == LINK:
        return not entry.sha256 and bool(entry.target) and "\0" not in names.from_text(entry.target)
    return not entry.target and _SHA256.fullmatch(entry.sha256) is not None and entry.size >= 0


def adopt(store: Path, found: Manifest, digest: str, content: Callable[[CodeEntry], Iterator[bytes]]) -> None:
    """Keep the snapshot `digest`, which `check` has found sound; `content` gives the bytes of its files.

    Raises IntegrityError when those are not what the manifest says, HostError as `snapshots.take` does. To be called
    with the store's lock held, until a record names the snapshot.
    """
    contents = packs.load(store)
    with files.disk_errors(store), packs.Writer(store) as writer:
        for entry in found.entries:
            sha256 = bytes.fromhex(entry.sha256)
            if sha256 and sha256 not in contents.places and sha256 not in writer.places:
                _add(writer, entry, sha256, content(entry))
        pack = writer.finish()
    snapshots.finish(store, _sorted(found.entries), digest)
    if pack:
        contents.add(pack, writer.places)
        packs.save(store, contents)


def _add(writer: packs.Writer, entry: CodeEntry, sha256: bytes, chunks: Iterator[bytes]) -> None:
    path = names.from_text(entry.path)
    got = writer.add_stream(os.fsencode(path), entry.mode == EXECUTABLE, entry.size, chunks, sha256.__eq__)
    if got != sha256:
        raise IntegrityError(f"the code `{names.display(path)}` is not what its list says", hint="get another copy")


def _sorted(entries: Iterable[CodeEntry]) -> list[CodeEntry]:
    return sorted(entries, key=lambda entry: os.fsencode(names.from_text(entry.path)))
