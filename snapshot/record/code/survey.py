"""What the packs of a store really hold, by reading all of them once; and packs without what no snapshot needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import StoreError
from snapshot.host import files
from snapshot.record.code import packs

_CHUNK = 1 << 20


class Pack(Value, frozen=True):
    """One pack."""

    path: Path
    size: int
    members: tuple[packs.Member, ...]
    """Up to where it is damaged."""

    @property
    def whole(self) -> bool:
        """Whether it holds what its name says."""
        return packs.name_of(self.members) + packs.SUFFIX == self.path.name


def survey(store: Path, told: Callable[[int, int], None] = lambda done, total: None) -> list[Pack]:
    """All packs, in the order in which contents are looked up; `told` hears of bytes read, and of how many."""
    paths = sorted(path for path in (store / packs.FOLDER).glob(f"*{packs.SUFFIX}") if not path.name.startswith("."))
    total, done, found = sum(path.stat().st_size for path in paths), 0, []
    for path in paths:
        told(done, total)
        size = path.stat().st_size
        found.append(Pack(path, size, tuple(packs.members(path))))
        done += size
    return found


def shrink(store: Path, pack: Pack, needed: Collection[bytes]) -> None:
    """Put a pack with no more than `needed` in the place of `pack`; at any moment one of the two is there.

    Raises StoreError when `pack` is not as it was found, HostError when the disk is full; it stays then.
    """
    with files.disk_errors(pack.path), packs.Writer(store) as writer, pack.path.open("rb") as file:
        for member in pack.members:
            if member.sha256 in needed and member.sha256 not in writer.places:
                file.seek(member.offset)
                chunks = _chunks(file.fileno(), member)
                writer.add_stream(member.name, member.executable, member.size, chunks, member.sha256.__eq__)
                if member.sha256 not in writer.places:
                    raise StoreError(f"`{pack.path}` is damaged", hint="see `snap fsck`")
        name = writer.finish()
    if name == pack.path.name.removesuffix(packs.SUFFIX):  # nothing of it could go
        return
    with files.disk_errors(pack.path):
        _to_disk(pack.path.parent)
        pack.path.unlink()


def _chunks(descriptor: int, member: packs.Member) -> Iterator[bytes]:
    at, end = member.offset, member.offset + member.size
    while at < end and (chunk := os.pread(descriptor, min(_CHUNK, end - at), at)):
        at += len(chunk)
        yield chunk


def _to_disk(folder: Path) -> None:
    """Wait until what was renamed in `folder` survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
