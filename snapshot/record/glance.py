"""What can be said of runs at once and without writing anything, for completing what somebody types.

The index is taken as it lies there; of the newest runs, which it may not have yet, the records are read. What can't be
read is left out: nobody waits here, and nobody is told.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from snapshot.errors import StoreError, UsageError
from snapshot.record import labels, summary
from snapshot.record.index import FILE
from snapshot.record.store import Store
from snapshot.record.summary import Summary

MOST = 50
"""Runs that somebody may want to look through."""
_PATIENCE = 0.05
"""Seconds to wait for another process that writes the index."""
_UNREAD = 20
"""Records that are read: as many runs may be missing in the index, see there."""


def newest(store: Store, prefix: str = "") -> list[Summary]:
    """The newest runs whose ID begins with `prefix`."""
    fitting = (run_id for run_id in reversed(store.ids()) if run_id.startswith(prefix))
    return _told(store, list(islice(fitting, MOST)))


def latest(store: Store) -> list[Summary]:
    """The run that `latest` means, if there is any."""
    with suppress(UsageError):
        return _told(store, [store.find("latest")])
    return []


def named(store: Store, prefix: str) -> dict[str, Summary]:
    """The tags and names that begin with `prefix`, each with the run that it means."""
    question = "SELECT name, max(id) FROM runs WHERE substr(name, 1, ?) = ? GROUP BY name LIMIT ?"
    found = {str(name): str(run_id) for name, run_id in _rows(store, question, len(prefix), prefix, MOST)}
    found |= {run.name: run.id for run in reversed(newest(store)) if run.name}
    found |= {tag: run_id for run_id, tags in labels.tags(store).items() for tag in tags}
    found = {name: run_id for name, run_id in sorted(found.items()) if name.startswith(prefix)}
    told = {run.id: run for run in _told(store, list(found.values()))}
    return {name: told[run_id] for name, run_id in found.items() if run_id in told}


def _told(store: Store, ids: Sequence[str]) -> list[Summary]:
    known = {found.id: found for found in _known(store, ids)}
    missing = [run_id for run_id in ids if run_id not in known][:_UNREAD]
    known |= {found.id: found for found in _read(store, missing)}
    return [known[run_id] for run_id in ids if run_id in known]


def _known(store: Store, ids: Sequence[str]) -> Iterator[Summary]:
    marks = ",".join("?" * len(ids))
    for (blob,) in _rows(store, f"SELECT summary FROM runs WHERE id IN ({marks})", *ids):
        with suppress(msgspec.MsgspecError):
            yield msgspec.msgpack.decode(blob, type=Summary)


def _read(store: Store, ids: Sequence[str]) -> Iterator[Summary]:
    for run_id in ids:
        with suppress(StoreError, OSError):
            yield summary.of(store.read(run_id))


def _rows(store: Store, question: str, *values: object) -> list[tuple[Any, ...]]:
    path: Path = store.cache / FILE
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)) as db:
            return db.execute(question, values).fetchall()
    except (sqlite3.DatabaseError, ValueError):
        return []
