"""Reads what a report of two runs shows, beside what `gather` reads of each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from snapshot.compare import code, stored
from snapshot.compare.runs import RunDifference, Side, difference
from snapshot.document import Value
from snapshot.errors import StoreError
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.data import manifest
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.report.html.gather import gather
from snapshot.report.html.material import Material

PATCHES = 100
"""Files of which the lines are compared."""
LARGEST = 1_000_000
"""Bytes of a file whose lines are compared."""


class Pair(Value, kw_only=True, frozen=True):
    """Two runs and how the second differs from the first."""

    runs: tuple[Material, Material]
    difference: RunDifference
    patches: dict[str, code.Patch | str]
    """By the path of a file: its patch, or why there is none."""


def between(store: Store, old: Run, new: Run) -> Pair:
    """Everything about `old` and `new`."""
    runs = gather(store, old), gather(store, new)
    same_code = old.code.identity == new.code.identity
    sides = [
        Side(run=found.run, lock=found.lock, code=None if same_code else _entries(store, found.run)) for found in runs
    ]
    found = difference(sides[0], sides[1], partial(manifest.diff, store.path))
    return Pair(runs=runs, difference=found, patches=dict(_patches(found, stored.reader(store))))


def _entries(store: Store, run: Run) -> tuple[CodeEntry, ...] | None:
    """None when they can't be read."""
    try:
        return stored.own(store, run)
    except StoreError:
        return None


def _patches(found: RunDifference, read: code.Read) -> Iterator[tuple[str, code.Patch | str]]:
    for change in islice(found.code, PATCHES):
        if any(entry and entry.size > LARGEST for entry in (change.old, change.new)):
            yield change.path, "too large to be compared line by line here"
            continue
        try:
            yield change.path, code.patch(change, read)
        except StoreError as problem:
            yield change.path, problem.message
