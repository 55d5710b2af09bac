"""What a report of one run is made of, as `gather` reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from snapshot.cause.noise import Noise
from snapshot.compare.verdict import Verdict
from snapshot.document import Value
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.record.labels import NONE, Labels
from snapshot.report.html.thin import Floats
from snapshot.report.html.tree import File

Points = Sequence[tuple[float | None, float]]
"""Step and value."""


class Files(Value, kw_only=True, frozen=True):
    """Files of the code, or of data."""

    files: tuple[File, ...]
    left_out: int = 0
    """How many more there are."""
    problem: str | None = None
    """Why they can't be told."""


NO_FILES = Files(files=())


class Samples(Value, kw_only=True, frozen=True):
    """What one device did, over the seconds since the first sample; NaN where it said nothing."""

    seconds: Floats
    columns: Mapping[str, Floats]
    """By their names in the table."""


class Log(Value, kw_only=True, frozen=True):
    """A piece of what the run printed."""

    text: str
    left_out: int = 0
    """Bytes before it."""
    size: int = 0
    """Bytes of itself."""
    after: int = 0
    """Bytes behind it."""


class Family(Value, kw_only=True, frozen=True):
    """The runs that one descends from, and those that descend from it."""

    ancestors: Mapping[str, tuple[int, Run | None]]
    """How many steps away, and the record if it can be read."""
    descendants: Mapping[str, tuple[int, Run | None]]
    names: Mapping[str, str]
    """Short names."""
    left_out: bool = False


NO_FAMILY = Family(ancestors={}, descendants={}, names={})


class Material(Value, kw_only=True, frozen=True):
    """Everything that is known of a run."""

    run: Run
    lock: Lock | None = None
    labels: Labels = NONE
    verdict: Verdict | None = None
    noise: Noise | None = None
    curves: Mapping[str, Points] = {}
    """By the names of metrics, in the order of the record: those of several points."""
    undrawn: int = 0
    """How many more series there are."""
    devices: Mapping[str, Samples] = {}
    code: Files = NO_FILES
    data: Mapping[str, Files] = {}
    """By the path of the data."""
    images: Mapping[str, str] = {}
    """By the path of the output, as `data:` URI."""
    log: Log | None = None
    family: Family = NO_FAMILY
    problems: tuple[str, ...] = ()
    """What could not be read."""
