"""The one place that starts a subprocess."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from snapshot.errors import HostError
from snapshot.host import trail


class SlowError(HostError):
    """A program did not end in the time that it had."""


class TalkativeError(HostError):
    """A program printed more than it may."""


PIPE = subprocess.PIPE
DEVNULL = subprocess.DEVNULL
_PIECE, _TAIL = 1 << 20, 1 << 16
"""Bytes that are taken at once, and of a stderr that are kept."""
Child = subprocess.Popen[bytes]
"""A process that was started."""


class Finished(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The last line of its stderr; without one, its exit code."""
        lines = (line.strip() for line in reversed(self.stderr.splitlines()))
        return next(filter(None, lines), f"exit {self.code}")


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    cwd: Path | None = None,
    hear: Callable[[str], None] | None = None,
) -> Finished:
    """Run `command` to its end and keep what it prints; a non-zero exit is the caller's to judge.

    `hear` is given each line of its stderr when it comes, in a thread of its own. Raises HostError when the program is
    not there, and SlowError when it does not end within `timeout` seconds.
    """
    trail.program(command, cwd)
    began = time.monotonic()
    with _Ear(hear) if hear else contextlib.nullcontext() as ear:
        try:
            done = subprocess.run(
                command,
                env=env,
                input=stdin or b"",
                stdout=PIPE,
                stderr=ear.end if ear else PIPE,
                timeout=timeout,
                check=False,
                cwd=cwd,
            )
        except FileNotFoundError:
            raise _missing(command[0]) from None
        except subprocess.TimeoutExpired:
            raise SlowError(f"`{command[0]}` did not answer within {timeout:.0f} s") from None
    trail.ended(command[0], done.returncode, time.monotonic() - began)
    stderr = bytes(ear.said) if ear else done.stderr
    return Finished(done.returncode, done.stdout.decode(errors="replace"), stderr.decode(errors="replace"))


class _Ear:
    """The end of a pipe for a program's stderr, which is heard line by line, and kept, while it is entered."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        import threading

        self._hear, self.said = hear, bytearray()
        self._from, self.end = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        os.close(self.end)
        self._thread.join()

    def _listen(self) -> None:
        with open(self._from, "rb") as lines:
            for line in lines:
                self.said += line
                self._hear(line.decode(errors="replace").rstrip())


def run_into(command: Sequence[str], into: BinaryIO, *, most: int, timeout: float) -> Finished:
    """Run `command` to its end; what it prints goes to the file `into`, and of its stderr the end is kept.

    Raises as `run` does, and TalkativeError when it prints more than `most` bytes. Whatever happens, it is ended.
    """
    child = start(command, stdout=PIPE, stderr=PIPE)
    try:
        stderr = _drain(child, into, most, time.monotonic() + timeout, command[0])
        return Finished(child.wait(), "", stderr.decode(errors="replace"))
    finally:
        child.kill()
        child.wait()


def _drain(child: Child, into: BinaryIO, most: int, deadline: float, name: str) -> bytes:
    """Take what the child prints until it prints no more; returns the end of its stderr."""
    tail, taken = b"", 0
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for pipe in filter(None, (child.stdout, child.stderr)):
            selector.register(stack.enter_context(pipe), selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0, deadline - time.monotonic()))
            if not ready:
                raise SlowError(f"`{name}` did not end in the time that it had")
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    tail = (tail + piece)[-_TAIL:]
                else:
                    taken += len(piece)
                    if taken > most:
                        raise TalkativeError(f"`{name}` printed more than {most:,} bytes")
                    into.write(piece)
    return tail


def start(
    command: Sequence[str],
    *,
    stdout: int | None = None,
    stderr: int | None = None,
    stdin: int | None = None,
    own_group: bool = False,
    keep: tuple[int, ...] = (),
    env: Mapping[str, str] | None = None,
) -> Child:
    """Start `command` and return at once.

    With `own_group` the terminal's Ctrl-C does not reach it: the caller decides what a signal means.
    Streams that are not given are inherited, but for stdin, which is closed. `keep` are file descriptors that it
    inherits.
    """
    trail.program(command)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            env=env,
            process_group=0 if own_group else None,
            pass_fds=keep,
        )
    except FileNotFoundError:
        raise _missing(command[0]) from None


def find(program: str) -> str | None:
    """The path of `program` on PATH."""
    return shutil.which(program)


def _missing(program: str) -> HostError:
    hints = {
        "docker": "install Docker 23 or newer with buildx, or run `scripts/engine start` in a checkout of this project"
    }
    return HostError(f"`{program}` is not on the PATH", hint=hints.get(program))
