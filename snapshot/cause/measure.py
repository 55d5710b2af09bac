"""A run and its repeats, summed up. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from snapshot.cause.noise import Failed, MetricNoise, Noise, Numbers, OutputNoise
from snapshot.cause.spread import spread
from snapshot.compare.platform import differences
from snapshot.compare.tally import rank
from snapshot.compare.verdict import IDENTICAL, Compared, ending
from snapshot.compare.volatile import is_time
from snapshot.errors import DifferentError
from snapshot.record.document import Metric, Run
from snapshot.record.metrics.naming import in_file

Compare = Callable[[Run, Run], Sequence[Compared]]
"""The outputs of two runs, one by one."""
Describe = Callable[[Run], str]
"""How a run ended, in a word or two."""


def measured(
    run: Run, repeats: Sequence[Run], compare: Compare, *, has_results: bool, end: Describe, now: str
) -> Noise:
    """The noise of `run`; `has_results` says whether what it wrote is here, `now` is RFC 3339 in UTC.

    The run itself counts only if nothing of its platform and inputs has changed since. Raises DifferentError when there
    are no two runs to be compared.
    """
    good = [repeat for repeat in repeats if ending(repeat.exit) == ending(run.exit)]
    failed = tuple(Failed(run=repeat.id, end=end(repeat)) for repeat in repeats if repeat not in good)
    reason = _stands_apart(run, good[0], has_results=has_results) if good else None
    runs = good if reason else [run, *good]
    if len(runs) < 2:
        raise DifferentError(_too_few(run, failed, reason), hint=f"see `snap logs {(repeats or (run,))[-1].id}`")
    return Noise(
        run=run.id,
        created=now,
        runs=tuple(one.id for one in runs),
        metrics=tuple(_metrics(runs)),
        outputs=tuple(_outputs(runs, compare)),
        seconds=numbers([one.seconds for one in runs]),
        failed=failed,
        notes=(reason,) if reason else (),
    )


def _stands_apart(run: Run, repeat: Run, *, has_results: bool) -> str | None:
    """Why the run itself is not one of those that are compared."""
    if not has_results:
        return f"run {run.id} itself is not counted: what it wrote is not here"
    # The repeats have the code of the record; what of it counts as its own may be told otherwise by now.
    other = [difference.what for difference in differences(run, repeat) if difference.what != "code"]
    if not other:
        return None
    more = f" and {len(other) - 3} more" if len(other) > 3 else ""
    return f"run {run.id} itself is not counted, since this is not the same any more: {', '.join(other[:3])}{more}"


def _too_few(run: Run, failed: Sequence[Failed], reason: str | None) -> str:
    if failed:
        ends = ", ".join(sorted({one.end for one in failed}))
        return f"too few repeats of run `{run.id}` ended as it did: {len(failed)} ended with {ends}"
    return f"there are no two runs to be compared{f'; {reason}' if reason else ''}"


def numbers(values: Sequence[float | str | None]) -> Numbers:
    """What is to be said of numbers as records have them."""
    there = [value for value in values if value is not None]
    finite = [float(value) for value in there if not isinstance(value, str)]
    found = spread(finite)
    return Numbers(
        values=len(there),
        mean=found.mean if found else finite[0] if len(finite) == 1 else None,
        deviation=found.deviation if found else None,
        minimum=min(finite, default=None),
        maximum=max(finite, default=None),
        largest=_largest(there),
    )


def _largest(values: Sequence[float | str]) -> float | str | None:
    """The largest difference between two of them: NaN and an infinity are equal to themselves only."""
    words = {value for value in values if isinstance(value, str)}
    finite = [value for value in values if not isinstance(value, str)]
    if not values:
        return None
    if words and (finite or len(words) > 1):
        return "nan" if "nan" in words else "inf"
    gap = max(finite) - min(finite) if finite else 0.0
    return gap if math.isfinite(gap) else "inf"


def _metrics(runs: Sequence[Run]) -> list[MetricNoise]:
    tables = [{metric.name: metric for metric in run.metrics} for run in runs]
    names = sorted({name for table in tables for name in table})
    return [_metric(name, [table.get(name) for table in tables]) for name in names]


def _metric(name: str, found: Sequence[Metric | None]) -> MetricNoise:
    values = [metric.value if metric else None for metric in found]
    path = next(metric.path for metric in found if metric)
    said = numbers(values)
    return MetricNoise(
        name=name,
        path=path,
        identical=sum(value == values[0] for value in values[1:]),
        is_time=any(map(is_time, in_file(path, name))),
        values=said.values,
        mean=said.mean,
        deviation=said.deviation,
        minimum=said.minimum,
        maximum=said.maximum,
        largest=said.largest,
    )


def _outputs(runs: Sequence[Run], compare: Compare) -> list[OutputNoise]:
    found: dict[str, list[tuple[str, Compared]]] = {}
    for run in runs[1:]:
        for one in compare(runs[0], run):
            found.setdefault(one.path, []).append((run.id, one))
    return [_output(path, found[path]) for path in sorted(found)]


def _output(path: str, found: Sequence[tuple[str, Compared]]) -> OutputNoise:
    verdicts = Counter(one.verdict for _, one in found)
    run, farthest = max(found, key=lambda pair: _distance(pair[1]))
    same = farthest.verdict == IDENTICAL
    return OutputNoise(
        path=path,
        kind=farthest.kind,
        identical=verdicts[IDENTICAL],
        verdicts=dict(sorted(verdicts.items())),
        absolute=farthest.absolute,
        relative=_most([one.relative for _, one in found]),
        where=farthest.where,
        first=farthest.first,
        second=farthest.second,
        reason=farthest.reason,
        run=None if same else run,
    )


def _distance(one: Compared) -> tuple[bool, bool, tuple[bool, float]]:
    """By what one is farther away than another: what is no number counts most, then the largest difference."""
    differs = one.verdict != IDENTICAL
    absolute = one.absolute if one.absolute is not None else 0.0
    return differs, differs and one.absolute is None, rank(float(absolute))


def _most(values: Sequence[float | str | None]) -> float | str | None:
    known = [value for value in values if value is not None]
    return max(known, key=lambda value: rank(float(value)), default=None)
