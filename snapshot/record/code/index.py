"""What the last snapshot saw, so that the next one reads only files that have changed since: a cache, never the truth.

A file counts as unchanged when size, modification time, change time and inode are as they were. A file that was
changed in the same tick of the file system's clock in which it was read can look so without being so; such files are
read again, as git does with "racily clean" ones (git's `Documentation/technical/racy-git.txt`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from snapshot.host import files
from snapshot.project import names
from snapshot.project.tree import Entry, Scan

FILE = "cache/code-index"
_VERSION = 1


class Index(msgspec.Struct, array_like=True):
    """The scan that a snapshot was taken of, and what came out."""

    version: int = 0
    root: str = ""
    settled: bool = False
    """Whether every file was kept as the scan saw it, and none is racy: the same scan is then the same snapshot."""
    digest: str = ""
    entries: bytes = b""
    """The scan's entries, in msgpack."""
    hashes: bytes = b""
    """The sha256 of each file among the entries in turn; zeros where it is not to be relied on."""

    def known(self) -> dict[str, tuple[Entry, bytes]]:
        """Each file that was seen, by its path as documents hold it, and its sha256."""
        try:
            entries = msgspec.msgpack.decode(self.entries, type=list[Entry]) if self.entries else []
        except msgspec.MsgspecError:
            return {}
        seen = (entry for entry in entries if entry.kind == "file")
        hashes = self.hashes
        return {
            entry.path: (entry, sha256)
            for at, entry in enumerate(seen)
            if any(sha256 := hashes[32 * at : 32 * at + 32])
        }


def load(store: Path, root: str) -> Index:
    """The index of the last snapshot of `root` in `store`; an empty one if there is none that can be used."""
    try:
        index = msgspec.msgpack.decode((store / FILE).read_bytes(), type=Index)
    except (OSError, msgspec.MsgspecError):
        return Index()
    return index if index.version == _VERSION and index.root == names.to_text(root) else Index()


def save(
    store: Path, root: str, scan_bytes: bytes, digest: str, hashes: Mapping[str, bytes], scan: Scan, since: int
) -> None:
    """Remember a snapshot whose reading began at `since` by the file system's clock; `hashes` are those that hold."""
    settled = True
    row: list[bytes] = []
    nothing = bytes(32)
    for entry in scan.entries:
        if entry.kind == "file":
            sha256 = nothing if entry.ctime_ns >= since or entry.mtime_ns >= since else hashes.get(entry.path, nothing)
            settled = settled and sha256 is not nothing
            row.append(sha256)
    index = Index(_VERSION, names.to_text(root), settled, digest, scan_bytes, b"".join(row))
    files.write_atomic(store / FILE, msgspec.msgpack.encode(index), durable=False)


def encoded(scan: Scan) -> bytes:
    """The entries of `scan`, equal for equal ones."""
    try:
        return msgspec.msgpack.encode(scan.entries)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode([_storable(entry) for entry in scan.entries])


def clock(store: Path) -> int:
    """Now, by the clock that the file system of `store` stamps files with: a coarser one than the system's."""
    folder = store / "cache"
    files.make_dirs(folder)
    with files.disk_errors(folder), tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_ctime_ns


def _storable(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, path=names.to_text(entry.path), target=names.to_text(entry.target))
