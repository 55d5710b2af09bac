"""Data as the file system shows them without reading a file: one walk of stat calls, in the order of the manifest.

Files are sorted by the bytes of their paths: within a folder by name, where a folder's name ends in `/`. Symbolic links
are kept as links. What belongs to version control or to a store (`.git`, `.hg`, `.svn`, `.snap`) is no data, FIFOs,
sockets and devices can't be. Memory holds one folder's listing and, up to `KEPT` files, all of them in short form.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path

import msgspec

from snapshot.document import Document
from snapshot.project.names import display, from_text, to_text
from snapshot.project.tree import REPOSITORIES, STORE

KEPT = 500_000
"""Above this number of files listings are not kept, and hashing walks again: some 60 bytes a file."""
RACY = 2 * 10**9
"""What was changed so many ns before it was seen or read, or later by the clock, could be changed once more without its
stat telling: the coarsest time stamps, FAT's, are 2 s apart (git's `Documentation/technical/racy-git.txt`).
"""
SAMPLED = 64 * 10**6
"""Files of more bytes are identified by parts of them where that was asked for."""
_MOST_PROBLEMS = 100
_NO_DATA = frozenset(os.fsencode(name) for name in (*REPOSITORIES, STORE))
_KINDS = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class Stat(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What tells whether a file is still the one that was seen. Times are ns."""

    name: bytes
    """In its folder; a folder's ends in `/`, and nothing else of it counts. Empty for data that are one file."""
    size: int = 0
    mtime: int = 0
    ctime: int = 0
    inode: int = 0
    link: bytes | None = None
    """Text of a symbolic link."""

    @property
    def written(self) -> int:
        """When it was changed last, as far as that can hide a later change.

        Of data that are one file the ctime does not count: a run links such a file into its view, which changes that
        and nothing else.
        """
        return max(self.mtime, self.ctime) if self.name else self.mtime


class Summary(Document, kw_only=True, frozen=True):
    """Data at one moment; with it another process can tell later whether they have changed."""

    root: str
    """Absolute and without links, as documents hold names."""
    is_file: bool
    files: int
    """Symbolic links count too."""
    bytes: int
    fingerprint: str
    """Equal for equal path, size, mtime, ctime and inode of all files; empty when nothing is there."""
    moment: int
    """When the walk began, ns of this machine's clock."""
    racy: bool
    """Whether a file was changed so shortly before that the fingerprint alone does not vouch for it."""


class Look(Summary, kw_only=True, frozen=True):
    """Data as one walk saw them."""

    problems: tuple[str, ...] = ()
    """What could not be looked at, or can't be data."""
    listings: dict[bytes, bytes] | None = None
    """Folder → its `Stat`s in msgpack; None when there are too many files."""

    @property
    def path(self) -> bytes:
        """`root` as it can be opened."""
        return os.fsencode(from_text(self.root))

    @property
    def summary(self) -> Summary:
        """The part that is worth storing."""
        return Summary(**{name: getattr(self, name) for name in Summary.__struct_fields__})


def look(root: Path) -> Look:
    """Walk through the data at `root`, which may also be a file or a link to either. Never raises for what it finds."""
    moment = time.time_ns()
    place = os.path.realpath(root)
    problems: list[str] = []
    seen = _Seen(os.fsencode(place), problems, moment - RACY)
    is_file = False
    try:
        status = os.stat(place)
        is_file = not stat.S_ISDIR(status.st_mode)
        if is_file and not stat.S_ISREG(status.st_mode):
            raise OSError(0, f"is {_KINDS.get(stat.S_IFMT(status.st_mode), 'no file')}, and no data")
        os.close(os.open(place, os.O_RDONLY))
        seen.walk(stat_of(b"", status) if is_file else None)
    except OSError as problem:
        problems.append(_told(os.fsencode(place), _reason(problem)))
    return Look(
        root=to_text(place),
        is_file=is_file,
        files=seen.files,
        bytes=seen.bytes,
        fingerprint=seen.fingerprint,
        moment=moment,
        racy=seen.racy,
        problems=tuple(problems),
        listings=seen.listings,
    )


def folders(listing: Callable[[bytes], list[Stat]]) -> Iterator[tuple[bytes, list[Stat]]]:
    """Each folder below a root, in order: its path (empty for the root, else ending in `/`) and what is in it."""
    ahead = [b""]
    while ahead:
        path = ahead.pop()
        entries = listing(path)
        yield path, entries
        below = [path + entry.name for entry in entries if entry.name[-1:] == b"/"]
        ahead.extend(reversed(below))


class Lister:
    """Lists folders below `root`; what can't be listed, or can't be data, is added to `problems`."""

    def __init__(self, root: bytes, problems: list[str]) -> None:
        self.root = root
        self.problems = problems

    def listing(self, path: bytes) -> list[Stat]:
        """What is in the folder `path`, sorted."""
        entries: list[Stat] = []
        try:
            with os.scandir(os.path.join(self.root, path)) as found:
                for child in found:
                    self._add(child, path, entries)
        except OSError as problem:
            self._tell(path or self.root, f"can't be listed: {_reason(problem)}")
        entries.sort(key=attrgetter("name"))
        return entries

    def _add(self, child: os.DirEntry[bytes], path: bytes, entries: list[Stat]) -> None:
        name = child.name
        try:
            status = child.stat(follow_symlinks=False)
            kind = status.st_mode & 0o170000
            if name in _NO_DATA:
                return
            if kind == 0o100000:
                entries.append(Stat(name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
            elif kind == stat.S_IFDIR:
                entries.append(Stat(name + b"/"))
            elif kind == stat.S_IFLNK:
                text = os.readlink(child.path)
                entries.append(Stat(name, len(text), status.st_mtime_ns, status.st_ctime_ns, status.st_ino, text))
            else:
                self._tell(path + name, f"is {_KINDS.get(kind, 'no file')} and no data")
        except FileNotFoundError:
            return  # gone since the folder was listed
        except OSError as problem:
            self._tell(path + name, _reason(problem))

    def _tell(self, path: bytes, what: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(_told(path, what))


class _Seen(Lister):
    """What a walk has seen so far."""

    def __init__(self, root: bytes, problems: list[str], since: int) -> None:
        super().__init__(root, problems)
        self.racy, self._since = False, since
        self.files = self.bytes = 0
        self.fingerprint = ""
        self._digest = hashlib.sha256()
        self.listings: dict[bytes, bytes] | None = {}
        self._encode = msgspec.msgpack.Encoder().encode

    def walk(self, file: Stat | None) -> None:
        """See all folders below the root, or `file` if the root is one."""
        for path, entries in folders(self.listing) if file is None else [(b"", [file])]:
            self._see(path, entries)
        self.fingerprint = self._digest.hexdigest()

    def _see(self, path: bytes, entries: list[Stat]) -> None:
        encoded = self._encode(entries)
        self._digest.update(path + b"\0")
        self._digest.update(encoded)
        since = self._since
        self.racy = self.racy or any(entry.written >= since for entry in entries)
        sizes = [entry.size for entry in entries if entry.name[-1:] != b"/"]
        self.files += len(sizes)
        self.bytes += sum(sizes)
        if self.listings is not None:
            self.listings[path] = encoded
            if self.files > KEPT:
                self.listings = None


def stat_of(name: bytes, status: os.stat_result) -> Stat:
    """`status` of a regular file as a listing has it."""
    return Stat(name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _told(path: bytes, what: str) -> str:
    return f"`{display(os.fsdecode(path))}` {what}"


def _reason(problem: OSError) -> str:
    return (problem.strerror or type(problem).__name__).lower()
