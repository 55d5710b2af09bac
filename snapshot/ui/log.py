"""What a run prints while it goes on, as the engine has it: a thread reads, whoever asks takes what is new."""

from __future__ import annotations

import threading
from contextlib import suppress

from snapshot.document import Value
from snapshot.errors import EngineError
from snapshot.host.engine import Engine, Followed
from snapshot.report.html.log import visible
from snapshot.report.printed import Printed

MOST = 64_000
"""Letters that are kept until they are taken; what is older is left out."""
LONGEST = 8_000
"""Letters of a line: what is longer goes on in the next one."""
TAIL = 2_000
"""Pieces that are asked of the engine: a line each, or 16 kB of one."""
_AGAIN = 1.0
"""Seconds."""


class News(Value, kw_only=True, frozen=True):
    """What is new."""

    reset: bool = False
    """Whether this is all that there is, rather than what comes next."""
    text: str = ""
    """Whole lines."""
    open: str = ""
    """The line that has not ended, as a terminal shows it now."""
    problem: str = ""
    """Why nothing is known."""


class Lines:
    """Bytes in, lines out; never more than `MOST` letters."""

    def __init__(self) -> None:
        self._printed = Printed(plain=True)
        self._text, self._open = "", ""
        self._reset = True
        self._has_news = False

    def feed(self, data: bytes) -> None:
        """Take in what was printed."""
        *whole, last = (self._open + self._printed.shown(data)).split("\n")
        self._text += "".join(visible(line) + "\n" for line in whole)
        # What a carriage return has overwritten is gone; the last letter may be the first half of a line's end.
        overwritten = last.rfind("\r", 0, -1) + 1
        while len(last) - overwritten > LONGEST:
            self._text += last[overwritten : overwritten + LONGEST] + "\n"
            overwritten += LONGEST
        self._open = last[overwritten:]
        if len(self._text) > MOST:
            at = self._text.find("\n", len(self._text) - MOST)
            self._text, self._reset = "…" + self._text[at:], True
        self._has_news = True

    def take(self) -> News | None:
        """What came since the last time."""
        if not self._has_news:
            return None
        found = News(reset=self._reset, text=self._text, open=visible(self._open))
        self._text, self._reset, self._has_news = "", False, False
        return found


class Follower:
    """Follows the log of one container until it is closed."""

    def __init__(self, container: str) -> None:
        self._container = container
        self._lock = threading.Lock()
        self._lines, self._problem = Lines(), ""
        self._stream: Followed | None = None
        self._is_over = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def take(self) -> News | None:
        """What is new."""
        with self._lock:
            if self._problem:
                problem, self._problem = self._problem, ""
                return News(problem=problem)
            return self._lines.take()

    def close(self) -> None:
        """Let go of the engine."""
        with self._lock:
            self._is_over.set()
            if self._stream:
                self._stream.close()

    def _follow(self) -> None:
        engine = Engine()
        while not self._is_over.is_set():
            try:
                if self._read(engine):
                    return
            except EngineError as problem:
                with self._lock:
                    self._problem = f"{problem.message}; it is tried again"
            self._is_over.wait(_AGAIN)

    def _read(self, engine: Engine) -> bool:
        """Whether that was all; not where the container does not run yet."""
        state = engine.container(self._container)
        if state is None or not state.has_started:
            return False
        stream = engine.follow(self._container, tail=TAIL)
        with self._lock:
            self._stream, self._lines = stream, Lines()
            if self._is_over.is_set():
                stream.close()
        with suppress(ValueError):  # closed while it was read from
            for chunk in stream:
                with self._lock:
                    self._lines.feed(chunk)
        state = engine.container(self._container)
        return state is None or state.is_over
