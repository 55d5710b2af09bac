"""The contents of files, each kept once: packs are plain tar files that are added and never changed.

A pack holds what no earlier pack held; `tar xf` gives it back under the path that it had. Where each content lies is a
cache, made anew from the packs when it is lost. A pack appears under its name when it is whole and on the disk, so a
process that dies leaves nothing but a temporary file, which a later one removes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec

from snapshot.errors import StoreError
from snapshot.host import files
from snapshot.record.code import tar

FOLDER = "code/packs"
CACHE = "cache/code-contents"
SUFFIX = ".tar"
TEMPORARY = ".new-"
ABANDONED = 3600.0
"""Seconds after which a temporary file that nobody holds is a leftover."""
_BUFFER = 8 << 20


class Place(NamedTuple):
    """Where a content lies."""

    pack: int
    """Its position in `Contents.packs`."""
    offset: int
    size: int


class Member(NamedTuple):
    """A content in a pack, as reading the pack finds it."""

    name: bytes
    executable: bool
    offset: int
    size: int
    sha256: bytes


class Contents(msgspec.Struct, array_like=True):
    """Every content of the store, by its sha256."""

    packs: list[str]
    places: dict[bytes, Place]

    def path(self, store: Path, place: Place) -> Path:
        """The pack that holds `place`."""
        return store / FOLDER / (self.packs[place.pack] + SUFFIX)

    def add(self, pack: str, places: dict[bytes, tuple[int, int]]) -> None:
        """Take in a pack; what an earlier one holds too stays there."""
        if pack in self.packs:  # it was damaged, and has been replaced by a whole one
            number = self.packs.index(pack)
            self.places = {sha256: place for sha256, place in self.places.items() if place.pack != number}
        else:
            number = len(self.packs)
            self.packs.append(pack)
        for sha256, (offset, size) in places.items():
            self.places.setdefault(sha256, Place(number, offset, size))


def load(store: Path) -> Contents:
    """The contents of all packs of `store`, from the cache as far as it is true."""
    folder = store / FOLDER
    try:
        names = {name.removesuffix(SUFFIX) for name in os.listdir(folder) if name.endswith(SUFFIX) and name[0] != "."}
    except FileNotFoundError:
        return Contents([], {})
    known = cached(store)
    if not names.issuperset(known.packs):  # a pack is gone
        known = Contents([], {})
    for name in sorted(names.difference(known.packs)):
        found = members(folder / (name + SUFFIX))
        known.add(name, {member.sha256: (member.offset, member.size) for member in found})
    return known


def save(store: Path, contents: Contents) -> None:
    """Remember `contents`; the packs are the truth, so this one need not survive a power cut."""
    files.write_atomic(store / CACHE, msgspec.msgpack.encode(contents), durable=False)


def read(store: Path, contents: Contents, sha256: bytes) -> bytes:
    """One content, checked; raises StoreError when it is not there or damaged."""
    place = contents.places.get(sha256)
    if place is None:
        raise StoreError(f"the store lacks a file's content, sha256 {sha256.hex()}")
    with contents.path(store, place).open("rb") as pack:
        pack.seek(place.offset)
        data = pack.read(place.size)
    if hashlib.sha256(data).digest() != sha256:
        raise StoreError(
            f"`{contents.path(store, place)}` is damaged", hint="restore it from a backup or a pushed copy"
        )
    return data


class Writer:
    """A pack being written: a file once there is something to write, and under its name only at the end."""

    def __init__(self, store: Path) -> None:
        self.folder = store / FOLDER
        self.places: dict[bytes, tuple[int, int]] = {}
        self._descriptor = -1
        self._temporary = ""
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._offset = 0
        self._names = hashlib.sha256()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        if self._temporary:
            with suppress(OSError):
                os.unlink(self._temporary)

    def add(self, name: bytes, executable: bool, sha256: bytes, data: bytes) -> None:
        """Append a content that no pack holds yet; `name` is where `tar xf` will put it."""
        size = len(data)
        head = tar.header(name, size, executable=executable)
        self._chunks += (head, data, tar.padding(size))
        self._buffered += size
        self._note(name, executable, sha256, self._offset + len(head), size)
        if self._buffered > _BUFFER:
            self._flush()

    def add_stream(
        self, name: bytes, executable: bool, size: int, chunks: Iterator[bytes], accept: Callable[[bytes], bool]
    ) -> bytes | None:
        """Append a content of `size` bytes without holding it in memory, and return its sha256.

        It is taken back when this pack holds it already, or `accept`, asked with its sha256 at the end, says no.
        Returns None, and takes it back, when `chunks` are not `size` bytes together.
        """
        self._flush()
        start = self._offset
        head = tar.header(name, size, executable=executable)
        self._write(head)
        digest, found = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            found += len(chunk)
            self._write(chunk)
        sha256 = digest.digest()
        if found == size and sha256 not in self.places and accept(sha256):
            self._write(tar.padding(size))
            self._note(name, executable, sha256, start + len(head), size)
        else:
            os.ftruncate(self._descriptor, start)
            os.lseek(self._descriptor, start, os.SEEK_SET)
        return sha256 if found == size else None

    def finish(self) -> str | None:
        """Bring the pack to the disk and give it its name, which says what is in it; None when there is nothing."""
        if not self.places:
            return None
        self._chunks.append(tar.END)
        self._flush()
        os.fsync(self._descriptor)
        name = self._names.hexdigest()
        os.rename(self._temporary, self.folder / (name + SUFFIX))
        self._temporary = ""
        return name

    def _note(self, name: bytes, executable: bool, sha256: bytes, offset: int, size: int) -> None:
        self.places[sha256] = (offset, size)
        self._offset = offset + size + -size % tar.BLOCK
        self._names.update(_in_name(Member(name, executable, offset, size, sha256)))

    def _flush(self) -> None:
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._descriptor < 0:
            self._open()
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _open(self) -> None:
        files.make_dirs(self.folder.parent, mode=0o700)
        files.make_dirs(self.folder)
        remove_leftovers(self.folder)
        self._temporary, self._descriptor = create_temporary(self.folder)


def name_of(found: Iterable[Member]) -> str:
    """The name of a pack with these contents, in their order: one that has another name is damaged."""
    return hashlib.sha256(b"".join(map(_in_name, found))).hexdigest()


def _in_name(member: Member) -> bytes:
    return b"%d %d %s %s\0" % (member.executable, member.size, member.sha256, member.name)


def create_temporary(folder: Path) -> tuple[str, int]:
    """A new file in `folder` that `remove_leftovers` leaves alone while it is open here."""
    path = str(folder / f"{TEMPORARY}{os.getpid()}-{time.monotonic_ns():x}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return path, descriptor


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders in `folder` whose makers are gone."""
    now = time.time()
    for path in folder.glob(".*"):
        try:
            if now - path.stat().st_mtime < ABANDONED:
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path)
        except OSError:  # its maker holds it, or another process removes it
            continue
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it."""
    if path.is_dir():
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def cached(store: Path) -> Contents:
    """What the cache says, true or not."""
    try:
        return msgspec.msgpack.decode((store / CACHE).read_bytes(), type=Contents)
    except (OSError, msgspec.MsgspecError):
        return Contents([], {})


def members(path: Path) -> Iterator[Member]:
    """What a pack holds, by reading all of it; nothing from where it is damaged on."""
    import tarfile

    with suppress(OSError, tarfile.TarError), tarfile.open(path, "r:") as pack:
        for member in pack:
            stream = pack.extractfile(member)
            if stream is not None:
                sha256 = hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]
                name = os.fsencode(member.name)
                yield Member(name, member.mode & 0o100 != 0, member.offset_data, member.size, sha256)
