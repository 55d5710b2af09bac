"""The code snapshots: their manifests, and the contents in the packs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from snapshot import digest as digests
from snapshot.errors import StoreError
from snapshot.project.names import display, from_text
from snapshot.record.code import snapshots
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.code.survey import Pack
from snapshot.record.fsck.fault import COPY, Fault, error, shown, some
from snapshot.record.store import Store

_ANEW = f"{COPY}; or `snap fsck --repair`, and the next run of the same code keeps it anew"


def check(
    store: Store, uses: Mapping[str, list[str]], kept: Collection[str], packs: Collection[Pack]
) -> Iterator[Fault]:
    """Each pack, each snapshot that is `kept`, and whether those are there that runs need."""
    for pack in packs:
        if not pack.whole:
            yield error("code", f"{shown(store, pack.path)} is damaged", COPY)
    there = contents(packs)
    for digest in kept:
        yield from _snapshot(store, digest, there, uses.get(digest, []))
    for digest in sorted(uses.keys() - set(kept)):
        said = f"the code snapshot {display(digest)} of run {some(uses[digest])} is gone"
        yield error("code", said, _ANEW)


def contents(packs: Collection[Pack]) -> dict[str, int]:
    """What the packs really hold: sha256 → size."""
    return {member.sha256.hex(): member.size for pack in packs for member in pack.members}


def lacking(entries: Iterable[CodeEntry], there: Mapping[str, int]) -> list[str]:
    """The files of a snapshot whose contents are not among those, for people."""
    return [_name(entry) for entry in entries if entry.sha256 and there.get(entry.sha256) != entry.size]


def _snapshot(store: Store, digest: str, there: Mapping[str, int], runs: list[str]) -> Iterator[Fault]:
    path = store.path / snapshots.FOLDER / f"{digests.hex_of(digest)}.json"
    of_runs = f", the code of run {some(runs)}," if runs else ""
    try:
        entries = snapshots.manifest(store.path, digest).entries
        whole = snapshots.identity(entries) == digest
    except (StoreError, OSError, ValueError) as problem:
        yield error("code", f"{shown(store, path)}{of_runs} can't be read: {problem}", COPY)
        return
    if not whole:
        yield error("code", f"{shown(store, path)}{of_runs} is not the list that it was", COPY)
    if lost := lacking(entries, there):
        yield error("code", f"of {shown(store, path)}{of_runs} the contents are gone or damaged: {some(lost)}", _ANEW)


def _name(entry: CodeEntry) -> str:
    return f"`{display(from_text(entry.path))}`"
