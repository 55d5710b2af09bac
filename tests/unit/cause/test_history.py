"""The first bad one of a series."""

from __future__ import annotations

import pytest

from snapshot.cause.history import first_bad
from snapshot.cause.search import BAD, GOOD, UNRESOLVED

POINTS = [str(number) for number in range(100)]


@pytest.mark.parametrize("first", [1, 2, 50, 98, 99])
def test_it_is_found_in_log_n_trials(first: int) -> None:
    tried = []

    def test(point: str) -> str:
        tried.append(point)
        return BAD if int(point) >= first else GOOD

    assert first_bad(POINTS, test) == (first - 1, first)
    assert len(tried) <= 7
    assert "0" not in tried


def test_what_can_not_be_tried_is_gone_around_and_told() -> None:
    def test(point: str) -> str:
        if 40 <= int(point) < 60:
            return UNRESOLVED
        return BAD if int(point) >= 50 else GOOD

    assert first_bad(POINTS, test) == (39, 60)


def test_two_neighbours_need_no_trial() -> None:
    assert first_bad(["a", "b"], lambda point: pytest.fail("tried")) == (0, 1)
