"""Tags and notes."""

from __future__ import annotations

from collections.abc import Iterator

from snapshot.errors import StoreError
from snapshot.record import labels
from snapshot.record.fsck.fault import COPY, Fault, error, note, shown
from snapshot.record.store import Store


def check(store: Store) -> Iterator[Fault]:
    """Each file, and whether a tag is where it was before too, as a crash while it moves can leave it."""
    found: dict[str, labels.Labels] = {}
    for path in labels.paths(store):
        try:
            found[path.name.removesuffix(labels.SUFFIX)] = labels.read(path)
        except (StoreError, OSError) as problem:
            said = f"{shown(store, path)} can't be read: {problem}"
            yield error("label", said, f"{COPY}, or remove it: the tags and notes in it are lost then")
    for run_id, right in labels.resolved(found).items():
        for tag in sorted(found[run_id].tags.keys() - right.tags.keys()):
            said = f"the tag `{tag}` has gone from run {run_id} to another, and is still in its file"
            remedy = "`snap fsck --repair` takes it out"
            yield note("label", said, remedy, mend=lambda: labels.drop_outdated(store))
