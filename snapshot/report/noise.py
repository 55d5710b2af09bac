"""How far the results of a run are apart when nothing changes, as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot.cause.noise import MetricNoise, Noise, Numbers, OutputNoise
from snapshot.cause.sources import DOUBT
from snapshot.cause.switches import PARTS, REMEDIES
from snapshot.report import text
from snapshot.report.verdict import WIDEST, WIDEST_PATH

MOST = 20
"""Lines of a table; `--json` has them all."""
MOST_IN_LINE = 3
NONE_OF_THEM = "none of them"


def page(found: Noise) -> str:
    """The answer in one line, then each metric and output, what differs first, and what makes it vanish."""
    blocks = [headline(found), _metrics(found), _outputs(found), _causes(found), "\n".join(_beside(found))]
    return "\n\n".join(block for block in blocks if block)


def headline(found: Noise) -> str:
    """As in `not the same: 6 runs of RUN, nothing changed; 1 of 2 metrics and 1 of 3 outputs differ`."""
    results = [metric for metric in found.metrics if not metric.is_time]
    counts = [
        (len(found.different_metrics), len(results), "metric"),
        (len(found.different_outputs), len(found.outputs), "output"),
    ]
    counts = [(differ, all_of_them, thing) for differ, all_of_them, thing in counts if all_of_them]
    differ = sum(number for number, _, _ in counts)
    whose = f"{text.count(len(found.runs), 'run')} of {found.run}, nothing changed"
    if not counts:
        return f"no results: {whose}; no metrics, no outputs"
    if not differ:
        return f"the same: {whose}; {' and '.join(text.count(number, thing) for _, number, thing in counts)} identical"
    said = " and ".join(f"{number:,} of {text.count(total, thing)}" for number, total, thing in counts)
    return f"not the same: {whose}; {said} differ{'s' * (differ == 1)}"


def line(found: Noise) -> str:
    """All of it in a few words, as in `6 runs: accuracy ±0.003, 2 outputs differ`."""
    metrics, outputs = found.different_metrics, found.different_outputs
    said = [f"{text.shown(metric.name)} {_scatter(metric)}" for metric in metrics[:MOST_IN_LINE]]
    if len(metrics) > MOST_IN_LINE:
        said.append(f"{text.count(len(metrics) - MOST_IN_LINE, 'more metric')}")
    if outputs:
        said.append(f"{text.count(len(outputs), 'output')} differ{'s' * (len(outputs) == 1)}")
    return f"{text.count(len(found.runs), 'run')}: {', '.join(said) or 'all the same'}"


def _scatter(metric: Numbers) -> str:
    if isinstance(metric.largest, str) or metric.deviation is None:
        return "differs"
    return f"±{metric.deviation:.2g}"


def _metrics(found: Noise) -> str:
    if not found.metrics:
        return ""
    rows = sorted(found.metrics, key=lambda metric: (not found.differs(metric), metric.name))
    header = ("METRIC", "IDENTICAL", "MEAN", "DEVIATION", "MIN", "MAX", "APART", "SAME WITH")
    lines = text.table(header, [_metric(found, metric) for metric in rows[:MOST]])
    return "\n".join([lines, *_more(len(rows))])


def _metric(found: Noise, metric: MetricNoise) -> tuple[str, ...]:
    digits = _digits(metric)
    return (
        _name(metric.name) + (" (a time)" if metric.is_time else ""),
        _share(found, metric) + _missing(found, metric),
        _number(metric.mean, digits),
        _number(metric.deviation, 2),
        _number(metric.minimum, digits),
        _number(metric.maximum, digits),
        _number(metric.largest, 2),
        _cause(found, metric),
    )


def _digits(metric: MetricNoise) -> int:
    """As many as tell the smallest from the largest, and six at least."""
    low, high = metric.minimum, metric.maximum
    if low is None or high is None or low == high:
        return 6
    return next((n for n in range(6, 17) if _number(low, n) != _number(high, n)), 17)


def _missing(found: Noise, metric: MetricNoise) -> str:
    missing = len(found.runs) - metric.values
    return f", missing in {missing}" if missing else ""


def _outputs(found: Noise) -> str:
    if not found.outputs:
        return ""
    rows = sorted(found.outputs, key=lambda output: (not found.differs(output), output.path))
    header = ("OUTPUT", "IDENTICAL", "BY", "ABSOLUTE", "RELATIVE", "WHERE", "SAME WITH")
    lines = text.table(header, [_output(found, output) for output in rows[:MOST]])
    return "\n".join([lines, *_more(len(rows))])


def _output(found: Noise, output: OutputNoise) -> tuple[str, ...]:
    legible = text.shown(output.path)
    return (
        legible if len(legible) <= WIDEST_PATH else "…" + legible[1 - WIDEST_PATH :],
        _share(found, output),
        output.kind,
        _number(output.absolute, 4),
        _number(output.relative, 4),
        _where(output),
        _cause(found, output),
    )


def _where(output: OutputNoise) -> str:
    words = [word for word, number in output.verdicts.items() if word in ("missing", "extra") and number]
    said = [*words, output.where or "", output.reason or ""]
    return text.clip(", ".join(part for part in said if part), 2 * WIDEST)


def _share(found: Noise, of: MetricNoise | OutputNoise) -> str:
    return f"{of.identical:,} of {len(found.runs) - 1:,}"


def _cause(found: Noise, of: MetricNoise | OutputNoise) -> str:
    """What made it the same, with a sign of doubt where that may have been chance."""
    if not found.differs(of):
        return ""
    if of.cause is None:
        return NONE_OF_THEM if any(trial.problem is None for trial in found.trials) else "-"
    return of.cause + ("?" if _is_doubtful(of) else "")


def _is_doubtful(of: MetricNoise | OutputNoise) -> bool:
    return (of.chance or 0) > DOUBT


def _causes(found: Noise) -> str:
    """What was tried, with what is typed for the same effect, and what vanished."""
    different: list[MetricNoise | OutputNoise] = [*found.different_metrics, *found.different_outputs]
    causes = {of.cause for of in different}
    lines, without = [], []
    for trial in found.trials:
        if trial.problem:
            lines.append(f"{trial.switch} could not be tried: {trial.problem} (run {trial.runs[-1]})")
        elif trial.switch in causes:
            lines.append(_effect(trial.switch, [_title(of) for of in different if of.cause == trial.switch]))
        elif not causes.intersection(PARTS.get(trial.switch, ())):
            without.append(trial.switch)
    if without:
        lines.append(f"no effect: {', '.join(without)}")
    doubtful = [of.chance or 0 for of in different if _is_doubtful(of)]
    if doubtful:
        lines.append(f"?: differs so rarely that this may be chance, of up to {max(doubtful):.0%}; see `--repeat`")
    return text.harmless("\n".join(lines))


def _effect(switch: str, same: Sequence[str]) -> str:
    more = f" and {len(same) - MOST_IN_LINE:,} more" if len(same) > MOST_IN_LINE else ""
    typed = f" ({REMEDIES[switch]})" if switch in REMEDIES else ""
    return f"same with {switch}{typed}: {', '.join(same[:MOST_IN_LINE])}{more}"


def _title(of: MetricNoise | OutputNoise) -> str:
    return _name(of.name if isinstance(of, MetricNoise) else of.path)


def _beside(found: Noise) -> Iterator[str]:
    if found.seconds.mean is not None:
        scatter = f" ± {text.duration(found.seconds.deviation)}" if found.seconds.deviation is not None else ""
        yield f"time: {text.duration(found.seconds.mean)}{scatter}"
    for failed in found.failed:
        yield text.harmless(f"not counted: run {failed.run} ended with {failed.end}")
    for note in found.notes:
        yield text.harmless(f"note: {note}")


def _more(number: int) -> Iterator[str]:
    if number > MOST:
        yield f"… {number - MOST:,} more; see `--json`"


def _name(name: str) -> str:
    return text.clip(text.shown(name), WIDEST)


def _number(value: float | str | None, digits: int) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.{digits}g}"
