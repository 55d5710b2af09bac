"""Whether what differs between a run and its rerun differs as much when nothing changes. Pure.

It is told beside the verdict and changes no word of it: `within tolerance` is what somebody allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from snapshot.cause.noise import Noise, OutputNoise
from snapshot.compare.results import Number, numbers
from snapshot.compare.tally import rank
from snapshot.compare.tolerance import EXACT, chooser
from snapshot.compare.verdict import DIFFERENT, Compared, Tolerance, Verdict
from snapshot.record.document import Run

MOST = 20
"""Metrics that are told of."""
IGNORED = "ignored: "
"""How the reason begins of an output in which nothing else but numbers differs."""


def told(verdict: Verdict, noise: Noise, first: Run, second: Run) -> Verdict:
    """The verdict on `second`, with what `noise`, which is that of `first`, says of each difference of numbers.

    Files for which there is a tolerance are left alone.
    """
    choose = chooser(verdict.tolerances)
    measured = {output.path: output for output in noise.outputs}
    outputs = tuple(
        _output(one, measured[one.path], len(noise.runs)) if one.path in measured and choose(one.path) == EXACT else one
        for one in verdict.outputs
    )
    return msgspec.structs.replace(
        verdict, outputs=outputs, notes=(*verdict.notes, *_notes(noise, numbers(first.metrics, second.metrics), choose))
    )


def _output(one: Compared, noise: OutputNoise, runs: int) -> Compared:
    numbers_alone = one.reason is None or one.reason.startswith(IGNORED)
    if one.verdict != DIFFERENT or one.absolute is None or not numbers_alone:
        return one
    if noise.absolute is None and noise.identical < sum(noise.verdicts.values()):
        return one  # what differed there was no number
    most = noise.absolute or 0.0
    within = rank(float(one.absolute)) <= rank(float(most))
    apart = f"at most {_number(most)} apart" if rank(float(most)) > rank(0.0) else "all the same"
    said = f"{_word(within)} the noise measured over {runs} runs: {apart}"
    return msgspec.structs.replace(one, reason="; ".join(filter(None, [said, one.reason])))


def _notes(noise: Noise, different: tuple[Number, ...], choose: Callable[[str], Tolerance]) -> Iterator[str]:
    asked = {metric.name for metric in noise.metrics if not metric.is_time and choose(metric.path) == EXACT}
    known = [
        f"metric {number.name}: {_number(number.new)} is {_word(spread.holds(number.new))} the noise measured over "
        f"{spread.n} runs: {_number(spread.mean)} ±{_number(spread.deviation, 2)}"
        for number in different
        if number.name in asked
        and isinstance(number.new, int | float)
        and (spread := noise.spread(number.name)) is not None
    ]
    yield from known[:MOST]
    if len(known) > MOST:
        yield f"and {len(known) - MOST:,} more metrics that differ"


def _word(within: bool) -> str:
    return "within" if within else "beyond"


def _number(value: float | str, digits: int = 6) -> str:
    return value if isinstance(value, str) else f"{value:.{digits}g}"
