"""Records by ID, each read once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from snapshot.errors import StoreError
from snapshot.record.document import Run
from snapshot.record.store import Store


def reader(store: Store) -> Callable[[str], Run | None]:
    """Gives the record of a run; None for one that is not there or can't be read.

    Only what is listed in the store is opened: IDs come from records too, and those anybody can have written.
    """
    ids = set(store.ids())
    known: dict[str, Run | None] = {}

    def read(run_id: str) -> Run | None:
        if run_id not in known:
            known[run_id] = None
            if run_id in ids:
                with suppress(StoreError):
                    known[run_id] = store.read(run_id)
        return known[run_id]

    return read
