"""Locks on files (flock): the kernel lets go of them when their process dies, however it dies.

Linux's NFS turns them into locks of the server (`nfs(5)`, `local_lock`), so they hold between machines too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snapshot.host.files import disk_errors


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold `path` together with others that hold it so, waiting for one that holds it alone.

    Where nothing can be written, or locked, nothing can be removed either: then the block goes on without.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        yield
        return
    try:
        # ENOLCK on an NFS without locks: `exclusive` refuses there, so nobody is in danger.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold `path` alone; `waiting` is called once if others hold it. Raises HostError where it can't be locked."""
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with disk_errors(path):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
