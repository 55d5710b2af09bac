"""How far a search is, kept after each hybrid: the same search goes on there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from snapshot.cause.document import SCHEMA, Search
from snapshot.document import check_schema, decode_json, encode_json
from snapshot.errors import StoreError
from snapshot.host.files import make_dirs, write_atomic
from snapshot.record.store import Store

FOLDER = "bisect"


def keep(store: Store, search: Search) -> None:
    """Write it down. Raises HostError as `write_atomic` does."""
    path = _path(store, search)
    make_dirs(path.parent)
    write_atomic(path, encode_json(search))


def resumed(store: Store, fresh: Search) -> Search:
    """`fresh` with what an earlier search of the same has tried, if there was one and its runs are still there."""
    path = _path(store, fresh)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return fresh
    where = f"{FOLDER}/{path.name}"
    check_schema(decode_json(data, dict, where=where), SCHEMA, where=where)
    try:
        known = decode_json(data, Search, where=where)
    except StoreError:
        return fresh
    if {candidate.key for candidate in known.candidates} != {candidate.key for candidate in fresh.candidates}:
        return fresh
    kept = tuple(one for one in known.trials if all(store.has_record(run) for run in one.runs))
    return msgspec.structs.replace(fresh, created=known.created, trials=kept)


def _path(store: Store, search: Search) -> Path:
    """One file for each pair of runs and way to tell them apart."""
    name = hashlib.sha256("\0".join((search.good, search.bad, search.by)).encode()).hexdigest()[:16]
    return store.path / FOLDER / f"{name}.json"
