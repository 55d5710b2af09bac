"""What a search for a cause came to, as text for people. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from snapshot.cause.criterion import text as value_of
from snapshot.cause.document import ELSEWHERE, FOUND, NOISE, UNFINISHED, Cause, Search, Trial
from snapshot.report import text

_UNFINISHED = "the search is not finished: the same command goes on with it"
_SHOWN = 3
"""Names that are spelled out in a row of the table."""


def page(search: Search) -> str:
    """The answer, and the evidence for it."""
    blocks = [sentence(search), *_confidence(search), evidence(search)]
    return "\n\n".join(block for block in blocks if block)


def sentence(search: Search) -> str:
    """The answer as a sentence that can be sent on."""
    if ".." in search.bad:
        return text.harmless(_series(search))
    if search.status == FOUND:
        said = "; ".join(_cause(search, cause) for cause in search.causes)
        return text.harmless(f"{said}{_others(search)}")
    if search.status == NOISE:
        return text.harmless(
            f"that is noise: {search.by} differs as much when one and the same run is repeated"
            + (f" (±{search.noise:.3g})" if search.noise else "")
        )
    if search.status == ELSEWHERE:
        number = len(search.candidates)
        tried = "the only difference does not" if number == 1 else f"all {number} differences together do not"
        told = f"; what differs too and can't be swapped: {'; '.join(search.unswappable)}" if search.unswappable else ""
        return text.harmless(
            f"{tried} move {search.by} from {_value(search.good_value)} to {_value(search.bad_value)} here{told}"
            if search.candidates
            else f"nothing that is recorded and can be swapped differs between the two{told}"
        )
    found = "; ".join(_cause(search, cause) for cause in search.causes)
    return text.harmless((f"{found}; " if found else "") + _UNFINISHED)


def _series(search: Search) -> str:
    """The same for releases and commits."""
    names = {candidate.key: candidate.text for candidate in search.candidates}
    among = f"of {len(names)}, {text.count(len(search.trials), 'trial')}"
    if search.causes:
        (cause,) = search.causes
        between = f"; {len(cause.along)} between them can't be tried" if cause.along else ""
        return f"`{names[cause.differences[0]]}` is the first bad one after `{cause.start}`{between} ({among})"
    if search.status == UNFINISHED:
        return f"{_UNFINISHED} ({among})"
    outcomes = {trial.chosen[0]: trial for trial in search.trials}
    ends = [outcomes[key] for key in (search.candidates[0].key, search.candidates[-1].key) if key in outcomes]
    told = "; ".join(f"`{names[t.chosen[0]]}` is {t.outcome}" + (f": {t.reason}" if t.reason else "") for t in ends)
    return f"the first is not good, or the last not bad: {told}"


def _cause(search: Search, cause: Cause) -> str:
    texts = {candidate.key: candidate.text for candidate in search.candidates}
    names = [f"`{texts.get(key, key)}`" for key in cause.differences]
    along = [f"`{texts.get(key, key)}`" for key in cause.along]
    if len(names) == 1:
        who, moves = f"{names[0]} alone", "moves"
    else:
        who, moves = f"{' and '.join(names)} together, and none without the others,", "move"
    with_these = f" (with {', '.join(along)}, which it needs)" if along else ""
    values = [value for value in cause.values if isinstance(value, int | float)]
    came_to = value_of(sum(values) / len(values)) if values else _value(cause.values[0] if cause.values else None)
    change = f" {_value(cause.start)} → {came_to}" if cause.start is not None else ""
    if cause.after:
        return f"with that, {who}{with_these} {moves} it on{change}"
    noise = f" (noise ±{search.noise:.3g})" if cause.start is not None else ""
    return f"{who}{with_these} {moves} {search.by.removeprefix('metric ')}{change}{noise}"


def _others(search: Search) -> str:
    """What has nothing to do with it."""
    used = {key for cause in search.causes for key in (*cause.differences, *cause.along)}
    counts = Counter(candidate.kind for candidate in search.candidates if candidate.key not in used)
    if not counts:
        return ""
    known = {candidate.kind for candidate in search.candidates if candidate.key in used}
    names = [_counted(number, kind, "other " if kind in known else "") for kind, number in counts.items()]
    listed = ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
    if not search.innocent:
        return f"; {listed} could not be tried without it"
    return f"; {listed} make{'s' if sum(counts.values()) == 1 else ''} no difference"


_NAMES = {"code": "code change", "environment": "variable", "determinism": "setting", "data": "data set"}


def _counted(number: int, kind: str, other: str) -> str:
    return text.count(number, f"{other}{_NAMES.get(kind, kind)}")


def _confidence(search: Search) -> Iterator[str]:
    if search.confidence is not None:
        yield (
            f"results differ by ±{search.noise:.3g} by themselves: each hybrid was run "
            f"{text.count(search.repeats, 'time')}, and taken for what it is with a probability of "
            f"{100 * search.confidence:.1f} %"
        )


def evidence(search: Search) -> str:
    """Each hybrid and what it came to."""
    header = ("", "WITH", "IS", "VALUE", "RUN")
    rows = [_row(number, trial, search) for number, trial in enumerate(search.trials, start=1)]
    return text.table(header, rows) if rows else ""


def _row(number: int, trial: Trial, search: Search) -> Sequence[str]:
    values = ", ".join(value_of(value) for value in trial.values[:5]) + (", …" if len(trial.values) > 5 else "")
    run = trial.runs[-1] if trial.runs else ""
    # Where the two can't be told from each other, none is good or bad.
    outcome = "-" if search.status == NOISE else trial.outcome
    return (str(number), named(trial.chosen, search), outcome, values or (trial.reason or ""), run)


def named(chosen: Sequence[str], search: Search) -> str:
    """What a hybrid has of the bad run."""
    total = len(search.candidates)
    if not chosen:
        return "none of the differences"
    if len(chosen) == total and total > 1:
        return f"all {total}"
    if len(chosen) <= _SHOWN:
        return ", ".join(_series_name(key, search) for key in chosen)
    return f"{len(chosen)} of {total}"


def _series_name(key: str, search: Search) -> str:
    """Commits are told by their subjects."""
    return next((c.text for c in search.candidates if c.key == key and c.kind == "commit"), key)


def _value(value: float | str | None) -> str:
    return value_of(value)
