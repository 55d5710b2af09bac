"""Steps and times of points."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from snapshot.integrations import moments
from snapshot.integrations.moments import Curve, Point
from snapshot.record.document import Metric
from snapshot.record.metrics import reading
from tests.unit.record.records import a_run

SPAN = (1000.0, 2000.0)


@pytest.mark.parametrize(
    ("steps", "kept", "are_kept"),
    [
        ((0, 10, 20), (0, 10, 20), True),
        ((-1, 5, 5), (-1, 5, 5), True),
        ((None, None), (0, 1), True),  # the file says none, so nothing is lost
        ((0.5, 1.0), (0, 1), False),
        ((None, 7), (0, 1), False),
        ((math.nan, 1), (0, 1), False),
        ((math.inf, 1), (0, 1), False),
        ((1e300, 1), (0, 1), False),
    ],
)
def test_steps_are_whole_numbers_or_points_are_counted(
    steps: tuple[float | None, ...], kept: tuple[int, ...], are_kept: bool
) -> None:
    found, said = moments.points([(step, 0.5) for step in steps], None, 9.0)
    assert (found, said) == (tuple(Point(step, 0.5, 9.0) for step in kept), are_kept)


def clocks(tmp_path: Path, lines: list[dict[str, float]]) -> tuple[dict[str, Curve], moments.Clocks]:
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    names = list(dict.fromkeys(key for line in lines for key in line))
    curves: dict[str, Curve] = dict(reading.several(tmp_path / "m.jsonl", names))
    run = a_run(metrics=tuple(Metric(name=name, value=0, points=len(lines), path="m.jsonl") for name in names))
    return curves, moments.clocks(tmp_path, run, curves, SPAN)


@pytest.mark.parametrize(("name", "unit"), [("time", 1), ("_timestamp", 1), ("Wall time", 1000), ("log.wall_time", 1)])
def test_a_series_that_shows_the_time_of_the_run_is_its_clock(tmp_path: Path, name: str, unit: int) -> None:
    # Milliseconds are told from seconds by their size, so the run is one of today.
    lines = [{"loss": 1.0, name: 1.7e9 * unit}, {"loss": 0.5, name: (1.7e9 + 4) * unit}]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    curves = reading.several(tmp_path / "m.jsonl", ["loss", name])
    run = a_run(metrics=tuple(Metric(name=each, value=0, points=2, path="m.jsonl") for each in ("loss", name)))
    found = moments.clocks(tmp_path, run, curves, (1.7e9, 1.7e9 + 5))
    assert found.own == {name}
    assert found.of["loss"] == (1.7e9, 1.7e9 + 4)


@pytest.mark.parametrize("line", [{"time": 3.5}, {"time_per_step": 1500.0}, {"time": 2500.0}])
def test_other_numbers_with_such_names_are_metrics(tmp_path: Path, line: dict[str, float]) -> None:
    _, found = clocks(tmp_path, [{"loss": 1.0, **line}, {"loss": 0.5, **line}])
    assert (found.own, found.of) == (frozenset(), {})


def test_a_series_with_gaps_has_no_clock(tmp_path: Path) -> None:
    _, found = clocks(tmp_path, [{"loss": 1.0, "acc": 1.0, "time": 1100.0}, {"loss": 0.5, "time": 1200.0}])
    assert found.own == {"time"}
    assert dict(found.of) == {"loss": (1100.0, 1200.0), "time": (1100.0, 1200.0)}
