"""Where a kit is written to, a folder or a tar: the whole of it appears under its name, or nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snapshot.errors import UsageError
from snapshot.host.files import disk_errors, make_dirs, scratch
from snapshot.share.entry import Entry, chunks
from snapshot.share.entry import check as check_entry
from snapshot.share.kit import sums
from snapshot.share.kit.document import SUMS
from snapshot.share.tar import tar

SUFFIX = ".tar"
_OTHERS = (".gz", ".tgz", ".zip", ".xz", ".zst", ".bz2")


def check(path: Path) -> None:
    """Raise UsageError when nothing can be written to `path`, before any work is done."""
    if path.suffix in _OTHERS:
        raise UsageError(
            f"`{path.name}` is neither a folder nor a `.tar`",
            hint=f"name it `{path.name.partition('.')[0]}.tar`: nearly all in it is compressed already",
        )
    check_place(path)


def check_place(path: Path) -> None:
    """Raise UsageError unless `path` is a new name in a folder that is there."""
    if os.path.lexists(path):
        raise UsageError(f"`{path}` is there already", hint="name one that is not, or remove it")
    if not path.parent.is_dir():
        raise UsageError(f"the folder `{path.parent}` is not there", hint=f"make it with `mkdir -p {path.parent}`")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A folder on the disk of `path`, gone afterwards; what a killed process has left there goes with the next one."""
    parent = path.with_name(f".{path.name}.partial")
    try:
        with scratch(parent) as folder:
            yield folder
    finally:
        with suppress(OSError):
            parent.rmdir()
            path.with_name(f".{parent.name}.lock").unlink()


def write(entries: Iterable[Entry], path: Path, folder: Path, time: int, told: Callable[[int], None]) -> int:
    """Write `entries` and their sums to `path`, through `folder` on the same disk; the number of bytes.

    `told` hears how many are written. Raises HostError as `write_atomic` does.
    """
    read = Reading(told)
    with disk_errors(path):
        if path.suffix == SUFFIX:
            _write_tar(_with_sums(entries, read), folder / "tar", time, read)
            (folder / "tar").rename(path)
        else:
            write_folder(entries, folder / "kit", time, read)
            (folder / "kit").rename(path)
    return read.bytes


class Reading:
    """Reads entries, and remembers what was read."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self.sums: dict[str, str] = {}
        self.bytes, self._told = 0, told

    def __call__(self, entry: Entry) -> Iterator[bytes]:
        hasher = hashlib.sha256()
        for chunk in chunks(entry):
            hasher.update(chunk)
            self.bytes += len(chunk)
            self._told(self.bytes)
            yield chunk
        self.sums[entry.path] = hasher.hexdigest()
        check_entry(entry, self.sums[entry.path])


def _with_sums(entries: Iterable[Entry], read: Reading) -> Iterator[Entry]:
    """The `entries`, and when all of them are read, the file that says what was."""
    yield from entries
    yield Entry(path=SUMS, source=sums.dumps(read.sums))


def _write_tar(entries: Iterable[Entry], path: Path, time: int, read: Reading) -> None:
    with path.open("xb") as file:
        for chunk in tar(entries, time, read):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def write_folder(entries: Iterable[Entry], folder: Path, time: int, read: Reading) -> None:
    """Write `entries` and their sums into the new `folder`; every file and folder has `time`."""
    folders = {folder}
    make_dirs(folder)
    for entry in _with_sums(entries, read):
        path = folder / entry.path
        if path.parent not in folders:
            make_dirs(path.parent)
            folders.update(parent for parent in path.parents if parent.is_relative_to(folder))
        if entry.is_folder:
            make_dirs(path)
            folders.add(path)
        elif entry.link is not None:
            path.symlink_to(entry.link)
        else:
            with path.open("xb") as file:
                file.writelines(read(entry))
                os.fchmod(file.fileno(), entry.mode)
        os.utime(path, (time, time), follow_symlinks=False)
    for one in folders:
        os.utime(one, (time, time))
