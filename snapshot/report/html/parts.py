"""What pages of all kinds consist of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from snapshot.document import Value
from snapshot.record.document import Run
from snapshot.record.summary import Summary
from snapshot.report import text

GOOD, BAD, DOUBTFUL, OPEN = "good", "bad", "doubtful", "open"
"""How something stands, for its colour; the words say it too."""


LONGEST = 4000
"""Characters of a cell, or of a fact."""
MOST_FACTS = 300


class Table(Value, kw_only=True, frozen=True):
    """Rows under a head."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    """Columns that hold numbers."""
    more: int = 0
    """How many rows are left out."""


class Fact(Value, frozen=True):
    """One thing that is known."""

    name: str
    value: str


class State(Value, frozen=True):
    """A word, or a sentence, with its colour."""

    word: str
    kind: str


class Image(Value, frozen=True):
    """An output that is an image."""

    path: str
    uri: str


def table(
    caption: str, head: Sequence[str], rows: Sequence[Iterable[str]], *, most: int = 1000, numeric: Iterable[int] = ()
) -> Table:
    """The first `most` of `rows`."""
    shown = tuple(tuple(text.clip(cell, LONGEST) for cell in row) for row in islice(rows, most))
    more = max(len(rows) - most, 0)
    return Table(caption=caption, head=tuple(head), rows=shown, numeric=frozenset(numeric), more=more)


def facts(pairs: Iterable[tuple[str, str]]) -> tuple[Fact, ...]:
    """What a page says line by line."""
    return tuple(Fact(name, text.clip(value, LONGEST)) for name, value in islice(pairs, MOST_FACTS))


def state(run: Run) -> State:
    """How the run stands."""
    word = text.outcome(run)
    if run.exit is None:
        return State(word, BAD if run.status == "failed" else OPEN)
    return State(word, GOOD if run.exit.code == 0 and not run.exit.out_of_memory else BAD)


def title(run: Run) -> str:
    """What the run is called."""
    return run.name or run.id


def moment(time: str | None) -> str:
    """A time of a record for people, in UTC."""
    return time[:19].replace("T", " ") + " UTC" if time else "-"


def seconds(run: Run) -> str:
    """How long the training took."""
    try:
        return text.duration(run.seconds)
    except (ValueError, TypeError):  # a time that is none, in a record that somebody made
        return "-"


def so_far(run: Run | Summary, now: str) -> float | None:
    """For how many seconds a run goes on by now; None for one that does not."""
    if run.exit is not None or run.started is None:
        return None
    since = datetime.fromisoformat(now) - datetime.fromisoformat(run.started)
    return max(since.total_seconds(), 0.0)  # started by another clock, perhaps
