"""What no run needs any more, and its removal.

A manifest goes before the contents that it names, and a pack that is made smaller is on the disk under its new name
before the old one goes: at any moment every run has all that it needs. All of this is done with the store's lock held
alone, so no run is at its launch; those that go on have a record that names their code.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from snapshot import digest as digests
from snapshot.document import Value
from snapshot.errors import HostError, StoreError
from snapshot.host import files
from snapshot.record.code import packs, snapshots, survey, tar, trees
from snapshot.record.document import Run
from snapshot.record.leftovers import leftovers
from snapshot.record.sizes import freed
from snapshot.record.store import Store

DATA = "data"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOSTLY = 0.5
"""A pack is written anew when less of it is needed: what is won is worth the work then."""


class Waste(Value, frozen=True):
    """Something that can go."""

    kind: str
    """code, contents, data, tree or leftover."""
    path: Path
    bytes: int
    """What the disk gets back."""


class Plan(Value, frozen=True):
    """What a removal would do."""

    waste: tuple[Waste, ...]
    """In the order in which it goes."""
    shrunk: tuple[survey.Pack, ...]
    """The packs among it that are written anew, with `needed`."""
    needed: frozenset[bytes]
    """sha256 of the contents that snapshots name."""

    @property
    def bytes(self) -> int:
        """What the disk gets back."""
        return sum(item.bytes for item in self.waste)


def plan(store: Store, told: Callable[[int, int], None] = lambda done, total: None) -> Plan:
    """What can go, by the records as they are now and the packs as they really are.

    Raises StoreError when a record or manifest can't be read: what it needs is not known then.
    """
    busy = store.unfinished()  # before the records: a run that ends meanwhile has its final one then
    runs = [_read(store, run_id) for run_id in store.ids() if store.has_record(run_id)]
    code = {digests.hex_of(run.code.digest) for run in runs}
    needed = frozenset(_needed(store.path, code))
    found = survey.survey(store.path, told)
    contents, shrunk = _contents(found, needed)
    waste = (
        *_unnamed("code", store.path / snapshots.FOLDER, ".json", code),
        *contents,
        # A run that goes on may have identified data, and its record not say so yet.
        *(() if busy else _unnamed("data", store.path / DATA, ".gz", _data(runs))),
        *_unnamed("tree", store.path / trees.FOLDER, "", code),
        *(Waste("leftover", path, freed([path])) for path in leftovers(store, time.time())),
    )
    return Plan(waste, shrunk, needed)


def carry_out(store: Store, plan: Plan) -> None:
    """Remove it. Raises HostError where the system refuses; whatever is left is found the next time."""
    shrunk = {pack.path: pack for pack in plan.shrunk}
    for item in plan.waste:
        with files.disk_errors(item.path):
            if item.path in shrunk:
                survey.shrink(store.path, shrunk[item.path], plan.needed)
            elif item.kind in ("tree", "leftover") and item.path.is_dir() and not item.path.is_symlink():
                files.remove_tree(item.path)
            else:
                item.path.unlink(missing_ok=True)
    if any(item.kind == "contents" for item in plan.waste):
        # Reading all packs for where contents lie now; else the next run would have to.
        with suppress(HostError):
            packs.save(store.path, packs.load(store.path))


def _read(store: Store, run_id: str) -> Run:
    try:
        return store.read(run_id)
    except StoreError as problem:
        raise StoreError(
            f"what run `{run_id}` needs is not known: {problem.message}",
            hint=f"restore its record from a copy, or `snap rm {run_id}`",
        ) from None


def _needed(store: Path, code: Iterable[str]) -> Iterator[bytes]:
    for name in code:
        path = store / snapshots.FOLDER / f"{name}.json"
        if not path.exists():  # lost already, which `snap fsck` says
            continue
        try:
            entries = snapshots.manifest(store, digests.PREFIX + name).entries
            yield from [bytes.fromhex(entry.sha256) for entry in entries if entry.sha256]
        except (StoreError, ValueError) as problem:
            raise StoreError(
                f"what `{path}` names is not known: {problem}",
                hint="restore it from a copy, or remove the runs that `snap fsck` names",
            ) from None


def _contents(found: Iterable[survey.Pack], needed: frozenset[bytes]) -> tuple[list[Waste], tuple[survey.Pack, ...]]:
    """What can go of the packs, and those that are written anew for it; a damaged one may be mended yet, and stays.

    Packs that go as a whole come first: one may hold just what is left of another, whose new name is the same then.
    """
    dead, smaller, shrunk = [], [], []
    wanted = set(needed)
    for pack in found:
        if not pack.whole:
            continue
        kept = [member for member in pack.members if member.sha256 in wanted]
        room, all_of_it = sum(map(_room, kept)), sum(map(_room, pack.members))
        if not kept:
            dead.append(Waste("contents", pack.path, pack.size))
        elif room < all_of_it * _MOSTLY:
            smaller.append(Waste("contents", pack.path, all_of_it - room))
            shrunk.append(pack)
        wanted.difference_update(member.sha256 for member in kept)
    return [*dead, *smaller], tuple(shrunk)


def _room(member: packs.Member) -> int:
    """What a content takes in a pack, with its header."""
    return tar.BLOCK + member.size + len(tar.padding(member.size))


def _data(runs: Iterable[Run]) -> set[str]:
    return {digests.hex_of(data.digest) for run in runs for data in run.data if data.digest}


def _unnamed(kind: str, folder: Path, suffix: str, named: Collection[str]) -> Iterator[Waste]:
    """What lies in `folder` under a digest that is not `named`."""
    for path in sorted(folder.glob("*" + suffix)):
        if _DIGEST.fullmatch(path.name.removesuffix(suffix)) and path.name.removesuffix(suffix) not in named:
            yield Waste(kind, path, freed([path]))
