"""What removing files gives back."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


def freed(paths: Iterable[Path]) -> int:
    """The bytes that the disk gets back when all of `paths` go, folders with what is in them.

    A file that has another name elsewhere, as an output that runs share, gives nothing back.
    """
    names: dict[tuple[int, int], list[int]] = {}
    for status in _files(paths):
        names.setdefault((status.st_dev, status.st_ino), [status.st_nlink, status.st_size, 0])[2] += 1
    return sum(size for links, size, seen in names.values() if seen >= links)


def _files(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    for path in paths:
        status = _status(path)
        if status is None:
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield status
            continue
        for folder, _, names in os.walk(path):
            yield from filter(None, (_status(Path(folder, name)) for name in names))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:  # gone meanwhile
        return None
