"""Tars that are the same whenever and by whomever they are written: POSIX, of nobody in particular, one time for all.

https://reproducible-builds.org/docs/archives/
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator

from snapshot.errors import HostError
from snapshot.project.names import display
from snapshot.share.entry import Entry, chunks

_BLOCK = tarfile.BLOCKSIZE


def tar(entries: Iterable[Entry], time: int, read: Callable[[Entry], Iterator[bytes]] = chunks) -> Iterator[bytes]:
    """The tar of `entries`, in their order, in chunks; every file has `time`. Raises OSError and HostError."""
    for entry in entries:
        size = entry.size
        yield _header(entry, size, time)
        if entry.is_file:
            yield from _exactly(size, read(entry), entry.path)
            if rest := -size % _BLOCK:  # an empty chunk is the end, to some who send them
                yield b"\0" * rest
    yield b"\0" * (2 * _BLOCK)


def _header(entry: Entry, size: int, time: int) -> bytes:
    info = tarfile.TarInfo(entry.path)
    info.size, info.mode, info.mtime = size, entry.mode, time
    if entry.link is not None:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
    elif entry.is_folder:
        info.type = tarfile.DIRTYPE
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _exactly(size: int, content: Iterator[bytes], path: str) -> Iterator[bytes]:
    """`content`, which has `size` bytes: what the header says can't be changed any more."""
    got = 0
    for chunk in content:
        got += len(chunk)
        if got <= size:
            yield chunk
    if got != size:
        raise HostError(f"`{display(path)}` was written to while it was read", hint="try again")


class Chunks(io.RawIOBase):
    """Chunks of a tar as a file that is read."""

    def __init__(self, source: Iterable[bytes]) -> None:
        self._source, self._rest = iter(source), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next((chunk for chunk in self._source if chunk), b""))
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
