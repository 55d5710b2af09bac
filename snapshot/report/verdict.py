"""What a rerun came to, as text for people. Pure; nothing in the document can move the cursor or change colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot.compare.verdict import (
    DIFFERENT,
    EXTRA,
    IDENTICAL,
    MISSING,
    NOT_COMPARED,
    WITHIN,
    Compared,
    Difference,
    Tolerance,
    Verdict,
)
from snapshot.report import text

MOST = 20
"""Lines of one kind, unless all are asked for."""
WIDEST = 40
"""Characters of a value."""
WIDEST_PATH = 80
HEADER = ("VERDICT", "OUTPUT", "BY", "NUMBERS", "BEYOND", "ABSOLUTE", "RELATIVE", "WHERE")
_ORDER = (DIFFERENT, MISSING, EXTRA, NOT_COMPARED, WITHIN, IDENTICAL)


def page(found: Verdict, *, most: int | None = MOST) -> str:
    """The verdict in one line, then each output, the worst first, and what differed beside it."""
    blocks = [
        headline(found),
        _outputs(found.outputs, most),
        _tolerances(found.tolerances),
        _differences(found.differences, most),
        "\n".join(f"note: {text.on_a_line(note)}" for note in found.notes),
    ]
    return "\n\n".join(block for block in blocks if block)


def headline(found: Verdict) -> str:
    """As in `different: 3 outputs of RUN and RERUN: 1 different, 2 identical`."""
    counts = [(word, sum(one.verdict == word for one in found.outputs)) for word in _ORDER]
    said = ", ".join(f"{number:,} {word}" for word, number in counts if number)
    outputs = f"{text.count(len(found.outputs), 'output')}{': ' + said if said else ''}"
    return text.harmless(f"{found.verdict}: {found.second} repeats {found.first}; {outputs}")


def spread(found: Sequence[Verdict]) -> str:
    """How far the outputs of several reruns are from those of the run that they repeat."""
    verdicts: dict[str, list[Compared]] = {}
    for verdict in found:
        for one in verdict.outputs:
            verdicts.setdefault(one.path, []).append(one)
    rows = [
        (
            _path(path),
            f"{sum(one.verdict == IDENTICAL for one in all_of_it)} of {len(found)}",
            _largest([one.absolute for one in all_of_it]),
            _largest([one.relative for one in all_of_it]),
        )
        for path, all_of_it in sorted(verdicts.items())
    ]
    header = ("OUTPUT", "IDENTICAL", "LARGEST ABSOLUTE", "LARGEST RELATIVE")
    return text.table(header, rows) if rows else "no outputs"


def _largest(values: Sequence[float | str | None]) -> str:
    """What is no number is farther away than any."""
    words = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if isinstance(value, float | int)]
    return _number(words[0] if words else max(numbers, default=None))


def _outputs(outputs: Sequence[Compared], most: int | None) -> str:
    rows = worst_first(outputs)
    if not rows:
        return ""
    lines = [text.table(HEADER, [row(one) for one in rows[:most]]), *_more(len(rows), most)]
    return "\n".join(lines)


def worst_first(outputs: Sequence[Compared]) -> list[Compared]:
    """What differs comes before what is the same."""
    return sorted(outputs, key=lambda one: (_ORDER.index(one.verdict) if one.verdict in _ORDER else -1, one.path))


def row(one: Compared) -> tuple[str, ...]:
    """An output under `HEADER`."""
    numbers = one.values > 0
    return (
        one.verdict,
        _path(one.path),
        one.kind,
        f"{one.values:,}" if numbers else "",
        f"{one.beyond:,}" if numbers else "",
        _number(one.absolute),
        _number(one.relative),
        _told(one),
    )


def _told(one: Compared) -> str:
    """Where, what stands there on both sides, and why."""
    values = (one.first, one.second)
    said = [
        text.on_a_line(one.where or ""),
        "" if values == (None, None) else " -> ".join(_value(value) for value in values),
        f"({text.on_a_line(one.reason)})" if one.reason else "",
    ]
    return "  ".join(part for part in said if part)


def _tolerances(tolerances: Sequence[Tolerance]) -> str:
    """What was allowed; without any, nothing."""
    lines = (f"allowed for {text.on_a_line(one.pattern)}: rtol {one.rtol:g}, atol {one.atol:g}" for one in tolerances)
    return "\n".join(lines)


def _differences(differences: Sequence[Difference], most: int | None) -> str:
    if not differences:
        return ""
    rows = [(_value(one.what), _value(one.first), _value(one.second)) for one in differences[:most]]
    return "\n".join([text.table(("NOT THE SAME", "RUN", "RERUN"), rows), *_more(len(differences), most)])


def _more(number: int, most: int | None) -> Iterator[str]:
    if most is not None and number > most:
        yield f"… {number - most:,} more; see `--json`"


def _number(value: float | str | None) -> str:
    return "" if value is None else _value(value) if isinstance(value, str) else f"{value:.4g}"


def _path(path: str) -> str:
    """A path, of which the end says most."""
    legible = text.shown(path)
    return legible if len(legible) <= WIDEST_PATH else "…" + legible[1 - WIDEST_PATH :]


def _value(value: str | None) -> str:
    return "-" if value is None else text.clip(text.on_a_line(value), WIDEST)
