"""How far the results of a run are apart when nothing changes: the document `.snap/runs/RUN_ID/noise.json`."""

from __future__ import annotations

from typing import Final, Literal

from snapshot.cause.spread import Spread
from snapshot.document import Document, check_schema, decode_json, encode_json
from snapshot.errors import StoreError
from snapshot.host.files import write_atomic
from snapshot.record.document import Run
from snapshot.record.store import Store

SCHEMA: Final = "snap.noise/1"
FILE = "noise.json"


class Numbers(Document, kw_only=True, frozen=True):
    """What several runs have in the same place."""

    values: int
    """How many of the runs have it."""
    mean: float | None = None
    """This and the next three are of the values that are finite numbers; None where there are none, or too few."""
    deviation: float | None = None
    """Standard deviation, of the sample (n - 1)."""
    minimum: float | None = None
    maximum: float | None = None
    largest: float | str | None = None
    """Largest difference between two runs; `inf` or `nan` where it is no number."""


class MetricNoise(Numbers, kw_only=True, frozen=True):
    """The last value of a metric."""

    name: str
    path: str
    """The output that has it."""
    identical: int
    """How many of the runs after the first have the value of the first."""
    is_time: bool = False
    """Whether its name says plainly that it is a time or a speed, which differs always and counts as no result."""
    cause: str | None = None
    """The switch that made it the same in all runs of a trial."""
    chance: float | None = None
    """How likely these would have been the same without it, too, judged by how many of the repeats were."""


class OutputNoise(Document, kw_only=True, frozen=True):
    """A file that the runs wrote, compared with that of the first."""

    path: str
    kind: str
    """By what it was compared, as in verdicts."""
    identical: int
    """How many of the runs after the first have the same."""
    verdicts: dict[str, int]
    """How often each word of a verdict was said of it: different, missing, …"""
    absolute: float | str | None = None
    """Largest difference of numbers in it; `inf` or `nan` where it is no number, None where there are none."""
    relative: float | str | None = None
    where: str | None = None
    """Place of the largest difference, or of what differs and is no number."""
    first: str | None = None
    second: str | None = None
    """What stands there in the first run, and in the one that is farthest from it."""
    reason: str | None = None
    """Why it differs, or could not be compared, beside numbers."""
    run: str | None = None
    """The one that is farthest from the first."""
    cause: str | None = None
    """The switch that made it the same in all runs of a trial."""
    chance: float | None = None
    """How likely these would have been the same without it, too, judged by how many of the repeats were."""


class Failed(Document, kw_only=True, frozen=True):
    """A repeat that ended otherwise than the run; it is left out of all numbers."""

    run: str
    end: str
    """As in `exit 1`, `SIGKILL`, `out of memory`."""


class Trial(Document, kw_only=True, frozen=True):
    """Runs with one source of noise switched off."""

    switch: str
    """seeds, hash seed, all together, threads, deterministic, or GPU."""
    runs: tuple[str, ...]
    problem: str | None = None
    """Why it tells nothing."""


class Noise(Document, kw_only=True, frozen=True):
    """The document."""

    schema: Literal["snap.noise/1"] = SCHEMA
    run: str
    """The run that was repeated."""
    created: str
    """RFC 3339 in UTC."""
    runs: tuple[str, ...]
    """What was measured: the run itself, if it counts, and its repeats."""
    metrics: tuple[MetricNoise, ...] = ()
    outputs: tuple[OutputNoise, ...] = ()
    seconds: Numbers
    """How long the trainings took."""
    failed: tuple[Failed, ...] = ()
    trials: tuple[Trial, ...] = ()
    notes: tuple[str, ...] = ()

    def differs(self, found: MetricNoise | OutputNoise) -> bool:
        """Whether it is a result, and not the same in all runs."""
        counts = isinstance(found, OutputNoise) or not found.is_time
        return counts and found.identical < len(self.runs) - 1

    @property
    def different_metrics(self) -> tuple[MetricNoise, ...]:
        """The results among the metrics that are not the same in all runs."""
        return tuple(metric for metric in self.metrics if self.differs(metric))

    @property
    def different_outputs(self) -> tuple[OutputNoise, ...]:
        """The outputs that are not the same in all runs."""
        return tuple(output for output in self.outputs if self.differs(output))

    def spread(self, name: str) -> Spread | None:
        """How a metric scatters; None where a run lacks it, or has no finite number there."""
        for metric in self.metrics:
            if metric.name == name and metric.mean is not None and metric.deviation is not None:
                whole = metric.values == len(self.runs) and not isinstance(metric.largest, str)
                return Spread(metric.mean, metric.deviation, metric.values) if whole else None
        return None


def keep(store: Store, found: Noise) -> None:
    """Write it down beside the record of its run. Raises HostError as `write_atomic` does."""
    write_atomic(store.folder(found.run) / FILE, encode_json(found))


def keep_if_more(store: Store, run: Run, found: Noise) -> Noise:
    """The same for what was broken off, which is not to take the place of what says more; returns what is kept now."""
    try:
        before = known(store, run)
    except StoreError:
        before = None
    if before and len(before.runs) > len(found.runs):
        return before
    keep(store, found)
    return found


def known(store: Store, run: Run) -> Noise | None:
    """What was measured of `run`, if it was. Raises StoreError when that is damaged."""
    where = f"{run.id}/{FILE}"
    try:
        data = (store.folder(run.id) / FILE).read_bytes()
    except FileNotFoundError:
        return None
    check_schema(decode_json(data, dict, where=where), SCHEMA, where=where)
    return decode_json(data, Noise, where=where)
