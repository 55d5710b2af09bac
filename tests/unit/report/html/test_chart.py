"""Curves, axes and what is said of them."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.report.html import chart
from snapshot.report.html.chart import Line
from snapshot.report.html.thin import arrays, thinned


def test_long_series_keep_their_peaks_their_ends_and_their_gaps() -> None:
    noise = random.Random(0)
    y = np.array([noise.gauss(0, 1) for _ in range(100_000)])
    y[54_321], y[60_000], y[777] = 99.0, -99.0, math.nan
    x, thin = thinned(np.arange(100_000, dtype=float), y)
    assert len(x) < 800
    assert (x[0], x[-1]) == (0, 99_999)
    assert (np.nanmax(thin), np.nanmin(thin)) == (99, -99)
    assert np.isnan(thin).sum() == 1
    assert (np.diff(x) > 0).all()


def test_points_without_steps_are_numbered_and_others_are_sorted() -> None:
    assert [a.tolist() for a in arrays([(None, 3.0), (5.0, 4.0)])] == [[1, 2], [3, 4]]
    assert [a.tolist() for a in arrays([(2.0, 3.0), (1.0, 4.0), (2.0, 5.0)])] == [[1, 2, 2], [4, 3, 5]]


@given(st.lists(st.tuples(st.none() | st.floats(), st.floats()), max_size=60))
def test_whatever_numbers_there_are_the_drawing_has_a_place_for_them(points: list[tuple[float | None, float]]) -> None:
    found = chart.chart("t", [Line("", *arrays(points))])
    if found is None:
        assert not any(abs(value) < 1e150 for _, value in points)
        return
    for tick in (*found.x_ticks, *found.y_ticks):
        assert 0 <= tick.at <= chart.WIDTH
    numbers = [float(n) for c in found.curves for p in c.path.split("M")[1:] for n in p.replace("L", " ").split()]
    numbers += [n for c in found.curves for dot in c.dots for n in dot]
    assert numbers
    assert all(0 <= n <= chart.WIDTH for n in numbers)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 100_000, ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]),
        (0.1, 0.9, ["0.2", "0.4", "0.6", "0.8"]),
        (1e-9, 3e-9, ["1e-09", "1.5e-09", "2e-09", "2.5e-09", "3e-09"]),
        (5, 5, ["5"]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, labels: list[str]) -> None:
    found = chart.chart("t", [Line("", np.array([low, high]), np.array([0.0, 1.0]))])
    assert found
    assert [tick.label for tick in found.x_ticks] == labels


def test_the_axis_of_time_has_the_steps_of_clocks() -> None:
    found = chart.chart("t", [Line("", np.array([0.0, 7200.0]), np.array([0.0, 1.0]))], x_kind=chart.SECONDS)
    assert found
    assert [tick.label for tick in found.x_ticks] == ["0 s", "30:00", "1:00:00", "1:30:00", "2:00:00"]


def test_what_is_no_number_is_a_gap_that_is_told() -> None:
    y = np.array([1.0, 2.0, math.nan, 4.0, math.inf, 5.0, 6.0])
    found = chart.chart("loss", [Line("", np.arange(7.0), y)])
    assert found
    (curve,) = found.curves
    assert curve.path.count("M") == 2 and len(curve.dots) == 1
    assert found.notes == ("2 values of 7 are no number",)
    assert chart.chart("loss", [Line("", np.arange(2.0), np.array([math.nan, math.inf]))]) is None
    assert chart.chart("loss", []) is None


def test_the_table_says_the_same_as_the_drawing() -> None:
    found = chart.chart(
        "loss", [Line("A", np.arange(3.0), np.arange(3.0)), Line("B", np.array([1.0]), np.array([9.0]))]
    )
    assert found
    assert found.head == ("step", "A", "B")
    assert found.rows == (("0", "0", "-"), ("1", "1", "9"), ("2", "2", "9"))
