"""What the GPUs of a run did, as curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from snapshot.report.html import chart
from snapshot.report.html.chart import Chart, Line
from snapshot.report.html.material import Samples
from snapshot.run.devices import COLUMNS, TABLE

__all__ = ["TABLE", "charts", "samples"]

LINES = 150_000
"""Lines of a table that are read: a day and a half of one device. Of a longer table each device's every nth is."""
_BYTES_OF_LINE = 90
_KINDS = (
    ("utilization_percent", "Busy, %", chart.NUMBER),
    ("memory_bytes", "Memory in use", chart.BYTES),
    ("run_memory_bytes", "Memory of the run's own processes", chart.BYTES),
    ("power_watts", "Power, W", chart.NUMBER),
    ("temperature_celsius", "Temperature, °C", chart.NUMBER),
    ("sm_clock_mhz", "Clock, MHz", chart.NUMBER),
)
_AT = {name: COLUMNS.index(name) for name, _, _ in _KINDS}
_LIMIT = float(2**64)


def samples(table: Path) -> Mapping[str, Samples]:
    """The devices of a table, each with its samples; nothing where there is no table."""
    try:
        with table.open(encoding="utf-8", errors="replace", newline="\n") as file:
            every = 1 + table.stat().st_size // (LINES * _BYTES_OF_LINE)
            return _samples(file, every)
    except FileNotFoundError:
        return {}


def _samples(lines: Iterator[str], every: int) -> Mapping[str, Samples]:
    found: dict[str, list[list[str]]] = {}
    seen: dict[str, int] = {}
    for line in lines:
        label = line.split(",", 2)[1:2]
        if not label or not line.endswith("\n") or label[0] == "gpu":
            continue
        number = seen[label[0]] = seen.get(label[0], -1) + 1
        if number % every == 0:
            cells = line[:-1].split(",")
            if len(cells) == len(COLUMNS):
                found.setdefault(label[0], []).append(cells)
    times = {label: np.array([_time(row[0]) for row in rows]) for label, rows in found.items()}
    start = min((float(np.nanmin(t)) for t in times.values() if np.isfinite(t).any()), default=0.0)
    return {label: _of_device(times[label] - start, rows) for label, rows in found.items()}


def _of_device(seconds: np.ndarray, rows: list[list[str]]) -> Samples:
    columns = {name: np.array([_number(row[at]) for row in rows]) for name, at in _AT.items()}
    known = np.isfinite(seconds)
    order = np.argsort(seconds[known], kind="stable")
    return Samples(
        seconds=seconds[known][order],
        columns={name: column[known][order] for name, column in columns.items() if not np.isnan(column).all()},
    )


def _time(cell: str) -> float:
    try:
        return datetime.fromisoformat(cell).timestamp()
    except (ValueError, OverflowError, OSError):
        return float("nan")


def _number(cell: str) -> float:
    # The first case is that of most cells of devices that don't say it.
    if not cell:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        return float("nan")
    return value if 0 <= value < _LIMIT else float("nan")


def charts(found: Mapping[str, Samples]) -> tuple[Chart, ...]:
    """One drawing for each kind of figure, with a curve for each device that tells it."""
    drawn = []
    for name, title, kind in _KINDS:
        lines = [
            Line(f"GPU {label}", device.seconds, device.columns[name])
            for label, device in found.items()
            if name in device.columns
        ]
        ceiling = 100.0 if name == "utilization_percent" else None
        one = chart.chart(title, lines, x_title="time", x_kind=chart.SECONDS, y_kind=kind, floor=0.0, ceiling=ceiling)
        drawn += [one] if one else []
    return tuple(drawn)
