"""What a training printed, for a terminal: it may colour, and go back on its line as progress bars do; nothing else.

A log may be a stranger's. What would clear the screen, write over other lines, set the window's title or answer in the
user's name is shown as an escape, as git does with what servers say (`sideband.allowControlCharacters`).
"""

from __future__ import annotations

import codecs
import re

from snapshot.report.text import harmless

RESET = "\x1b[0m"
_COLOUR = re.compile(r"\x1b\[[\d;:]{0,32}m")
_OBEYED = re.compile(r"(\x1b\[[\d;:]{0,32}m|\x1b\[[012]?K|[\n\r\t\b])")
"""Colours, erasing on the line, and moving on it."""
_BEGUN = re.compile(r"\x1b(?:\[[\d;:]{0,32})?\Z")


class Printed:
    """Takes a log in pieces, wherever they were cut."""

    def __init__(self, *, plain: bool = False) -> None:
        """`plain` is without any escape sequence."""
        self._plain = plain
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""
        self._is_coloured = False

    def shown(self, data: bytes) -> str:
        """The next piece; what may be the beginning of a sequence waits for the one after."""
        text = self._rest + self._decoder.decode(data)
        begun = _BEGUN.search(text)
        self._rest = begun[0] if begun else ""
        return self._tamed(text.removesuffix(self._rest))

    def end(self) -> str:
        """What was kept waiting, and the terminal's own colours again."""
        last = self._tamed(self._rest + self._decoder.decode(b"", final=True))
        return last + (RESET if self._is_coloured else "")

    def _tamed(self, text: str) -> str:
        if self._plain:
            text = _OBEYED.sub(lambda found: "" if found[0][0] == "\x1b" else found[0], text)
        elif _COLOUR.search(text):
            self._is_coloured = True
        # What the pattern takes stands at the odd places.
        parts = _OBEYED.split(text)
        return "".join(part if number % 2 else harmless(part) for number, part in enumerate(parts))
