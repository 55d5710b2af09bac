"""Where an export is written to: a folder, or a zip archive that has the same bytes each time."""

from __future__ import annotations

import os
import stat
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from snapshot.digest import CHUNK
from snapshot.errors import UsageError
from snapshot.host.files import disk_errors
from snapshot.project.names import display
from snapshot.record.store import Store
from snapshot.share.kit.target import check_place
from snapshot.share.secrets.scan import text_of

SUFFIX = ".zip"
_OTHERS = (".gz", ".tgz", ".tar", ".xz", ".zst", ".bz2", ".7z")
_BEGINNING = 8000
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""Zip has no times before."""


def check(path: Path, store: Store) -> None:
    """Raise UsageError when nothing can be written to `path`, or nothing should, before any work is done."""
    if path.suffix in _OTHERS:
        raise UsageError(
            f"`{path.name}` is neither a folder nor a `.zip`", hint=f"name it `{path.name.partition('.')[0]}.zip`"
        )
    check_place(path)
    real = path.parent.resolve() / path.name
    if real.is_relative_to(store.path) or ".git" in real.parts:
        raise UsageError(f"`{path}` is where others keep their files", hint="name a folder outside of the project")


def is_in_project(path: Path, store: Store) -> bool:
    """Whether the next run would take the export for code."""
    return (path.parent.resolve() / path.name).is_relative_to(store.project)


def hand_over(folder: Path, path: Path) -> None:
    """Give the finished export in `folder` its name `path`, on the same disk; for a `.zip` it is packed before."""
    with disk_errors(path):
        if path.suffix == SUFFIX:
            packed = folder.with_name("zip")
            _pack(folder, packed)
            packed.rename(path)
        else:
            folder.rename(path)


def _pack(folder: Path, target: Path) -> None:
    with target.open("xb") as file:
        with zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:
            for path in _members(folder):
                _add(archive, path, path.relative_to(folder).as_posix())
        file.flush()
        os.fsync(file.fileno())


def _members(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.rglob("*"), key=lambda path: os.fsencode(path.relative_to(folder))))


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    if name != os.fsencode(name).decode(errors="replace"):
        raise UsageError(f"a zip archive has no names like `{display(name)}`", hint="export to a folder")
    status = path.lstat()
    is_folder = stat.S_ISDIR(status.st_mode)
    info = zipfile.ZipInfo(name + "/" * is_folder, max(time.gmtime(status.st_mtime)[:6], _EARLIEST))
    info.external_attr, info.create_system = status.st_mode << 16, 3
    if is_folder:
        info.external_attr |= 0x10  # what DOS calls a folder
        archive.writestr(info, b"")
    elif stat.S_ISLNK(status.st_mode):
        archive.writestr(info, os.fsencode(os.readlink(path)))
    else:
        with path.open("rb") as source:
            # What is no text is packed already, or numbers that hardly get smaller.
            is_text = text_of(source.read(_BEGINNING)) is not None
            source.seek(0)
            info.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
            info.file_size = status.st_size
            with archive.open(info, "w", force_zip64=status.st_size >= 1 << 31) as member:
                while chunk := source.read(CHUNK):
                    member.write(chunk)
