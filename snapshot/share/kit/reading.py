"""A kit that somebody else made, opened: nothing of it is trusted, and all that is used is what its sums say."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import IntegrityError, UsageError
from snapshot.host.files import disk_errors, make_dirs, scratch
from snapshot.project.names import display
from snapshot.share.bundle import is_inside
from snapshot.share.kit import document, sums
from snapshot.share.kit.document import Kit

_SMALL = 64 << 20
"""Bytes of the documents that are read whole: sums of half a million files."""
_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE)
"""What is in a tar of ours; sparse files, which a few bytes can make of any size, hard links and devices are not."""


class Opened(Value, kw_only=True, frozen=True):
    """A kit as a folder."""

    folder: Path
    kit: Kit
    sums: dict[str, str]
    """The sha256 in hexadecimal digits by path, of all that may be used."""

    def file(self, path: str) -> Path:
        """Where the file `path` is; raises IntegrityError when the kit has none."""
        if path not in self.sums:
            raise IntegrityError(f"the kit has no `{display(path)}`", hint=_ANOTHER)
        return self.folder / path

    def read(self, path: str) -> bytes:
        """What is in a file that is a document."""
        return _read(self.file(path))

    def names(self) -> list[str]:
        """The paths of the files, sorted."""
        return sorted(self.sums)

    def content(self, path: str) -> Iterator[bytes]:
        """What is in a file, some at a time."""
        with self.file(path).open("rb") as file:
            while chunk := file.read(digest.CHUNK):
                yield chunk

    def by_content(self) -> dict[str, Path]:
        """The files by their sha256."""
        return {sha256: self.folder / path for path, sha256 in self.sums.items()}


_ANOTHER = "get another copy of the kit"


@contextmanager
def opened(path: Path, scratches: Path, told: Callable[[int], None] = lambda _: None) -> Iterator[Opened]:
    """The kit in `path`, a folder or a tar, which is unpacked in `scratches`; gone afterwards.

    `told` hears how many bytes were checked. Raises UsageError when it is no kit, IntegrityError when something is not
    as its sums say, StoreError when it is of a newer version.
    """
    if path.is_dir():
        yield _checked(path, path, told)
    elif path.is_file():
        with scratch(scratches) as folder, disk_errors(folder):
            _unpack(path, folder / "kit")
            yield _checked(path, folder / "kit", told)
    else:
        raise UsageError(f"`{display(str(path))}` is not there", hint="name the folder or the `.tar` of a kit")


def _unpack(path: Path, folder: Path) -> None:
    folder.mkdir()
    names: set[str] = set()
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                _take(archive, member, folder, names)
            _check_end(path, archive.offset)
    except (tarfile.TarError, EOFError, UnicodeError) as problem:
        raise IntegrityError(f"`{display(path.name)}` is no tar that can be read: {problem}", hint=_ANOTHER) from None


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, names: set[str]) -> None:
    name = member.name
    if member.type not in _TYPES or member.issparse() or not is_inside(name) or name in names:
        raise IntegrityError(f"the kit has `{display(name)}`, which no kit of `snap` has", hint="don't use it")
    names.add(name)
    target = folder / name
    if member.isdir():
        make_dirs(target)
        return
    _check_parents(folder, name)
    make_dirs(target.parent)
    if member.issym():
        target.symlink_to(member.linkname)
        return
    content = archive.extractfile(member)
    assert content is not None
    with target.open("xb") as file:
        while chunk := content.read(digest.CHUNK):
            file.write(chunk)
        os.fchmod(file.fileno(), 0o755 if member.mode & 0o100 else 0o644)
    if target.stat().st_size != member.size:
        raise tarfile.ReadError("it ends in the middle of a file")


def _check_end(path: Path, offset: int) -> None:
    """A tar ends with two empty blocks: without, it was cut between two files."""
    with path.open("rb") as file:
        file.seek(offset)
        if file.read(tarfile.BLOCKSIZE) != b"\0" * tarfile.BLOCKSIZE:
            raise tarfile.ReadError("its end is missing")


def _check_parents(folder: Path, name: str) -> None:
    """Raise IntegrityError where a file is said to lie in what is a link."""
    for parent in (folder / name).parents:
        if parent == folder:
            return
        if parent.is_symlink():
            raise IntegrityError(f"the kit has `{display(name)}` below a link", hint="don't use it")


def _checked(path: Path, folder: Path, told: Callable[[int], None]) -> Opened:
    shown = display(path.name)
    for name in (document.FILE, document.SUMS):
        if not _is_file(folder / name):
            raise UsageError(f"`{shown}` is no kit: it has no `{name}`", hint="`snap archive RUN DIR` makes one")
    found = sums.loads(_read(folder / document.SUMS), where=document.SUMS)
    if document.FILE not in found:
        raise IntegrityError(f"`{document.SUMS}` does not name `{document.FILE}`", hint=_ANOTHER)
    kit = document.loads(_read(folder / document.FILE), where=document.FILE)
    done = 0
    for name, sha256 in found.items():
        if not is_inside(name):
            raise IntegrityError(f"`{document.SUMS}` names `{display(name)}`, outside of the kit", hint="don't use it")
        _check_parents(folder, name)
        done += _check_file(folder / name, name, sha256)
        told(done)
    return Opened(folder=folder, kit=kit, sums=found)


def _check_file(path: Path, name: str, sha256: str) -> int:
    if not _is_file(path):
        raise IntegrityError(f"the kit lacks `{display(name)}`", hint=_ANOTHER)
    got = digest.of_file(path)
    if digest.hex_of(got) != sha256:
        raise IntegrityError(
            f"`{display(name)}` of the kit is not what its `{document.SUMS}` says: it has {got}", hint=_ANOTHER
        )
    return path.stat().st_size


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_SMALL + 1)
    if len(data) > _SMALL:
        raise IntegrityError(f"`{display(path.name)}` of the kit is larger than any of `snap`", hint="don't use it")
    return data
