"""How things stand, told by the file system alone: whoever knows the last state sees that something has changed.

Nothing is read, and times are compared for being the same, never for being later: whose clock they are is no matter.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from snapshot.errors import StoreError
from snapshot.record.labels import FOLDER, SUFFIX
from snapshot.record.store import Store
from snapshot.report.html.so_far import seen

FILES = ("run.json", "log", "gpu.csv", "verdict.json", "noise.json")
"""Of a run's folder: what comes or grows when the record is final, or before."""


def of_all(store: Store) -> str:
    """Of the list of all runs: which there are, what is said of them, and those that go on."""
    going = [(run_id, *_of_run(store, run_id)) for run_id in store.unfinished()]
    return _short(_folders(store), going)


def of_runs(store: Store, ids: Sequence[str]) -> str | None:
    """Of what is to be seen of these runs; None when one is gone."""
    if not all(store.folder(run_id).is_dir() for run_id in ids):
        return None
    found = [(_of_run(store, run_id), _stat(store.path / FOLDER / (run_id + SUFFIX))) for run_id in ids]
    # Other runs too: one that begins may descend from it.
    return _short(_stat(store.runs), _stat(store.active), found)


def _of_run(store: Store, run_id: str) -> tuple[object, ...]:
    folder = store.folder(run_id)
    files = tuple(_stat(folder / name) for name in FILES)
    written: list[object] = []
    if (store.active / run_id).exists():
        with suppress(StoreError, OSError):
            written = [(one.path, one.state) for one in seen(store, store.read(run_id))]
    return files, written


def _folders(store: Store) -> tuple[object, ...]:
    """A file that is put in the place of another, as all are that the program writes, changes its folder's time."""
    return tuple(_stat(folder) for folder in (store.runs, store.active, store.path / FOLDER))


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _short(*state: object) -> str:
    return hashlib.sha256(repr(state).encode(errors="backslashreplace")).hexdigest()[:16]
