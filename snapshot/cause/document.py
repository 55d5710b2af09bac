"""What a search has found so far: the document `.snap/bisect/ID.json`, `snap.bisect/1`."""

from __future__ import annotations

from typing import Final, Literal

from snapshot.document import Document

SCHEMA: Final = "snap.bisect/1"

FOUND: Final = "found"
NOISE: Final = "noise"
"""The results differ no more than those of one run repeated."""
ELSEWHERE: Final = "elsewhere"
"""All that can be swapped was, and the result did not follow."""
UNFINISHED: Final = "unfinished"


class Difference(Document, kw_only=True, frozen=True):
    """A candidate."""

    key: str
    kind: str
    text: str
    needs: tuple[str, ...] = ()
    """Keys of those that are swapped with it."""


class Trial(Document, kw_only=True, frozen=True):
    """One hybrid: the good run with some of the differences."""

    chosen: tuple[str, ...]
    """Keys; none for the good run itself."""
    outcome: str
    """good, bad or unresolved."""
    runs: tuple[str, ...]
    """IDs of the runs that it took; none where its image could not be built."""
    values: tuple[float | str, ...] = ()
    """What each came to, where that is a number."""
    reason: str | None = None
    """Why it is unresolved."""
    seconds: float = 0
    """What it took, of which `training` was the runs themselves."""
    training: float = 0


class Cause(Document, kw_only=True, frozen=True):
    """The smallest set of differences that flips the result by itself."""

    differences: tuple[str, ...]
    """Keys; several need each other."""
    along: tuple[str, ...] = ()
    """Keys of those that had to come with them."""
    after: tuple[str, ...] = ()
    """Keys of the causes that must be there already: it goes on from where these lead. None for one of its own."""
    start: float | str | None = None
    """What it moves the result from."""
    values: tuple[float | str, ...] = ()
    """What it moves it to."""


class Search(Document, kw_only=True, frozen=True):
    """The document."""

    schema: Literal["snap.bisect/1"] = SCHEMA
    good: str
    bad: str
    by: str
    """What tells good from bad: `metric accuracy`, `output model.pt`, `exit code`, `duration`, or the command."""
    good_value: float | str | None = None
    bad_value: float | str | None = None
    created: str
    """RFC 3339 in UTC."""
    status: str = UNFINISHED
    """found, noise, elsewhere or unfinished."""
    noise: float = 0
    """Standard deviation of what one and the same run comes to, here."""
    repeats: int = 1
    """Runs of each hybrid."""
    confidence: float | None = None
    """Probability that a hybrid was taken for what it is; None where results are the same each time."""
    candidates: tuple[Difference, ...] = ()
    trials: tuple[Trial, ...] = ()
    causes: tuple[Cause, ...] = ()
    innocent: bool = False
    """Whether all other differences together were seen to make no difference."""
    unswappable: tuple[str, ...] = ()
    """What differs too and can't be swapped, in words."""
