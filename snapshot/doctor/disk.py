"""Space on the disks that images, packages and runs go to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from snapshot.doctor.checks import error, note, ok, warning
from snapshot.document import Value
from snapshot.errors import HostError
from snapshot.finding import Finding
from snapshot.host.files import disk_errors
from snapshot.report.text import size

CHECK = "disk"
LITTLE = 20 * 10**9
"""Bytes: an image with a CUDA framework takes 5 to 10 GB, and its packages, which the cache keeps, as much again."""
TOO_LITTLE = 2 * 10**9
FEW_INODES = 100_000
"""An image with a CUDA framework has 30,000 files."""
TOO_FEW_INODES = 5_000
MOST_ENTRIES = 50_000
"""Of the cache that are counted."""
_ELSEWHERE = "set `XDG_CACHE_HOME` to a folder that can be written to"
_NOT_CACHE = "engine"
"""In the cache folder, but a private engine's state (`scripts/engine`)."""


class Space(Value, kw_only=True, frozen=True):
    """One file system and what of ours is on it."""

    device: int
    used_for: str
    free: int
    """Bytes that this user may write."""
    inodes: int | None
    """Files that this user may still make; None where the file system has no such limit."""


def look(*, root: Path, cache: Path | None, engine_root: str) -> Iterator[Finding]:
    """The disks of the project, the cache and, where it is on this host, the engine."""
    places = {"the project": root, **({"the cache": cache} if cache else {})}
    if engine_root and os.path.isdir(engine_root):
        places["the engine"] = Path(engine_root)
    spaces = (_space(_existing(path), name) for name, path in places.items())
    yield from findings(space for space in spaces if space)


def findings(spaces: Iterable[Space]) -> Iterator[Finding]:
    """One line for each file system, however much of ours is on it."""
    by_device: dict[int, list[Space]] = {}
    for space in spaces:
        by_device.setdefault(space.device, []).append(space)
    for together in by_device.values():
        yield from _judge(together[0], ", ".join(space.used_for for space in together))


def _judge(space: Space, used_for: str) -> Iterator[Finding]:
    remedy = "free some, for instance with `snap gc`, `snap rm` or `docker system prune`"
    said = f"{size(space.free)} free for {used_for}"
    if space.free < TOO_LITTLE:
        yield error(CHECK, f"only {said}", remedy)
    elif space.free < LITTLE:
        yield warning(CHECK, f"only {said}: an image with a CUDA framework may not fit", remedy)
    else:
        yield ok(CHECK, said)
    if space.inodes is not None and space.inodes < FEW_INODES:
        said = f"only {space.inodes:,} more files can be made on the disk of {used_for} (`df -i`)"
        remedy = "remove folders with many small files"
        yield error(CHECK, said, remedy) if space.inodes < TOO_FEW_INODES else warning(CHECK, said, remedy)


def cache(folder: Path | None) -> Iterator[Finding]:
    """Whether the user's cache can be written to, and its size."""
    if folder is None:
        yield error("cache", "this user has no home folder for a cache", _ELSEWHERE)
        return
    place = _existing(folder)
    try:
        with disk_errors(folder), tempfile.TemporaryFile(dir=place) as file:
            file.write(b"\0")
    except HostError as problem:
        yield error("cache", problem.message, _ELSEWHERE)
        return
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        said = f"the cache folder `{folder}` can't be written to: {reason}"
        yield error("cache", said, _ELSEWHERE)
        return
    yield ok("cache", f"`{folder}` can be written to")
    total, whole = _size(folder)
    if total:
        yield note("cache", f"it holds {'' if whole else 'more than '}{size(total)}; it can be removed at any time")


def _existing(path: Path) -> Path:
    """The nearest folder that is there."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _space(folder: Path, used_for: str) -> Space | None:
    """None for what keeps nothing, as /proc, and does not say how much it holds."""
    found = os.statvfs(folder)
    if not found.f_blocks:
        return None
    return Space(
        device=folder.stat().st_dev,
        used_for=used_for,
        free=found.f_bavail * found.f_frsize,
        inodes=found.f_favail if found.f_files else None,
    )


def _size(folder: Path) -> tuple[int, bool]:
    """Bytes of the files of the cache, and whether all were counted."""
    total = number = 0
    for current, folders, files in os.walk(folder):
        if Path(current) == folder and _NOT_CACHE in folders:
            folders.remove(_NOT_CACHE)
        for name in files:
            number += 1
            if number > MOST_ENTRIES:
                return total, False
            try:
                total += os.lstat(os.path.join(current, name)).st_size
            except OSError:
                continue
    return total, True
