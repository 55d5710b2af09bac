"""What is drawn on the terminal beside a command's result: on stderr, calm, and plain where it is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from snapshot.report.text import harmless

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.status import Status

    from snapshot.record.data.survey import Progress as Hashed
    from snapshot.share.progress import Progress as Transferred


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
    if _lines:
        # A step within a step: one line is enough, which says the inner one as long as it takes.
        yield _Drawn(text, _lines[-1].line)
        _lines[-1].update("")
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    with console.status(harmless(text)) as line:
        _lines.append(_Drawn(text, line))
        try:
            yield _lines[-1]
        finally:
            _lines.pop()


class Bar:
    """A piece of work whose size is known, in bytes."""

    def update(self, done: int, total: int, detail: str = "") -> None:
        """Show how much is done; nothing where lines can't be drawn over."""


@contextmanager
def progress(text: str) -> Iterator[Bar]:
    """Work that is drawn as a bar, with bytes and time left, and gone when done; one plain line where `step` is one."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        note(text)
        yield Bar()
        return
    if _lines:
        # A terminal has room for one thing that moves.
        yield _InStep(_lines[-1])
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Drawing

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeRemainingColumn(),
    )
    with Drawing(*columns, console=Console(stderr=True, highlight=False), transient=True) as drawing:
        yield _DrawnBar(drawing, harmless(text))


@contextmanager
def transfer(text: str) -> Iterator[Transferred]:
    """The same for a run that is sent or fetched, with what is under way."""
    from snapshot.share.progress import Progress as Transferred

    with progress(text) as bar:
        said = [""]

        def step(detail: str) -> None:
            said[0] = detail

        yield Transferred(step=step, moved=lambda done, total: bar.update(done, total, said[0]), warn=warn)


@contextmanager
def hashing(text: str) -> Iterator[Callable[[Hashed], None]]:
    """The same for data that are hashed, with the number of files."""
    with progress(text) as bar:
        yield lambda done: bar.update(done.bytes, done.total_bytes, f"{done.files:,} of {done.total_files:,} files")


class _InStep(Bar):
    """A bar within a step, whose line says how far it is."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def update(self, done: int, total: int, detail: str = "") -> None:
        self._step.update(f"{100 * done // max(total, 1)} %, {detail}")


class _DrawnBar(Bar):
    """A bar that is drawn."""

    def __init__(self, drawing: Progress, text: str) -> None:
        self._drawing = drawing
        self._task = drawing.add_task(text, total=None, detail="")

    def update(self, done: int, total: int, detail: str = "") -> None:
        self._drawing.update(self._task, completed=done, total=total, detail=harmless(detail))


class _Drawn(Step):
    """A step whose line is drawn over."""

    def __init__(self, text: str, line: Status) -> None:
        super().__init__(text)
        self.line = line
        self.update("")

    def update(self, detail: str) -> None:
        self.line.update(harmless(f"{self.text}: {detail}" if detail else self.text))


_lines: list[_Drawn] = []
"""The step that is drawn now, if one is."""
