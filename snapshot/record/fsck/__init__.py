"""Whether everything in a store is as it was kept: every digest, every record, and what is made from them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from snapshot.finding import Finding
from snapshot.record.code import snapshots
from snapshot.record.code.survey import survey
from snapshot.record.fsck import caches, code, data, labels, runs
from snapshot.record.fsck.fault import Fault, Uses, note, shown
from snapshot.record.leftovers import leftovers
from snapshot.record.store import Store


def examine(store: Store, told: Callable[[str], None] = lambda text: None) -> Iterator[Fault]:
    """All that is wrong, reading all of it; `told` hears where it stands. Nothing is changed but the index."""
    uses = Uses()
    yield from runs.check(store, uses, told)
    kept = snapshots.listed(store.path)  # before the packs: contents are there before the list that names them
    packs = survey(store.path, lambda done, total: told(f"code, {100 * done // max(total, 1)} %"))
    yield from code.check(store, uses.code, kept, packs)
    yield from caches.contents(store, packs)
    yield from caches.trees(store, told)
    yield from data.check(store, uses.data, told)
    yield from labels.check(store)
    for path in leftovers(store, time.time()):
        said = f"{shown(store, path)} was left by a process that died"
        yield note("leftover", said, "`snap gc` removes it", mend=partial(caches.remove, path))
    yield from caches.index(store, told)


def repair(faults: Iterable[Fault]) -> tuple[list[Finding], list[Finding]]:
    """Mend what can be made anew or is not needed, and return that and the rest.

    Nothing that somebody made is removed: what is damaged stays where it is, for whoever can restore it.
    Raises HostError where the system refuses.
    """
    mended, rest = [], []
    for fault in list(faults):
        if fault.mend is None:
            rest.append(fault.finding)
        else:
            fault.mend()
            mended.append(fault.finding)
    return mended, rest
