"""A command on a terminal of its own, and what its user sees there: a pseudo terminal, with pyte as its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte

PATIENCE = 120.0
"""Seconds for anything to be seen: the machine may be busy."""
LINES = 50


class Terminal:
    """The terminal of one command."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], columns: int = 80) -> None:
        self._ours, theirs = pty.openpty()
        self.screen = pyte.Screen(columns, LINES)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        """All that the command wrote, with what a terminal obeys."""
        self.seen: list[list[str]] = []
        """The lines of the screen, each time that something was written."""
        self._set_size(columns)
        self._process = subprocess.Popen(
            argv, cwd=cwd, env={**env, "TERM": env.get("TERM", "xterm-256color")}, stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)

    @property
    def lines(self) -> list[str]:
        """What is on the screen now, without empty lines at its end."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n").splitlines()

    def until(self, is_so: Callable[[], bool], *, patience: float = PATIENCE) -> None:
        """Look on until `is_so`; fails when that does not come."""
        deadline = time.monotonic() + patience
        while not is_so():
            assert time.monotonic() < deadline, f"it does not come; on the screen: {self.lines}"
            assert self._read(0.2), f"the command has ended; on the screen: {self.lines}"

    def type(self, keys: str) -> None:
        """Press keys; `\\x03` is Ctrl-C."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int) -> None:
        """Make the window wider or narrower."""
        self._set_size(columns)
        while select.select([self._ours], [], [], 0.05)[0] and self._read(0):
            pass  # what was drawn for the old size
        self.screen.resize(LINES, columns)

    def end(self) -> int:
        """Look on until the command ends; its exit code."""
        while self._read(PATIENCE):
            pass
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        """Take the terminal away, and the command with it."""
        os.close(self._ours)
        self._process.kill()
        self._process.wait()

    def _set_size(self, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))

    def _read(self, seconds: float) -> bool:
        """Take what was written; whether there may be more."""
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if not ready:
            return self._process.poll() is None
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # nobody has the other end open any more
            return False
        self.written += data
        self._stream.feed(data)
        self.seen.append(self.lines)
        return bool(data)


@contextmanager
def terminal(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] = os.environ, columns: int = 80
) -> Iterator[Terminal]:
    """A command on a terminal, gone afterwards."""
    made = Terminal(argv, cwd=cwd, env=env, columns=columns)
    try:
        yield made
    finally:
        made.close()
