"""One way through all files of some data: the cache asked, hashing on one side, manifest entries on the other.

Memory holds what is under way: the folders that are being hashed, not those that are done.
"""

from __future__ import annotations

import hashlib
import os
from binascii import hexlify
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from snapshot.document import Value
from snapshot.project.names import display, to_text
from snapshot.record.data import manifest
from snapshot.record.data.cache import Cache
from snapshot.record.data.walk import RACY, Lister, Look, Stat, folders
from snapshot.record.document import Edit

if TYPE_CHECKING:
    from concurrent.futures import Future

    from snapshot.record.data.hashing import Batch, Hasher, Odd

_ZEROS = bytes(32)
_TICK = 0.1
"""Seconds between two reports of progress while nothing comes to an end."""
_AHEAD = 8
"""Batches and folders under way for each thread."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Stat]).decode


class Progress(Value, frozen=True):
    """How far hashing has come; the totals are those of the walk."""

    files: int
    bytes: int
    total_files: int
    total_bytes: int


class UnknownError(Exception):
    """A file is not known, and none was to be read."""


class _Folder:
    """A folder between walk and manifest; a file that is data on its own is one without a name."""

    def __init__(self, path: bytes, entries: list[Stat], hashes: list[bytes | None]) -> None:
        self.path, self.entries = path, entries
        self.hashes = hashes
        """For each entry; None while it is not known."""
        self.odd: dict[int, Odd] = {}
        self.unknown = [at for at, sha256 in enumerate(hashes) if sha256 is None]
        self.batches: list[Future[Batch]] = []
        self.old: tuple[bytes, bytes] | None = None
        """The row that the cache has of it."""
        self.racy: set[int] = set()


class Survey:
    """`lines` goes once through what `seen` saw; the other attributes hold when it has come to its end.

    Without a `hasher` it raises UnknownError for the first file that the cache does not know.
    """

    def __init__(
        self,
        seen: Look,
        cache: Cache,
        method: str,
        hasher: Hasher | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.seen, self.cache, self.method = seen, cache, method
        self.files = self.bytes = 0
        self.problems: list[str] = []
        self.changed: list[Edit] = []
        self.settled = True
        """Whether the same walk will mean the same files."""
        self._hasher, self._progress = hasher, progress
        self._known_files = self._known_bytes = 0
        self._top = seen.path if seen.is_file else os.path.join(seen.path, b"")
        self._walked = hashlib.sha256()
        self._coming = self._folders()
        self._ahead: deque[_Folder] = deque()
        self._weight = 0

    def lines(self) -> Iterator[bytes]:
        """The entries of the manifest, some at a time, in the order of their paths."""
        inside = [self._pieces(self._next())]
        while inside:
            for piece in inside[-1]:
                if piece is None:
                    inside.append(self._pieces(self._next()))
                    break
                yield piece
            else:
                inside.pop()
        if self.seen.listings is None and self._walked.hexdigest() != self.seen.fingerprint:
            self._differs(b"", "changed")

    def only(self) -> tuple[bytes, int] | None:
        """Hash and size of data that are one file; None when it can't be had."""
        folder = self._next()
        odd = folder.odd.get(0)
        if odd is None:
            self.files, self.bytes = 1, folder.entries[0].size
            return folder.hashes[0] or _ZEROS, self.bytes
        self._differs(b"", "changed" if odd.now else "removed")
        if odd.problem:
            self._tell(self.seen.path, odd.problem)
        if odd.sha256 is None or odd.now is None:
            return None
        self.files, self.bytes = 1, odd.now.size
        return odd.sha256, odd.now.size

    def _pieces(self, folder: _Folder) -> Iterator[bytes | None]:
        """The lines of the files in `folder`; None where those of the next folder below come."""
        path, odd = folder.path, folder.odd
        lines: list[bytes] = []
        for at, (entry, sha256) in enumerate(zip(folder.entries, folder.hashes, strict=True)):
            if at in odd:
                lines.append(self._odd(path + entry.name, entry, odd[at]))
            elif entry.name[-1:] != b"/":
                identity = hexlify(sha256 or _ZEROS)
                if entry.link is not None:
                    identity = manifest.LINK + identity
                self.files += 1
                self.bytes += entry.size
                lines.append(manifest.line(identity, entry.size, path + entry.name))
            else:
                yield b"".join(lines)
                yield None
                lines = []
        yield b"".join(lines)

    def _line(self, identity: bytes, size: int, path: bytes) -> bytes:
        self.files += 1
        self.bytes += size
        return manifest.line(identity, size, path)

    def _odd(self, path: bytes, seen: Stat, odd: Odd) -> bytes:
        """The line of a file that was not as it was seen: none, if it is gone."""
        if odd.now != seen:
            self._differs(path, "changed" if odd.now else "removed")
        if odd.problem:
            self._tell(path, odd.problem)
        if odd.now is None:
            return b""
        identity = hexlify(odd.sha256) if odd.sha256 else manifest.UNREADABLE
        return self._line(identity, odd.now.size, path)

    def _differs(self, path: bytes, change: str) -> None:
        self.settled = False
        self.changed.append(Edit(path=to_text(os.fsdecode(path)), change=change))

    def _tell(self, path: bytes, what: str) -> None:
        self.settled = False
        self.problems.append(f"`{display(os.fsdecode(path))}`: {what}")

    def _next(self) -> _Folder:
        """The next folder with all its hashes, while those after it are being hashed."""
        most = _AHEAD * (self._hasher.threads if self._hasher else 1)
        while self._weight < most and (coming := next(self._coming, None)):
            self._ahead.append(coming)
            self._weight += 1 + len(coming.batches)
        folder = self._ahead.popleft()
        self._weight -= 1 + len(folder.batches)
        self._complete(folder)
        return folder

    def _folders(self) -> Iterator[_Folder]:
        """The folders in the order in which `lines` enters them, with their hashing begun."""
        kept = self.seen.listings
        listing = Lister(self.seen.path, []).listing if kept is None else lambda path: _decode(kept[path])
        for path, entries in [(b"", listing(b""))] if self.seen.is_file else folders(listing):
            encoded = _encode(entries) if kept is None else kept[path]
            if kept is None:
                self._walked.update(path + b"\0")
                self._walked.update(encoded)
            yield self._begun(path, entries, encoded)

    def _begun(self, path: bytes, entries: list[Stat], encoded: bytes) -> _Folder:
        old = self.cache.folder(self.method, self._top + path)
        folder = _Folder(path, entries, known_hashes(old, entries, encoded, self.method))
        folder.old = old
        if folder.unknown:
            if self._hasher is None:
                raise UnknownError
            folder.batches = self._hasher.submit(self._top + path, [entries[at] for at in folder.unknown])
        self._known_files += len(entries) - len(folder.unknown)
        self._known_bytes += sum(e.size for e, sha256 in zip(entries, folder.hashes, strict=True) if sha256)
        return folder

    def _complete(self, folder: _Folder) -> None:
        """Wait for the hashes of a folder, and remember them."""
        places = iter(folder.unknown)
        for future in folder.batches:
            batch = self._wait(future)
            # The outcomes first: what zip asks first it takes one more of.
            for outcome, at in zip(batch.outcomes, places, strict=False):
                entry = folder.entries[at]
                if not isinstance(outcome, bytes):
                    folder.odd[at] = outcome
                    continue
                folder.hashes[at] = outcome
                if entry.written >= batch.moment - RACY:
                    folder.racy.add(at)
        self.settled = self.settled and not folder.racy
        self._report()
        encoded = self.seen.listings[folder.path] if self.seen.listings else _encode(folder.entries)
        hashes = b"".join(
            _ZEROS if sha256 is None or at in folder.racy else sha256 for at, sha256 in enumerate(folder.hashes)
        )
        if folder.old != (encoded, hashes):
            self.cache.keep_folder(self.method, self._top + folder.path, encoded, hashes)

    def _wait(self, future: Future[Batch]) -> Batch:
        while True:
            try:
                return future.result(timeout=_TICK)
            except TimeoutError:
                self._report()

    def _report(self) -> None:
        if self._progress and self._hasher:
            files, size = self._known_files + self._hasher.files, self._known_bytes + self._hasher.bytes
            total_files, total = self.seen.files, self.seen.bytes
            self._progress(Progress(min(files, total_files), min(size, total), total_files, total))


def known_hashes(
    old: tuple[bytes, bytes] | None, entries: Sequence[Stat], encoded: bytes, method: str
) -> list[bytes | None]:
    """The hash of each entry as far as `old`, a row of the cache, has it: None for files that must be read.

    By `mtime` only size and mtime need to be those that were seen, else all of the stat.
    """
    if old and old[0] == encoded:
        found = [sha256 if any(sha256) else None for sha256 in _hashes(old[1])]
        return [sha256 or _without_reading(entry) for sha256, entry in zip(found, entries, strict=True)]
    before = (
        {stat.name: (stat, sha256) for stat, sha256 in zip(_decode(old[0]), _hashes(old[1]), strict=True)}
        if old
        else {}
    )
    hashes: list[bytes | None] = []
    for entry in entries:
        stat, sha256 = before.get(entry.name, (None, _ZEROS))
        same = stat == entry or (method == "mtime" and stat and (stat.size, stat.mtime) == (entry.size, entry.mtime))
        hashes.append(_without_reading(entry) or (sha256 if same and any(sha256) else None))
    return hashes


def _hashes(joined: bytes) -> list[bytes]:
    return [joined[at : at + 32] for at in range(0, len(joined), 32)]


def _without_reading(entry: Stat) -> bytes | None:
    """The hash of what has no bytes to read."""
    if entry.link is not None:
        return hashlib.sha256(entry.link).digest()
    return _ZEROS if entry.name[-1:] == b"/" else None
