"""What is drawn on the terminal beside a command's result: on stderr, calm, and plain where it is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from snapshot.report.text import harmless


def say(text: str) -> None:
    """One line on stderr; that it can't be written (a full disk, a terminal that is gone) ends nothing."""
    with suppress(OSError):
        print(harmless(text), file=sys.stderr, flush=True)


def note(text: str) -> None:
    """One line about what was done."""
    say(f"snap: {text}")


def warn(text: str) -> None:
    """One line about what the reader should know."""
    say(f"warning: {text}")


class Step:
    """A step that takes its time; `update` says where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text

    def update(self, detail: str) -> None:
        """Show `detail` behind the step's name; nothing where lines can't be drawn over."""


@contextmanager
def step(text: str) -> Iterator[Step]:
    """A step of the work: a line that moves on a terminal and is gone when done, one plain line elsewhere."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        note(text)
        yield Step(text)
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    with console.status(harmless(text)) as status:

        class Drawn(Step):
            def update(self, detail: str) -> None:
                status.update(harmless(f"{text}: {detail}"))

        yield Drawn(text)
