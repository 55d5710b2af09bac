"""Bytes, of which nothing else is known."""

from __future__ import annotations

from typing import IO, BinaryIO

from snapshot.compare.tally import Tally

CHUNK = 1 << 20


def compare(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Tells the first byte that differs."""
    differ(first, second, tally, "")


def differ(first: IO[bytes], second: IO[bytes], tally: Tally, where: str) -> None:
    """Compare what is left to read in both; `where` is what it is a part of, if it is one."""
    before = 0
    while (a := first.read(CHUNK)) == (b := second.read(CHUNK)):
        if not a:
            return
        before += len(a)
    at = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    ended = "first" if at == len(a) else "second" if at == len(b) else None
    place = f"byte {before + at:,}"
    tally.other(f"{where}, {place}" if where else place, f"the {ended} ends there" if ended else "other bytes")
