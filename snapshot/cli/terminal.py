"""What is said beside a command's result: on stderr, calm, and plain where it is no terminal or `NO_COLOR` is set."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import TYPE_CHECKING, TextIO

from snapshot.report.text import duration, harmless

if TYPE_CHECKING:
    from pathlib import Path

    from snapshot.cli.line import Amount, Line
    from snapshot.record.data.survey import Progress as Hashed
    from snapshot.share.progress import Progress as Transferred


class Level(IntEnum):
    """How much is said."""

    QUIET = 0
    """Errors, warnings, results."""
    USUAL = 1
    VERBOSE = 2
    """Also what is asked of the engine and of servers, programs that are started, times."""


_WORTH_TELLING = 0.1
"""Seconds from which on the time of a step is told."""


class _State:
    """One terminal, one process."""

    level = Level.USUAL
    steps: tuple[Step, ...] = ()
    """Those that go on now, the outermost first."""
    line: Line | None = None
    """What is drawn for them."""


def talk(level: Level) -> None:
    """Say so much from now on."""
    _State.level = level
    if level == Level.VERBOSE:
        from snapshot.host import trail

        trail.listen(note)


def draws(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that obeys, and whose user has not asked for plain lines (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") not in ("", "dumb")


_COLOURS = {"red": 31, "green": 32, "yellow": 33}


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """`text` in a colour, where `stream` shows any."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if draws(stream) else text


_VERDICTS = {"identical": "green", "within tolerance": "green", "different": "red"}


def judged(page: str) -> str:
    """A page of the result, its verdict in a colour."""
    word, colon, rest = page.partition(":")
    return coloured(word, _VERDICTS[word], sys.stdout) + colon + rest if word in _VERDICTS else page


def say(text: str) -> None:
    """Lines that answer in words where there is nothing to show; not heard with `--quiet`."""
    if _State.level > Level.QUIET:
        _write(text)


def _write(text: str, mark: str = "", colour: str = "") -> None:
    """Lines on stderr, a `mark` in front; that they can't be written (a full disk, no terminal) ends nothing."""
    shown = (coloured(mark, colour, sys.stderr) if colour else mark) + harmless(text)

    def write() -> None:
        with suppress(OSError):
            sys.stderr.write(f"{shown}\n")  # in one piece: others write, too
            sys.stderr.flush()

    line = _State.line  # once: whoever drew it may take it away while another thread is here
    if line:
        line.above(write)
    else:
        write()


def note(text: str) -> None:
    """One line about what was done."""
    say(f"snap: {text}")


def warn(text: str) -> None:
    """One line about what the reader should know."""
    _write(text, "warning: ", "yellow")


def error(message: str, hint: str | None) -> None:
    """What went wrong, and what to do."""
    _write(message, "error: ", "red")
    if hint:
        _write(f"hint: {hint}")


class Step:
    """A step that takes its time, and where it stands."""

    def __init__(self, text: str) -> None:
        self.text, self.detail = text, ""
        self._amount: Amount | None = None

    def update(self, detail: str) -> None:
        """Show `detail` behind the step's name; nothing where lines can't be drawn over."""
        self.detail, self._amount = detail, None

    def moved(self, done: int, total: int = 0) -> None:
        """So many bytes are done, of how many, where that is known."""
        from snapshot.cli.line import Amount

        self._amount = self._amount or Amount()
        self._amount.update(done, total)

    def words(self) -> tuple[str, tuple[str, ...]]:
        """What the line says."""
        amount = self._amount.words() if self._amount else ()
        return (f"{self.text}: {self.detail}" if self.detail else self.text), amount


@contextmanager
def step(text: str) -> Iterator[Step]:
    """A step of the work: after a second, a line that moves on a terminal and is gone when done, or a plain one."""
    made, began = Step(text), time.monotonic()
    _State.steps = (*_State.steps, made)
    stop = _shown(made)
    try:
        yield made
    finally:
        _State.steps = tuple(one for one in _State.steps if one is not made)
        stop()
        seconds = time.monotonic() - began
        if _State.level == Level.VERBOSE and seconds >= _WORTH_TELLING:
            note(f"{text}: {duration(seconds)}")


def _shown(made: Step) -> Callable[[], None]:
    """Show a step that has just begun; returns what ends that."""
    if _State.level == Level.QUIET:
        return lambda: None
    from snapshot.cli.line import DELAY, Line

    if not draws(sys.stderr):
        timer = threading.Timer(DELAY, note, [made.text])
        timer.daemon = True
        timer.start()
        return timer.cancel
    if _State.line:
        # A terminal has room for one thing that moves: it says the inner step as long as that takes.
        return lambda: None
    line = _State.line = Line(sys.stderr, lambda: (_State.steps or (made,))[-1].words())

    def stop() -> None:
        line.close()
        _State.line = None

    return stop


@contextmanager
def after_training(log: Path) -> Iterator[None]:
    """Keeping what a training wrote; the line that it did not end, as progress bars do, is left on the terminal."""
    if sys.stderr.isatty():
        with suppress(OSError), log.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                print(file=sys.stderr, flush=True)
    with step("keeping what it wrote"):
        yield


@contextmanager
def transfer(text: str) -> Iterator[Transferred]:
    """A run that is sent or fetched, with what is under way and how many bytes."""
    from snapshot.share.progress import Progress as Transferred

    with step(text) as shown:

        def begun(detail: str) -> None:
            shown.detail = detail  # bytes and speed are those of the whole

        yield Transferred(step=begun, moved=shown.moved, warn=warn)


@contextmanager
def hashing(text: str) -> Iterator[Callable[[Hashed], None]]:
    """Data that are hashed, with the number of files and bytes."""
    with step(text) as shown:

        def moved(done: Hashed) -> None:
            shown.detail = f"{done.files:,} of {done.total_files:,} files"
            shown.moved(done.bytes, done.total_bytes)

        yield moved
