"""What `snap bisect` is to tell good from bad by: what was asked for, else what the two runs differ in most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snapshot.cli.place import Place
from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.project.names import display, from_text

if TYPE_CHECKING:
    from snapshot.cause.criterion import ByCommand, ByOutput, Criterion
    from snapshot.record.document import Run


class By(Value, kw_only=True, frozen=True):
    """What was asked for, of which there is one at most."""

    metric: str | None
    output: str | None
    check: str | None


def by_command(place: Place, check: str) -> ByCommand:
    """By a command in the folder of a run's outputs."""
    from snapshot.cause.criterion import ByCommand
    from snapshot.host import process

    def ask(command: str, run: Run) -> int:
        return process.run(["sh", "-c", command], cwd=place.store.folder(run.id) / "outputs").code

    return ByCommand(check, ask)


def criterion(place: Place, good: Run, bad: Run, asked: By) -> Criterion:
    """Raises UsageError unless it tells the two apart."""
    from snapshot.cause import criterion as by
    from snapshot.cause.search import BAD, GOOD

    found: Criterion
    if asked.check is not None:
        found = by_command(place, asked.check)
    elif asked.metric is not None:
        found = by.duration(good, bad) if asked.metric == by.DURATION else by.metric(asked.metric, good, bad)
    elif asked.output is not None:
        found = _by_output(place, good, bad, asked.output)
    elif good.exit and bad.exit and good.exit.code != bad.exit.code:
        found = by.ByExit(good, bad)
    elif (name := by.chosen(good, bad)) is not None:
        found = by.metric(name, good, bad)
    else:
        found = _by_output(place, good, bad, None)
    by.check(found, good, GOOD)
    by.check(found, bad, BAD)
    return found


def check_good(place: Place, good: Run, asked: By) -> None:
    """Raises UsageError where the good run alone shows that this can't be: before another is trained in vain."""
    from snapshot.cause import criterion as by
    from snapshot.cause.search import GOOD

    if asked.check is not None:
        by.check(by_command(place, asked.check), good, GOOD)
    elif asked.metric not in (None, by.DURATION):
        by.check_metric(asked.metric, good)


def _by_output(place: Place, good: Run, bad: Run, path: str | None) -> ByOutput:
    """By the output that is named, else by the first that is not the same."""
    from snapshot.cause import criterion as by
    from snapshot.cli.rerun import tolerances
    from snapshot.compare.unpickling import unpickle_in

    differing = by.differing(good, bad)
    hint = "see `snap diff`; `snap noise` says how far results are apart by themselves"
    if path is None and not differing:
        raise UsageError("no metric and no output differs between the two runs", hint=hint)
    if path is not None and path not in differing:
        raise UsageError(f"the output `{display(path)}` does not differ, or is not there", hint=hint)
    return by.ByOutput(
        from_text(path or differing[0]),
        good,
        lambda run_id: place.store.folder(run_id) / "outputs",
        tolerances(place.config, place.store, good),
        unpickle_in(good.platform.reference),
    )
