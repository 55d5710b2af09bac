"""How numbers scatter."""

from __future__ import annotations

import pytest

from snapshot.cause.spread import Spread, spread


def test_mean_and_deviation_of_the_sample() -> None:
    found = spread([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert found is not None
    assert (found.mean, found.n) == (5.0, 8)
    assert found.deviation == pytest.approx(2.13809, rel=1e-5)


def test_equal_numbers_do_not_scatter_and_hold_nothing_else() -> None:
    found = spread([0.1, 0.1, 0.1])
    assert found == Spread(0.1, 0.0, 3)
    assert found.holds(0.1)
    assert not found.holds(0.1 + 1e-16 * 2)


@pytest.mark.parametrize("values", [[], [1.0], [1e308, -1e308]])
def test_too_few_numbers_and_too_large_ones_have_none(values: list[float]) -> None:
    assert spread(values) is None


@pytest.mark.parametrize(
    ("n", "times"), [(2, 12.706), (6, 2.571), (10, 2.262), (11, 2.228), (31, 2.042), (1001, 1.962)]
)
def test_the_limits_are_those_of_students_t(n: int, times: float) -> None:
    low, high = Spread(10.0, 1.0, n).limits()
    assert (high - low) / 2 == pytest.approx(times * (1 + 1 / n) ** 0.5, rel=2e-3)
    assert (low + high) / 2 == pytest.approx(10.0)
