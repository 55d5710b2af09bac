"""Ctrl-C while a training goes on ends that training, and the command goes on with what there is: here it can ask."""

from __future__ import annotations

import signal
import socket
from typing import Self

_ENDING = {signal.SIGINT, signal.SIGTERM}


class Interrupts:
    """Sees the signals that somebody else handles, for as long as it is entered."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def __enter__(self) -> Self:
        # Python writes the number of each signal there, whoever handles it.
        self._before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *unused: object) -> None:
        signal.set_wakeup_fd(self._before)
        self._reader.close()
        self._writer.close()

    def check(self) -> None:
        """Raises KeyboardInterrupt if there was one since the last time."""
        try:
            seen = self._reader.recv(4096)
        except BlockingIOError:
            return
        if _ENDING.intersection(seen):
            raise KeyboardInterrupt
