"""A process that hashes small files. Of these, threads of one Python hash no more than one thread does: for every call
to the system they wait for Python's lock.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from snapshot.errors import HostError
from snapshot.host import process
from snapshot.record.data.walk import Stat
from snapshot.record.data.worker import ANSWER

_PROGRAM = str(Path(__file__).with_name("worker.py"))


class Apart:
    """One such process; to be asked by one thread at a time. It ends with `close`, and with this process."""

    def __init__(self, nice: int) -> None:
        self._child: process.Child | None = None
        # Neither environment nor site packages are of use to it: it starts in 20 ms.
        command = (sys.executable, "-I", "-S", _PROGRAM, str(nice))
        with suppress(HostError, OSError):
            self._child = process.start(
                command, stdin=process.PIPE, stdout=process.PIPE, stderr=process.DEVNULL, own_group=True
            )

    def ask(self, folder: bytes, stats: Sequence[Stat]) -> list[bytes | None]:
        """The sha256 of each file that was as `stats` saw it; None for the others, which need a closer look."""
        answers = self._answered(b"\0".join([folder, *(seen.name for seen in stats)]), len(stats) * ANSWER.size)
        if answers is None:
            return [None] * len(stats)
        return [
            found[0] if found[1:] == (seen.size, seen.mtime, seen.ctime, seen.inode) else None
            for found, seen in zip(ANSWER.iter_unpack(answers), stats, strict=True)
        ]

    def close(self) -> None:
        """End it."""
        child, self._child = self._child, None
        if child and child.stdin and child.stdout:
            with suppress(OSError):
                child.stdin.close()
            child.stdout.close()
            child.wait()

    def _answered(self, question: bytes, length: int) -> bytes | None:
        """The answer of `length` bytes; None when there is nobody to ask any more."""
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            return None
        with suppress(OSError):  # it was killed
            child.stdin.write(len(question).to_bytes(4, "little") + question)
            child.stdin.flush()
            data = child.stdout.read(length)
            if len(data) == length:
                return data
        self.close()
        return None
