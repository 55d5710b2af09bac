"""The one line that moves on a terminal: drawn over by a thread of its own, and gone when its work is done.

The cursor is never hidden: whatever kills the program, nothing of the terminal is to be put back. What takes no second
is not drawn at all. A line is never wider than the terminal, nor than what still fits when its window is made smaller.
"""

from __future__ import annotations

import os
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO

from snapshot.report.text import duration, harmless, size

DELAY = 1.0
"""Seconds that work may take without a word."""
_PERIOD = 0.1
_WIDEST = 100
_SPARE = 3
"""Columns for the `^C` that a terminal echoes, which must not begin another line."""
_ERASE = "\r\x1b[K"
_WHEEL, _PLAIN_WHEEL = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_SPAN = 5.0
"""Seconds whose speed is told."""


class Amount:
    """How many bytes of how many are done, and how fast that goes."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self.done = self.total = 0

    def update(self, done: int, total: int) -> None:
        """Take note of how far it is, from any thread."""
        with self._lock:
            self._seen.append((self._now(), done))  # first: another thread reads
            self.done, self.total = done, total
            while len(self._seen) > 2 and self._seen[1][0] < self._seen[-1][0] - _SPAN:
                self._seen.popleft()

    def words(self) -> tuple[str, ...]:
        """The part, the bytes, the speed and the time left, as far as they are known."""
        if self.total <= 0:
            return (size(self.done),) if self.done else ()
        words = [f"{100 * min(self.done, self.total) // self.total} %", f"{size(self.done)} of {size(self.total)}"]
        (began, before), (ended, after) = self._seen[0], self._seen[-1]
        if after > before and ended - began >= _PERIOD:
            speed = (after - before) / (ended - began)
            words += [f"{size(int(speed))}/s", f"{_rounded((self.total - self.done) / speed)} left"]
        return tuple(words)


def _rounded(seconds: float) -> str:
    return f"{max(seconds, 0):.0f} s" if seconds < 60 else duration(seconds)


def cells(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def cut(text: str, width: int) -> str:
    """`text`, or what of it fits into `width` columns with a mark that more is missing."""
    if cells(text) <= width:
        return text
    while text and cells(text) > width - 1:
        text = text[:-1]
    return f"{text}…" if width > 0 else ""


def laid_out(text: str, more: Sequence[str], width: int) -> str:
    """`text` and what of `more`, first things first, fits behind it on one line; of `text` at least half is kept."""
    text, tail = harmless(text).replace("\n", " "), ""
    least = min(cells(text), width // 2)
    for words in more:
        if least + cells(longer := f"{tail}, {words}") > width:
            break
        tail = longer
    return cut(text, width - cells(tail)) + tail


class Line:
    """Draws what `words` gives, a text and details, until it is closed."""

    def __init__(
        self, out: TextIO, words: Callable[[], tuple[str, Sequence[str]]], *, delay: float = DELAY, width: int = 0
    ) -> None:
        """`width` is the terminal's, asked each time when it is not given."""
        self._out, self._words, self._delay, self._width = out, words, delay, width
        self._lock, self._over = threading.Lock(), threading.Event()
        self._began, self._is_drawn, self._turn = time.monotonic(), False, 0
        self._wheel = _WHEEL if "utf" in (out.encoding or "").lower() else _PLAIN_WHEEL
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Take the line away, for good."""
        self._over.set()
        with self._lock:
            self._erase()

    def above(self, write: Callable[[], None]) -> None:
        """Write something that stays; the line goes on below it."""
        with self._lock:
            self._erase()
            write()

    def _run(self) -> None:
        pause = self._delay
        while not self._over.wait(pause):
            pause = _PERIOD
            with self._lock, suppress(OSError, ValueError):  # the terminal is gone
                if not self._over.is_set():
                    self._draw()

    def _draw(self) -> None:
        self._turn += 1
        text, more = self._words()
        width = min(self._width or _columns(self._out), _WIDEST) - _SPARE
        waited = (_rounded(time.monotonic() - self._began),)
        wheel = self._wheel[self._turn % len(self._wheel)]
        self._show("\r" + cut(f"{wheel} {laid_out(text, more or waited, width - 2)}", width) + "\x1b[K")
        self._is_drawn = True

    def _erase(self) -> None:
        if self._is_drawn:
            with suppress(OSError, ValueError):
                self._show(_ERASE)
            self._is_drawn = False

    def _show(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except OSError:
        return 80
