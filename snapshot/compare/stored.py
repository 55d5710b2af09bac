"""The code of runs as the store has it, for comparing it."""

from __future__ import annotations

from snapshot.compare import code
from snapshot.errors import StoreError
from snapshot.project.names import display, from_text
from snapshot.record.code import packs, snapshots
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import Run
from snapshot.record.store import Store


def own(store: Store, run: Run) -> tuple[CodeEntry, ...]:
    """The code without what earlier runs had left in the project; raises StoreError when it can't be read."""
    return snapshots.without(snapshots.manifest(store.path, run.code.digest).entries, frozenset(run.code.leftovers))


def reader(store: Store) -> code.Read:
    """Gives the content of a file; raises StoreError when the store has lost it."""
    contents = packs.load(store.path)

    def read(entry: CodeEntry) -> bytes:
        try:
            sha256 = bytes.fromhex(entry.sha256)
        except ValueError:
            raise StoreError(f"the manifest of `{display(from_text(entry.path))}` is damaged") from None
        return packs.read(store.path, contents, sha256)

    return read
