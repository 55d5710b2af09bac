"""What the tracers of a run have noted: the files that `inside/tracer.py` writes, read."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path

MOST_BYTES = 2**28
MOST_NAMES = 2**20
_LONGEST = 8192
"""Bytes of an entry; Linux's paths have 4096 at most."""


class Noted:
    """The entries of all processes. The training can write there too: whatever it holds, reading it comes to an end."""

    def __init__(self, folder: Path) -> None:
        self.processes = 0
        self.complete = True
        self.entries: set[bytes] = set()
        self._bytes = MOST_BYTES
        for file in os.scandir(folder):
            try:
                self._read(file.path)
            except OSError:
                self.complete = False
        self.complete &= b"!" not in self.entries

    def _read(self, path: str) -> None:
        # A FIFO must not be waited for.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return
            self.processes += 1
            rest = b""
            while (chunk := file.read(min(2**20, self._bytes))) and len(rest) <= _LONGEST:
                self._bytes -= len(chunk)
                *entries, rest = (rest + chunk).split(b"\0")
                self._take(set(entries))
            # Of a process that was killed while it wrote, of one too many, or of none that the tracer was in.
            self.complete &= not rest and not file.read(1)

    def _take(self, entries: set[bytes]) -> None:
        self.processes += sum(entry.startswith(b"p") for entry in entries)
        self.entries.update(islice(entries, MOST_NAMES - len(self.entries)))
        self.complete &= len(self.entries) < MOST_NAMES

    def names(self, first: bytes) -> list[str]:
        """The entries that begin so."""
        return [os.fsdecode(e) for e in self.entries if e.startswith(first) and 1 < len(e) <= _LONGEST]
