"""Curves as SVG: everything that a template needs to draw them, and a script to read values off. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from snapshot.document import Value
from snapshot.report import text
from snapshot.report.html.thin import Floats, thinned

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 62, 448, 12, 176
"""The frame that the curves are in."""
MOST_ROWS = 12
"""Of the table that says the same as the drawing."""
MOST_LINES = 8
"""As many as there are colours."""
_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

NUMBER, BYTES, SECONDS = "number", "bytes", "seconds"


class Line(Value, frozen=True):
    """One curve."""

    label: str
    x: Floats
    y: Floats


class Tick(Value, frozen=True):
    """A mark on an axis."""

    at: float
    label: str


class Curve(Value, frozen=True):
    """A curve as it is drawn."""

    label: str
    path: str
    """Of SVG; empty when there is nothing to draw."""
    dots: tuple[tuple[float, float], ...]
    """Where the curve is one point alone, which a path does not show."""


class Chart(Value, kw_only=True, frozen=True):
    """A drawing, and the same in words."""

    title: str
    summary: str
    """For who can't see it."""
    x_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Some of the values."""
    width: int = WIDTH
    height: int = HEIGHT
    frame: tuple[int, int, int] = (LEFT, RIGHT, BOTTOM)
    """Its left and right end, and its bottom."""
    data: dict[str, object]
    """For the script: scales, and of each curve the points."""
    notes: tuple[str, ...]


def chart(title: str, lines: Sequence[Line], *, x_title: str = "step", x_kind: str = NUMBER, y_kind: str = NUMBER,
          floor: float | None = None, ceiling: float | None = None) -> Chart | None:  # fmt: skip
    """`lines` in one drawing; None where there is no finite number in them.

    `floor` and `ceiling` are values that the vertical axis has at least.
    """
    shown = [(line.label, *thinned(line.x, line.y)) for line in lines[:MOST_LINES] if len(line.x)]
    values = np.concatenate([y for _, _, y in shown]) if shown else np.array([])
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    across = _range(x for _, x, _ in shown)
    up = _padded(*_range([values, *(np.array([v]) for v in (floor, ceiling) if v is not None)]), floor)
    to_x, to_y = _scale(across, LEFT, RIGHT), _scale(up, BOTTOM, TOP)
    return Chart(
        title=title,
        summary=_summary(title, lines, x_title, x_kind, y_kind),
        x_title=x_title,
        x_ticks=_ticks(across, to_x, x_kind, 5),
        y_ticks=_ticks(up, to_y, y_kind, 5),
        curves=tuple(_curve(label, to_x(x), to_y(y)) for label, x, y in shown),
        head=(x_title, *(label or title for label, _, _ in shown)),
        rows=_rows(shown, x_kind, y_kind),
        data={
            "kinds": [x_kind, y_kind],
            "x": [*across, LEFT, RIGHT],
            "y": [*up, BOTTOM, TOP],
            "lines": [[text.harmless(label or title), _numbers(x), _numbers(y)] for label, x, y in shown],
        },
        notes=_notes(lines),
    )


def said(value: float, kind: str) -> str:
    """A value for people."""
    if kind == BYTES:
        return text.size(round(value))
    if kind == SECONDS:
        return _clock(value)
    return f"{value:.6g}"


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _range(arrays: Iterable[Floats]) -> tuple[float, float]:
    known = [array for array in arrays if len(array)]
    return min(float(a.min()) for a in known), max(float(a.max()) for a in known)


def _padded(low: float, high: float, floor: float | None) -> tuple[float, float]:
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low if floor is not None and low >= floor else low - room), high + room


def _scale(values: tuple[float, float], start: float, end: float) -> Callable[[Floats], Floats]:
    low, high = values
    span = high - low or 1.0
    middle = (end - start) / 2 if high == low else 0.0

    def scaled(found: Floats) -> Floats:
        return start + middle + (found - low) / span * (end - start)

    return scaled


def _ticks(values: tuple[float, float], scale: Callable[[Floats], Floats], kind: str, most: int) -> tuple[Tick, ...]:
    low, high = values
    step = _step((high - low) / most, kind)
    first = math.ceil(low / step) if step else 0
    marks = [first * step + number * step for number in range(most + 2)] if step else [low]
    within = [mark for mark in marks if low <= mark <= high + step * 1e-9] or [low]
    places = scale(np.array(within))
    return tuple(Tick(round(float(at), 1), _tick(mark, step, kind)) for mark, at in zip(within, places, strict=True))


def _step(rough: float, kind: str) -> float:
    """A round distance, not below `rough`; 0 for none."""
    if not rough > 0:
        return 0.0
    if kind == SECONDS and 1 <= rough <= _CLOCK[-1]:
        return float(next(step for step in _CLOCK if step >= rough))
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10, 20) if factor * power >= rough * (1 - 1e-12))


def _tick(mark: float, step: float, kind: str) -> str:
    if kind != NUMBER:
        return said(mark, kind)
    if abs(mark) < step * 1e-6:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(step))) if step else 4
    if not 1e-4 <= abs(mark) < 1e7 or decimals > 8:
        return f"{mark:.4g}"
    plain = f"{mark:,.{decimals}f}"
    return plain.rstrip("0").rstrip(".") if decimals else plain


def _curve(label: str, x: Floats, y: Floats) -> Curve:
    """A path that is broken where there is a gap."""
    words: list[str] = []
    dots: list[tuple[float, float]] = []
    for part in _unbroken(x, y):
        if len(part) == 1:
            dots += part
        else:
            words += [f"{'L' if number else 'M'}{at:g} {height:g}" for number, (at, height) in enumerate(part)]
    return Curve(label, "".join(words), tuple(dots))


def _unbroken(x: Floats, y: Floats) -> Iterator[list[tuple[float, float]]]:
    part: list[tuple[float, float]] = []
    for at, height in zip(x.round(1).tolist(), y.round(1).tolist(), strict=True):
        if height == height:
            part.append((at, height))
        elif part:
            yield part
            part = []
    if part:
        yield part


def _summary(title: str, lines: Sequence[Line], x_title: str, x_kind: str, y_kind: str) -> str:
    parts = []
    for line in lines[:MOST_LINES]:
        finite = line.y[np.isfinite(line.y)]
        if len(finite):
            low, high = (said(float(v), y_kind) for v in (finite.min(), finite.max()))
            ends = f"from {said(float(finite[0]), y_kind)} to {said(float(finite[-1]), y_kind)}"
            over = f"{x_title} {said(float(line.x[0]), x_kind)} to {said(float(line.x[-1]), x_kind)}"
            name = f"{line.label}: " if line.label else ""
            parts.append(f"{name}{text.count(len(line.y), 'point')}, {over}, {ends}, least {low}, greatest {high}")
    return f"{title}. {'; '.join(parts)}"


def _rows(shown: Sequence[tuple[str, Floats, Floats]], x_kind: str, y_kind: str) -> tuple[tuple[str, ...], ...]:
    """The values at some places of the longest curve; of the others what is nearest before."""
    _, longest, _ = max(shown, key=lambda one: len(one[1]))
    places = longest[np.unique(np.linspace(0, len(longest) - 1, MOST_ROWS).round().astype(int))]
    columns = []
    for _, x, y in shown:
        at = np.searchsorted(x, places, side="right") - 1
        cells = zip(at, y[np.maximum(at, 0)], strict=True)
        columns.append([said(float(v), y_kind) if index >= 0 and v == v else "-" for index, v in cells])
    return tuple(zip([said(float(place), x_kind) for place in places], *columns, strict=True))


def _numbers(values: Floats) -> list[float | None]:
    """Six digits of each are enough to read off; JSON has no NaN."""
    return [float(f"{value:.7g}") if value == value else None for value in values.tolist()]


def _notes(lines: Sequence[Line]) -> tuple[str, ...]:
    found = [f"{len(lines) - MOST_LINES} more are not drawn"] if len(lines) > MOST_LINES else []
    for line in lines[:MOST_LINES]:
        if gaps := int(np.count_nonzero(~np.isfinite(line.y))):
            name = f"{line.label}: " if line.label else ""
            found.append(
                f"{name}{text.count(gaps, 'value')} of {len(line.y):,} {'is' if gaps == 1 else 'are'} no number"
            )
    return tuple(found)
