"""What tells a good result from a bad one. Pure but for outputs that are compared, and a command that is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from snapshot.cause.search import BAD, GOOD, UNRESOLVED
from snapshot.compare.outputs import Side, compare
from snapshot.compare.results import numbers
from snapshot.compare.unpickling import Unpickle
from snapshot.compare.verdict import IDENTICAL, NOT_COMPARED, WITHIN, Tolerance
from snapshot.compare.volatile import is_time
from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.project.names import display, to_text
from snapshot.record.document import Run
from snapshot.record.metrics.naming import in_file
from snapshot.run.draft import ENDED

Number = float | str
DURATION = "duration"


class Judged(Value, kw_only=True, frozen=True):
    """What a run was found to be."""

    outcome: str
    value: Number | None = None
    reason: str | None = None


class Criterion(Protocol):
    """Tells good from bad."""

    name: str
    """As in `metric accuracy`."""
    is_time: bool
    """Whether it is known to measure how long something takes: trainings side by side would be in its way."""

    def judge(self, run: Run) -> Judged:
        """What `run` is; unresolved where it can't be told."""
        ...


MOVED = 0.1
"""What moves a number by this part of the way to the bad one, or more, makes a difference."""


class ByNumber:
    """A metric, or how long the training took.

    A value is bad when it has moved away from the good one. Where results differ by themselves, one that is nearer to
    the good one is good.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[Run], Number | None],
        good: Number,
        bad: Number,
        *,
        is_time: bool = False,
        is_noisy: bool = False,
    ) -> None:
        self.name, self._read, self.good, self.bad = name, read, good, bad
        self.is_time, self.is_noisy = is_time, is_noisy

    def judge(self, run: Run) -> Judged:
        value = self._read(run)
        if value is None:
            return Judged(outcome=UNRESOLVED, reason=f"it has no {self.name}")
        return Judged(outcome=self.outcome(value), value=value)

    def outcome(self, value: Number) -> str:
        """Of a value, or of the mean of several."""
        if value in (self.good, self.bad):
            return GOOD if value == self.good else BAD
        good, bad, number = (_finite(one) for one in (self.good, self.bad, value))
        if number is None or good is None or bad is None:
            # What is no number is like what is none either.
            return GOOD if (number is None) == (good is None) else BAD
        if self.is_noisy:
            return GOOD if abs(number - good) < abs(number - bad) else BAD
        return GOOD if abs(number - good) < MOVED * abs(bad - good) else BAD

    def is_there(self, value: Number) -> bool:
        """Whether `value` is as good as that of the bad run."""
        if value == self.bad:
            return True
        good, bad, number = (_finite(one) for one in (self.good, self.bad, value))
        if good is None or bad is None or number is None:
            return True  # what is no number leads nowhere else
        return abs(number - bad) < MOVED * abs(bad - good)

    def between(self, good: Number, bad: Number, *, is_noisy: bool) -> ByNumber:
        """The same by other values of the two."""
        return ByNumber(self.name, self._read, good, bad, is_time=self.is_time, is_noisy=is_noisy)


class ByOutput:
    """An output: one that is not that of the good run, beyond tolerance, is bad."""

    is_time = False

    def __init__(
        self, path: str, good: Run, folder: Callable[[str], Path], tolerances: tuple[Tolerance, ...], unpickle: Unpickle
    ) -> None:
        self.name = f"output {display(path)}"
        self._path, self._good, self._folder = to_text(path), good, folder
        self._tolerances, self._unpickle = tolerances, unpickle

    def judge(self, run: Run) -> Judged:
        (found,) = compare(
            self._side(self._good), self._side(run), tolerances=self._tolerances, unpickle=self._unpickle
        ) or (None,)
        if found is None or found.verdict == NOT_COMPARED:
            return Judged(outcome=UNRESOLVED, reason=found.reason if found else f"it has no {self.name}")
        return Judged(outcome=GOOD if found.verdict in (IDENTICAL, WITHIN) else BAD, value=found.absolute)

    def _side(self, run: Run) -> Side:
        outputs = tuple(output for output in run.outputs if output.path == self._path)
        return Side(outputs=outputs, folder=self._folder(run.id))


class ByExit:
    """How the training ended, where the two ended otherwise."""

    name, is_time = "exit code", False

    def __init__(self, good: Run, bad: Run) -> None:
        self._good, self._bad = _code(good), _code(bad)

    def judge(self, run: Run) -> Judged:
        code = _code(run)
        outcome = GOOD if code == self._good else BAD if code == self._bad else UNRESOLVED
        return Judged(outcome=outcome, value=None if code is None else str(code), reason=f"it ended with {code}")


class ByCommand:
    """A command that is run in the folder of the outputs, as `git bisect run` does: 0 is good, 125 can't be told."""

    is_time = False

    def __init__(self, command: str, ask: Callable[[str, Run], int]) -> None:
        self.name, self._command, self._ask = f"`{command}`", command, ask

    def judge(self, run: Run) -> Judged:
        code = self._ask(self._command, run)
        outcome = {0: GOOD, 125: UNRESOLVED}.get(code, BAD)
        return Judged(outcome=outcome, reason="the check can't tell" if outcome == UNRESOLVED else None)


def metric(name: str, good: Run, bad: Run) -> ByNumber:
    """By the last value of a metric. Raises UsageError when one of the runs lacks it, or both have the same."""

    def read(run: Run) -> Number | None:
        return next((found.value for found in run.metrics if found.name == name), None)

    for run in (good, bad):
        check_metric(name, run)
    was, now = read(good), read(bad)
    assert was is not None and now is not None
    if was == now:
        raise UsageError(f"both runs have `{name}` = {was}", hint="name a metric or an output that differs")
    return ByNumber(f"metric {name}", read, was, now, is_time=name in _times(good))


def check_metric(name: str, run: Run) -> None:
    """Raise UsageError unless the run has it."""
    if all(found.name != name for found in run.metrics):
        known = ", ".join(f"`{found.name}`" for found in run.metrics[:5]) or "no metrics"
        raise UsageError(f"run `{run.id}` has no metric `{name}`", hint=f"it has {known}")


def duration(good: Run, bad: Run) -> ByNumber:
    """By how long the training took."""
    if good.seconds is None or bad.seconds is None:
        raise UsageError("how long one of the runs took is not known", hint="see `snap show`")
    return ByNumber(DURATION, lambda run: run.seconds, good.seconds, bad.seconds, is_time=True)


def chosen(good: Run, bad: Run) -> str | None:
    """The metric that differs most, relative to its size, and is no time; None when none does."""
    both = [number for number in numbers(good.metrics, bad.metrics) if None not in (number.old, number.new)]
    times = _times(good)
    found = [number for number in both if number.name not in times]
    if not found:
        return None
    # What is no number on one side differs more than any number does.
    return max(found, key=lambda number: math.inf if number.relative is None else abs(number.relative)).name


def _times(run: Run) -> set[str]:
    """The metrics whose names say plainly that they are times or speeds."""
    return {metric.name for metric in run.metrics if any(map(is_time, in_file(metric.path, metric.name)))}


def differing(good: Run, bad: Run) -> Sequence[str]:
    """The paths of outputs whose bytes are not the same."""
    was, now = ({output.path: (output.sha256, output.link) for output in run.outputs} for run in (good, bad))
    return [path for path in sorted(was.keys() | now.keys()) if was.get(path) != now.get(path)]


def check(criterion: Criterion, run: Run, wanted: str) -> None:
    """Raise UsageError unless the run is good or bad by it, as is wanted, twice: a check may be flaky."""
    found = {criterion.judge(run).outcome for _ in range(2)}
    if len(found) > 1:
        raise UsageError(
            f"{criterion.name} is flaky: of the same outputs it says one thing and then another",
            hint="make it depend on nothing but the files in its folder",
        )
    if found != {wanted}:
        raise UsageError(
            f"by {criterion.name} run `{run.id}` is {found.pop()}, and not {wanted}",
            hint="swap the two, or ask for another metric, output or check",
        )


def ended_alike(run: Run, good: Run, bad: Run) -> Judged | None:
    """None when `run` ended as both others did; else why it can't be told what it is."""
    if _code(run) in {_code(good), _code(bad)}:
        return None
    note = next((note for note in run.notes if note.startswith(ENDED)), None)
    memory = "it ran out of memory" if run.exit and run.exit.out_of_memory else None
    return Judged(outcome=UNRESOLVED, reason=note or memory or f"it ended with {_code(run)}")


def _code(run: Run) -> int | None:
    return run.exit.code if run.exit else None


def _finite(value: Number) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def text(value: Number | None) -> str:
    """A value for people."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.6g}"
