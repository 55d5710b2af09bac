"""What a list of runs says of each: a fraction of its record, which the index keeps at hand."""

from __future__ import annotations

from snapshot.document import Value
from snapshot.record.document import Command, Exit, Run, Trial


class Summary(Value, frozen=True, array_like=True, gc=False):
    """One run of `snap ls`; the fields are those of the record."""

    id: str
    name: str | None
    status: str
    exit: Exit | None
    created: str
    started: str | None
    ended: str | None
    command: Command
    outputs: int
    """How many."""
    seconds: float | None
    """Duration of the training."""
    parameters: dict[str, str]
    metrics: dict[str, float | str]
    """Name → last value."""
    trial: Trial | None = None


def of(run: Run) -> Summary:
    """The summary of a record."""
    return Summary(
        id=run.id,
        name=run.name,
        status=run.status,
        exit=run.exit,
        created=run.created,
        started=run.started,
        ended=run.ended,
        command=run.command,
        outputs=len(run.outputs),
        seconds=run.seconds,
        parameters=run.parameters,
        metrics={metric.name: metric.value for metric in run.metrics},
        trial=run.trial,
    )
