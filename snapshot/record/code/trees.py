"""Code snapshots as folders, `.snap/cache/trees/<digest>/`: the lower directory of a run's overlay, made when needed.

A tree appears under its name when it is whole. It is read-only by convention: its files are hard links shared with the
trees of other snapshots, since making files is what takes time; they are never links to the user's own files.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from snapshot import digest as digests
from snapshot.errors import StoreError
from snapshot.host import files
from snapshot.project import names
from snapshot.project.tree import Scan
from snapshot.record.code import packs, snapshots

FOLDER = "cache/trees"


def checkout(store: Path, digest: str, scan: Scan | None = None) -> Path:
    """The tree of a snapshot, whole; made unless it is there.

    With `scan`, the one that the snapshot was taken of, new files have the modification times of their sources, which
    is what `make` and ninja go by; without, or for files shared with another tree, they are merely not younger.
    Several processes may do this at once. Raises StoreError when the snapshot is damaged or not there, HostError when
    the disk is full.
    """
    tree = store / FOLDER / digests.hex_of(digest)
    if tree.is_dir():
        return tree
    entries = snapshots.manifest(store, digest).entries
    times = {entry.path: entry.mtime_ns for entry in scan.entries if entry.kind == "file"} if scan else {}
    files.make_dirs(tree.parent, mode=0o700)
    with files.disk_errors(tree):
        packs.remove_leftovers(tree.parent)
        temporary = tree.parent / f"{packs.TEMPORARY}{os.getpid()}-{time.monotonic_ns():x}"
        temporary.mkdir()
        held = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # see packs.remove_leftovers
            _Builder(store, temporary, _shareable(store)).build(entries, times)
            temporary.chmod(0o755)
            with suppress(FileExistsError):  # another process was faster, and its tree is the same
                _rename(temporary, tree)
        finally:
            os.close(held)
            packs.remove(temporary)
    return tree


KEPT = 8
"""Trees that are kept, since the next run is likely to need one of them, or to share files with it."""
_SAFE_AGE = 3600
"""Seconds: a tree that was just made may belong to a run that is about to start."""


def prune(store: Path, in_use: Callable[[], Collection[str]]) -> None:
    """Remove the oldest trees beyond `KEPT`, but for those `in_use`: the digests of unfinished runs' code."""
    with suppress(FileNotFoundError):
        found = [entry for entry in os.scandir(store / FOLDER) if not entry.name.startswith(".")]
        if len(found) <= KEPT:
            return
        used = {digests.hex_of(digest) for digest in in_use()}
        for entry in sorted(found, key=lambda e: e.stat().st_mtime, reverse=True)[KEPT:]:
            if entry.name not in used and time.time() - entry.stat().st_mtime > _SAFE_AGE:
                packs.remove(Path(entry.path))


def _rename(temporary: Path, tree: Path) -> None:
    try:
        temporary.rename(tree)
    except OSError as problem:
        if not tree.is_dir():
            raise
        raise FileExistsError from problem


def _shareable(store: Path) -> dict[tuple[str, str], str]:
    """Files of the youngest tree that there is, by content and mode."""
    try:
        with os.scandir(store / FOLDER) as found:
            trees = [(entry.stat().st_mtime_ns, entry.name) for entry in found if not entry.name.startswith(".")]
        _, name = max(trees)
        entries = snapshots.manifest(store, digests.PREFIX + name).entries
    except (OSError, ValueError, StoreError):
        return {}
    folder = str(store / FOLDER / name) + "/"
    return {(entry.sha256, entry.mode): folder + names.from_text(entry.path) for entry in entries if entry.sha256}


class _Builder:
    """One tree being made in the empty folder `target`."""

    def __init__(self, store: Path, target: Path, shareable: Mapping[tuple[str, str], str]) -> None:
        self._store = store
        self._target = str(target) + "/"
        self._shareable = shareable
        self._contents = packs.load(store)
        self._packs: dict[int, memoryview] = {}

    def build(self, entries: Iterable[snapshots.CodeEntry], times: Mapping[str, int]) -> None:
        """Make all of it; folders come before what is in them, since entries are sorted."""
        for entry in entries:
            name = names.from_text(entry.path)
            path = self._target + name
            if entry.mode == snapshots.DIRECTORY:
                os.mkdir(path)
                os.chmod(path, 0o755)
            elif entry.mode == snapshots.LINK:
                os.symlink(names.from_text(entry.target), path)
            elif not self._share(entry, path):
                self._write(entry, path, times.get(name))

    def _share(self, entry: snapshots.CodeEntry, path: str) -> bool:
        other = self._shareable.get((entry.sha256, entry.mode))
        if other is None:
            return False
        try:
            if os.stat(other, follow_symlinks=False).st_size != entry.size:
                return False
            os.link(other, path, follow_symlinks=False)
        except OSError:  # gone, or as many links as a file may have
            return False
        return True

    def _write(self, entry: snapshots.CodeEntry, path: str, mtime_ns: int | None) -> None:
        place = self._contents.places.get(bytes.fromhex(entry.sha256))
        if place is None:
            raise StoreError(f"the store lacks the content of `{names.display(names.from_text(entry.path))}`")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755)
        try:
            data = self._content(place)
            if hashlib.sha256(data).hexdigest() != entry.sha256:
                raise StoreError(f"`{self._contents.path(self._store, place)}` is damaged")
            while data:
                data = data[os.write(descriptor, data) :]
            os.fchmod(descriptor, 0o755 if entry.mode == snapshots.EXECUTABLE else 0o644)
            if mtime_ns is not None:
                os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        finally:
            os.close(descriptor)

    def _content(self, place: packs.Place) -> memoryview:
        if place.pack not in self._packs:
            path = self._contents.path(self._store, place)
            try:
                with path.open("rb") as file:
                    # Closed when the last view of it is gone.
                    self._packs[place.pack] = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except (FileNotFoundError, ValueError):
                raise StoreError(f"the pack `{path}` is gone or empty") from None
        return self._packs[place.pack][place.offset : place.offset + place.size]
