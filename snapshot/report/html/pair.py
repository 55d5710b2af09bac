"""The page of two runs side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot.compare.change import Section
from snapshot.compare.code import FileChange, Patch
from snapshot.compare.data import DataChange
from snapshot.compare.results import Number
from snapshot.digest import PREFIX, short
from snapshot.document import Value
from snapshot.record.document import Run
from snapshot.report import diff, private, text, verdict
from snapshot.report.html import chart, devices
from snapshot.report.html.between import Pair
from snapshot.report.html.chart import Chart, Line
from snapshot.report.html.material import Material
from snapshot.report.html.parts import BAD, DOUBTFUL, GOOD, Image, State, Table, moment, seconds, state, table, title
from snapshot.report.html.run import judged, judgement
from snapshot.report.html.thin import arrays

LETTERS = ("A", "B")
LINES = 4000
"""Of all patches."""
_LONGEST = 2000
"""Characters of a line."""


class Head(Value, frozen=True):
    """One of the runs."""

    letter: str
    title: str
    id: str
    state: State


class PatchLine(Value, frozen=True):
    """A line of a patch."""

    kind: str
    """plus, minus, head, or empty."""
    text: str


class FilePatch(Value, frozen=True):
    """What differs in a file of the code."""

    path: str
    detail: str
    lines: tuple[PatchLine, ...]


class PairPage(Value, kw_only=True, frozen=True):
    """All of the page, in its order."""

    title: str
    heads: tuple[Head, Head]
    answer: State
    verdict: State | None
    judged: Table | None
    about: Table
    problems: tuple[str, ...]
    results: Table | None
    charts: tuple[Chart, ...]
    devices: tuple[Chart, ...]
    images: tuple[tuple[Image | None, Image | None], ...]
    sections: tuple[Table, ...]
    code: tuple[FilePatch, ...]
    lines_left_out: int
    data: Table | None
    equal: str
    unknown: tuple[str, ...]


def page(pair: Pair) -> PairPage:
    """How two runs differ, their results first."""
    found = pair.difference
    old, new = (material.run for material in pair.runs)
    patches, left_out = _patches(found.code, pair.patches)
    of_pair = pair.runs[1].verdict if new.rerun == old.id else None
    sections = {section.name: section for section in found.sections}
    return PairPage(
        title=f"{title(old)} and {title(new)}",
        heads=(_head("A", old), _head("B", new)),
        answer=_answer(pair),
        verdict=State(verdict.headline(of_pair), judgement(of_pair.verdict)) if of_pair else None,
        judged=judged(of_pair),
        about=table("The two runs", ("", "A", "B"), list(_about(old, new))),
        problems=tuple(dict.fromkeys(problem for material in pair.runs for problem in material.problems)),
        results=_results(found.results),
        charts=tuple(_charts(pair.runs)),
        devices=devices.charts({
            f"{label} of {letter}": samples
            for letter, material in zip(LETTERS, pair.runs, strict=True)
            for label, samples in material.devices.items()
        }),
        images=tuple(_images(pair.runs)),
        sections=tuple(_section(sections[name]) for name in diff.ORDER if name in sections),
        code=patches,
        lines_left_out=left_out,
        data=_data(found.data),
        equal=diff.equal(found),
        unknown=tuple(f"{text.shown(one.name)}: {one.reason}" for one in found.unknown),
    )  # fmt: skip


def _answer(pair: Pair) -> State:
    found = pair.difference
    if found.same:
        return State("nothing that is known differs", DOUBTFUL) if found.unknown else State("nothing differs", GOOD)
    names = {section.name for section in found.sections}
    names |= {name for name, some in (("code", found.code), ("data", found.data), ("results", found.results)) if some}
    said = ", ".join(name for name in diff.ORDER if name in names)
    return State(f"different: {said or 'code'}", BAD if found.results else DOUBTFUL)


def _head(letter: str, run: Run) -> Head:
    return Head(letter, title(run), run.id, state(run))


def _about(old: Run, new: Run) -> Iterator[tuple[str, ...]]:
    yield "command", *(text.clip(text.command_line(private.told(run)), _LONGEST) for run in (old, new))
    yield "ended", *(text.outcome(run) for run in (old, new))
    yield "created", *(moment(run.created) for run in (old, new))
    yield "time", *(seconds(run) for run in (old, new))


def _results(numbers: Sequence[Number]) -> Table | None:
    rows = [
        (text.shown(n.name), _value(n.old), _value(n.new), "" if n.difference is None else f"{n.difference:+.4g}",
         "" if n.relative is None else f"{100 * n.relative:+.3g} %")
        for n in numbers
    ]  # fmt: skip
    head = ("Metric", "A", "B", "Difference", "Relative")
    return table("Last values that differ", head, rows, numeric=(1, 2, 3, 4)) if rows else None


def _value(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.8g}"


def _charts(runs: Sequence[Material]) -> Iterator[Chart]:
    for name in dict.fromkeys(name for material in runs for name in material.curves):
        lines = [
            Line(letter, *arrays(material.curves[name]))
            for letter, material in zip(LETTERS, runs, strict=True)
            if name in material.curves
        ]
        drawn = chart.chart(text.shown(name), lines)
        if drawn:
            yield drawn


def _images(runs: Sequence[Material]) -> Iterator[tuple[Image | None, Image | None]]:
    """Those of the same path side by side."""
    old, new = (material.images for material in runs)
    for path in dict.fromkeys([*old, *new]):
        first, second = (Image(text.shown(path), some[path]) if path in some else None for some in (old, new))
        yield first, second


def _section(section: Section) -> Table:
    hide = _HIDING.get(section.name, _as_it_is)
    rows = [(text.shown(c.name), *(_cell(v and hide(c.name, v)) for v in (c.old, c.new))) for c in section.changes]
    return table(section.name[:1].upper() + section.name[1:], ("", "A", "B"), rows, most=500)


def _as_it_is(name: str, value: str) -> str:
    return value


_HIDING = {"environment": private.variable, "arguments": private.argument}
"""By section: what hides secrets in it."""


def _cell(value: str | None) -> str:
    if value is None:
        return "-"
    return short(value) if value.startswith(PREFIX) else text.clip(text.shown(value), _LONGEST)


def _patches(changes: Sequence[FileChange], patches: dict[str, Patch | str]) -> tuple[tuple[FilePatch, ...], int]:
    """The files, with as many lines as are shown of all; and how many are not."""
    found, left, left_out = [], LINES, 0
    for change in changes[:1000]:
        patch = patches.get(change.path, "not compared line by line")
        lines = () if isinstance(patch, str) else patch.lines
        shown = tuple(map(_line, lines[:left]))
        left, left_out = left - len(shown), left_out + len(lines) - len(shown)
        found.append(FilePatch(text.shown(change.path), f"{change.word}, {_counts(patch)}".rstrip(", "), shown))
    return tuple(found), left_out


def _counts(patch: Patch | str) -> str:
    if isinstance(patch, str):
        return patch
    if patch.binary:
        return "no text"
    return f"+{patch.added} -{patch.removed}" if patch.lines else ""


def _line(line: bytes) -> PatchLine:
    kind = {b"+": "plus", b"-": "minus", b"@": "head"}.get(line[:1], "")
    said = line.rstrip(b"\n").decode(errors="backslashreplace").expandtabs()
    return PatchLine(kind, text.clip(said, _LONGEST))


def _data(changes: Sequence[DataChange]) -> Table | None:
    rows = [(text.shown(c.path), c.word, *_data_cells(c), _files(c)) for c in changes]
    return table("Data that differ", ("Path", "", "A", "B", "Files"), rows) if rows else None


def _data_cells(change: DataChange) -> tuple[str, str]:
    first, second = (diff.amount(data) or (data.path if data else "-") for data in (change.old, change.new))
    return text.shown(first), text.shown(second)


def _files(change: DataChange) -> str:
    if change.unknown:
        return f"not known: {change.unknown}"
    first = ", ".join(f"{edit.change} {text.shown(edit.path)}" for edit in change.files[:20])
    rest = len(change.files) - 20
    return first + (f" and {rest:,}{'' if change.complete else ' or more'} others" if rest > 0 else "")
