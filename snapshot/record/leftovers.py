"""What processes that died have left in a store: temporary files, half-removed folders, labels of removed runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from snapshot.record import labels
from snapshot.record.code.packs import ABANDONED
from snapshot.record.store import Store

_FOLDERS = ("", "active", "cache", "cache/trees", "code", "code/packs", "data", "labels")
_OURS = frozenset({".gitignore", ".lock"})


def leftovers(store: Store, now: float) -> Iterator[Path]:
    """What can be removed though it is not known what it was; `now` is a time stamp in seconds.

    Nothing that is younger than an hour, or that somebody holds.
    """
    yield from (path for path in _hidden(store.runs) if _is_abandoned(path, now))
    for folder in _FOLDERS:
        for path in _hidden(store.path / folder):
            if path.name not in _OURS and _is_abandoned(path, now):
                yield path
    ids = store.ids()
    busy = set(store.unfinished())  # after the IDs: whoever begins now is not taken for dead
    for run_id in ids:
        if run_id not in busy:
            yield from (path for path in _hidden(store.folder(run_id)) if _is_abandoned(path, now))
            if not store.has_record(run_id) and is_bare(store.folder(run_id)):
                yield store.folder(run_id)
    known = {*ids, *busy}
    yield from (path for path in labels.paths(store) if path.name.removesuffix(labels.SUFFIX) not in known)


def _hidden(folder: Path) -> list[Path]:
    """What begins with a dot there; nothing where somebody removes the folder meanwhile."""
    with suppress(FileNotFoundError):
        return list(folder.glob(".*"))
    return []


def is_bare(folder: Path) -> bool:
    """Whether a run's folder without a record has nothing that the run wrote."""
    return not any(names or files for _, names, files in os.walk(folder / "outputs")) and not (folder / "log").exists()


def _is_abandoned(path: Path, now: float) -> bool:
    try:
        if now - path.lstat().st_ctime < ABANDONED:
            return False
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        return True
    os.close(descriptor)
    return False
