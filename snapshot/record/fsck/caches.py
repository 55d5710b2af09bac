"""What is made from the rest of the store, and can be made anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from snapshot import digest as digests
from snapshot.digest import PREFIX
from snapshot.errors import StoreError
from snapshot.host.files import disk_errors, remove_tree
from snapshot.project.names import from_text
from snapshot.record.code import index as code_index
from snapshot.record.code import packs, snapshots
from snapshot.record.code import trees as code_trees
from snapshot.record.code.survey import Pack
from snapshot.record.fsck.fault import Fault, error, shown
from snapshot.record.fsck.runs import Hashes
from snapshot.record.index import FILE, Index, damage
from snapshot.record.store import Store

_MADE_ANEW = "`snap fsck --repair` makes it anew"


def contents(store: Store, found: Collection[Pack]) -> Iterator[Fault]:
    """Whether the list of contents agrees with the packs."""
    there = {
        (pack.path.name.removesuffix(packs.SUFFIX), member.sha256, member.offset, member.size)
        for pack in found
        for member in pack.members
    }
    names = {pack.path.name.removesuffix(packs.SUFFIX) for pack in found}
    cached = packs.cached(store.path)
    with suppress(IndexError):
        said = {(cached.packs[at], sha256, offset, size) for sha256, (at, offset, size) in cached.places.items()}
        # A pack that is gone makes the whole cache void, as whoever reads it knows.
        if not names.issuperset(cached.packs) or said <= there:
            return
    path = store.path / packs.CACHE

    def mend() -> None:
        remove(path)
        remove(store.path / code_index.FILE)

    yield error("cache", f"{shown(store, path)} is not what the packs hold", _MADE_ANEW, mend=mend)


def trees(store: Store, told: Callable[[str], None]) -> Iterator[Fault]:
    """Whether the trees that runs would see are their snapshots."""
    hashes = Hashes()
    in_use = {store.read(run_id).code.digest for run_id in store.unfinished() if store.has_record(run_id)}
    for path in sorted((store.path / code_trees.FOLDER).glob("[!.]*")):
        told(f"the laid out code {path.name[:12]}")
        if _is_other(store, path, hashes):
            mend = None if PREFIX + path.name in in_use else partial(remove, path)
            remedy = "`snap fsck --repair` removes it" if mend else "wait for the run that uses it, and look again"
            yield error("cache", f"{shown(store, path)} is not the code that its name says", remedy, mend=mend)


def _is_other(store: Store, tree: Path, hashes: Hashes) -> bool:
    try:
        entries = snapshots.manifest(store.path, PREFIX + tree.name).entries
    except (StoreError, OSError):
        return False
    if snapshots.identity(entries) != PREFIX + tree.name:
        return False  # nothing to compare with
    try:
        return any(
            os.readlink(tree / from_text(entry.path)) != from_text(entry.target)
            if entry.mode == snapshots.LINK
            else bool(entry.sha256) and digests.hex_of(hashes.of(tree / from_text(entry.path))) != entry.sha256
            for entry in entries
        )
    except (OSError, ValueError):
        return True


def index(store: Store, told: Callable[[str], None]) -> Iterator[Fault]:
    """Whether the index says what the records say."""
    told("the index")
    path = store.cache / FILE
    said = damage(path)
    found = Index(store)
    if said is None:
        said = next((wrong for run in store.all() for wrong in found.faults(run)), None)
    if said:
        yield error(
            "cache", f"{shown(store, path)} is not what the records say: {said}", _MADE_ANEW, mend=found.rebuild
        )


def remove(path: Path) -> None:
    """Remove a file or folder; raises HostError where the system refuses."""
    with disk_errors(path):
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
