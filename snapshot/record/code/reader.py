"""Reads the files of a snapshot: each one whole, as it was at one moment, and only if it can have changed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from snapshot.project.tree import Entry, Skipped
from snapshot.record.code import packs

ATTEMPTS = 4
"""How often a file is read that changes meanwhile."""
IN_MEMORY = 4 << 20
_CHUNK = 1 << 20
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO}
"""What opening or reading a file says that is no file any more."""


class Kept(NamedTuple):
    """A file's content in the store."""

    size: int
    sha256: bytes


class Reader:
    """Brings the files of one scan into the store, and notes what did not go as the scan saw it."""

    def __init__(
        self, root: str, writer: packs.Writer, contents: packs.Contents, known: Mapping[str, tuple[Entry, bytes]]
    ) -> None:
        self._root = root.rstrip("/") + "/"
        self._writer = writer
        self._stored = contents.places
        self._new = writer.places
        self._known = known
        self.settled: dict[str, bytes] = {}
        """The sha256 of each file that is as the scan saw it, by path."""
        self.unsettled: list[str] = []
        self.skipped: list[Skipped] = []

    def keep(self, entry: Entry, name: str) -> Kept | None:
        """The content of `entry`, whose path documents hold as `name`; None when it can't be read."""
        before = self._known.get(name)
        if before and before[1] in self._stored and _same(before[0], entry):
            self.settled[entry.path] = before[1]
            return Kept(entry.size, before[1])
        try:
            return self._read(entry)
        except OSError as problem:
            if problem.errno in _GONE:
                self.unsettled.append(entry.path)
            elif isinstance(problem, PermissionError):
                self.skipped.append(Skipped(path=entry.path, reason=(problem.strerror or "can't be read").lower()))
            else:  # of the disk that the store is on, or one that fails
                raise
        return None

    def _read(self, entry: Entry) -> Kept | None:
        # O_NOFOLLOW and O_NONBLOCK: since the scan, the file may have become a link or a FIFO.
        descriptor = os.open(self._root + entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            expected = (entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode)
            kept, now = self._once(entry, descriptor, expected)
            if now == expected:
                if kept:
                    self.settled[entry.path] = kept.sha256
                return kept
            return self._again(entry, descriptor, now)
        finally:
            os.close(descriptor)

    def _again(self, entry: Entry, descriptor: int, expected: _Stamp) -> Kept | None:
        """Read a file that is not as the scan saw it, until it holds still."""
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            self.unsettled.append(entry.path)
            return None
        for _ in range(ATTEMPTS):
            os.lseek(descriptor, 0, os.SEEK_SET)
            kept, now = self._once(entry, descriptor, expected)
            if now == expected and kept:
                return kept
            expected = now
        self.unsettled.append(entry.path)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return self._once(entry, descriptor, None)[0]

    def _once(self, entry: Entry, descriptor: int, expected: _Stamp | None) -> tuple[Kept | None, _Stamp]:
        """Read a file and look at it again; it goes into the store if it is then as `expected`, or nothing is."""
        size = expected[0] if expected else os.fstat(descriptor).st_size
        if size > IN_MEMORY:
            return self._stream(entry, descriptor, size, expected)
        data = os.read(descriptor, size + 1)
        now = _stamp(descriptor)
        if expected and (now != expected or len(data) != size):
            return None, now
        sha256 = hashlib.sha256(data).digest()
        if sha256 not in self._stored and sha256 not in self._new:
            self._writer.add(os.fsencode(entry.path), entry.mode & 0o100 != 0, sha256, data)
        return Kept(len(data), sha256), now

    def _stream(self, entry: Entry, descriptor: int, size: int, expected: _Stamp | None) -> tuple[Kept | None, _Stamp]:
        def accept(sha256: bytes) -> bool:
            return sha256 not in self._stored and (expected is None or _stamp(descriptor) == expected)

        name, executable = os.fsencode(entry.path), entry.mode & 0o100 != 0
        sha256 = self._writer.add_stream(name, executable, size, _chunks(descriptor, size), accept)
        now = _stamp(descriptor)
        whole = sha256 in self._stored or sha256 in self._new
        return (Kept(size, sha256) if sha256 and whole and expected in (None, now) else None), now


_Stamp = tuple[int, int, int, int]
"""Size, modification time, change time and inode: when they are the same, so is the content."""


def _stamp(descriptor: int) -> _Stamp:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _same(before: Entry, now: Entry) -> bool:
    return (
        before.ctime_ns == now.ctime_ns
        and before.mtime_ns == now.mtime_ns
        and before.size == now.size
        and before.inode == now.inode
    )


def _chunks(descriptor: int, size: int) -> Iterator[bytes]:
    """The first `size` bytes; less where the file has become shorter."""
    while size > 0 and (chunk := os.read(descriptor, min(size, _CHUNK))):
        size -= len(chunk)
        yield chunk
