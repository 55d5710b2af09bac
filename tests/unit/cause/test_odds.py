"""How surely results are told apart: against textbook values, and by simulation."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from snapshot.cause.odds import MOST, SURE, Odds, _by_chance
from snapshot.cause.odds import odds as of
from snapshot.cause.spread import spread


def odds(good: list[float], bad: list[float]) -> Odds:
    one, other = spread(good), spread(bad)
    assert one
    assert other
    return of(one, other)


@pytest.mark.parametrize(
    ("t", "freedom", "probability"),
    # Student's t, two-sided, from tables.
    [(12.706, 1, 0.05), (4.303, 2, 0.05), (3.182, 3, 0.05), (2.776, 4, 0.05), (4.604, 4, 0.01), (2.228, 10, 0.05)],
)
def test_students_distribution(t: float, freedom: int, probability: float) -> None:
    assert _by_chance(t, freedom) == pytest.approx(probability, rel=0.02)


def test_the_same_each_time_is_sure() -> None:
    found = odds([1.0, 1.0], [2.0, 2.0])
    assert (found.is_noise, found.repeats, found.confidence) == (False, 1, 1.0)
    assert odds([1.0, 1.0], [1.0, 1.0]).is_noise


def test_more_noise_takes_more_runs_up_to_a_limit() -> None:
    def repeats(spread: float) -> int:
        return odds([1 - spread, 1, 1 + spread, 1], [3 - spread, 3, 3 + spread, 3]).repeats

    assert [repeats(spread) for spread in (0.1, 0.5, 0.8)] == sorted(repeats(spread) for spread in (0.1, 0.5, 0.8))
    assert repeats(0.1) == 1
    assert repeats(50.0) == 9


def test_hybrids_are_taken_for_what_they_are_as_often_as_is_said() -> None:
    chance = random.Random(1)
    found = odds([chance.gauss(0, 1) for _ in range(50)], [chance.gauss(2, 1) for _ in range(50)])
    middle = (found.good + found.bad) / 2
    right = sum(mean(chance.gauss(0, 1) for _ in range(found.repeats)) < middle for _ in range(4000)) / 4000
    assert right > SURE - 0.01
    assert found.confidence >= SURE


def test_samples_of_one_distribution_are_noise() -> None:
    chance = random.Random(2)
    verdicts = [
        odds([chance.gauss(0, 1) for _ in range(4)], [chance.gauss(0, 1) for _ in range(4)]).is_noise
        for _ in range(500)
    ]
    assert sum(verdicts) / 500 > 0.97


def test_what_is_three_deviations_apart_is_seldom_called_noise_once_what_is_in_doubt_was_run_more() -> None:
    chance = random.Random(3)

    def is_told(apart: float) -> bool:
        good, bad = [chance.gauss(0, 1) for _ in range(MOST)], [chance.gauss(apart, 1) for _ in range(MOST)]
        found = odds(good[:4], bad[:4])
        return not (odds(good, bad) if found.is_in_doubt else found).is_noise

    assert sum(is_told(3) for _ in range(300)) > 285
    assert sum(is_told(0) for _ in range(300)) < 12


def test_the_side_that_scatters_less_counts_for_less() -> None:
    """As Welch has it: these have some three degrees of freedom, and not six."""
    assert odds([0.0, 0.0, 0.0, 0.001], [1.0, 5.0, 4.0, 0.0]).chance == pytest.approx(0.127, rel=0.05)
