"""Files in a folder, addressed by their sha256: each is there whole and checked, or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from snapshot import digest
from snapshot.host.files import disk_errors, make_dirs


def path(cache_dir: Path, sha256: str, name: str) -> Path:
    """Where the package file `name` with the digest `sha256` is kept."""
    key = digest.hex_of(sha256)
    return cache_dir / "packages" / "sha256" / key[:2] / key / name


def held(path: Path, sha256: str) -> int | None:
    """The size of the file in the cache; None when it is not there or not what it was, and then it is removed."""
    try:
        with path.open("rb") as file:
            got = digest.of_stream(file)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    if got == sha256:
        return size
    path.unlink(missing_ok=True)
    return None


@contextmanager
def partial(target: Path) -> Iterator[BinaryIO | None]:
    """The unfinished file beside `target`, for this process alone; None when another has finished it meanwhile.

    What is left in it when a download is interrupted is where the next one goes on.
    """
    make_dirs(target.parent)
    part = target.parent / f".{target.name}.part"
    while True:
        with disk_errors(part):
            file = part.open("ab+")
        fcntl.flock(file, fcntl.LOCK_EX)
        # Another process may have renamed or removed it between opening and locking.
        is_named = _inode(part) == os.fstat(file.fileno()).st_ino
        if target.exists():
            if is_named:
                part.unlink()
            file.close()
            yield None
            return
        if is_named:
            break
        file.close()
    try:
        yield file
    finally:
        file.flush()
        if os.fstat(file.fileno()).st_size == 0 and _inode(part) == os.fstat(file.fileno()).st_ino:
            part.unlink()
        file.close()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def keep(file: BinaryIO, target: Path) -> None:
    """Give the finished file its name."""
    with disk_errors(target):
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        (target.parent / f".{target.name}.part").rename(target)


def first_failure(jobs: list[Future[None]]) -> None:
    """Wait for `jobs`; when one fails, the others that have not begun are called off, and its error is raised."""
    try:
        wait(jobs, return_when=FIRST_EXCEPTION)
    finally:
        for job in jobs:
            job.cancel()
    for job in jobs:
        if not job.cancelled() and job.done():
            job.result()
