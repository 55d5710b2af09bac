"""What tells good from bad."""

from __future__ import annotations

import msgspec
import pytest

from snapshot.cause.criterion import ByNumber, chosen, ended_alike, metric
from snapshot.cause.search import BAD, GOOD, UNRESOLVED
from snapshot.errors import UsageError
from snapshot.record.document import Exit, Metric, Run
from tests.unit.record.records import a_run


def run(code: int = 0, notes: tuple[str, ...] = (), out_of_memory: bool = False, **metrics: float | str) -> Run:
    found = tuple(Metric(name=name, value=value, points=1, path="m.json") for name, value in metrics.items())
    end = Exit(code=code, out_of_memory=out_of_memory)
    return msgspec.structs.replace(a_run(), metrics=found, exit=end, notes=notes)


def by(good: float | str, bad: float | str, *, is_noisy: bool = False) -> ByNumber:
    return ByNumber("loss", lambda run: None, good, bad, is_noisy=is_noisy)


@pytest.mark.parametrize(
    ("value", "exact", "noisy"),
    [(1.0, GOOD, GOOD), (1.05, GOOD, GOOD), (1.2, BAD, GOOD), (1.6, BAD, BAD), (2.0, BAD, BAD), (0.0, BAD, GOOD)],
)
def test_numbers(value: float, exact: str, noisy: str) -> None:
    assert by(1.0, 2.0).outcome(value) == exact
    assert by(1.0, 2.0, is_noisy=True).outcome(value) == noisy


def test_what_is_no_number() -> None:
    assert by(1.0, "nan").outcome("nan") == BAD
    assert by(1.0, "nan").outcome("inf") == BAD
    assert by(1.0, "nan").outcome(7.0) == GOOD
    assert by("nan", 1.0).outcome("inf") == GOOD


def test_the_metric_that_differs_most_relative_to_its_size() -> None:
    assert chosen(run(a=100.0, b=1.0, c=5.0), run(a=101.0, b=1.5, c=5.0)) == "b"
    assert chosen(run(a=100.0, b=1.0), run(a="nan", b=1.5)) == "a"
    assert chosen(run(a=1.0), run(b=1.0)) is None


def test_a_metric_that_one_lacks_or_that_is_the_same() -> None:
    with pytest.raises(UsageError, match="has no metric `b`"):
        metric("b", run(a=1.0), run(a=1.0, b=2.0))
    with pytest.raises(UsageError, match="both runs have `a` = 1"):
        metric("a", run(a=1.0), run(a=1.0))
    assert metric("a", run(a=1.0), run(a=2.0)).judge(run()).outcome == UNRESOLVED


def test_a_hybrid_that_ends_otherwise_than_both() -> None:
    assert ended_alike(run(), run(), run()) is None
    assert ended_alike(run(1), run(), run(1)) is None
    for hybrid, says in (
        (run(1), "it ended with 1"),
        (run(137, notes=("it was ended after 60 s",)), "it was ended after 60 s"),
        (run(137, out_of_memory=True), "it ran out of memory"),
    ):
        judged = ended_alike(hybrid, run(), run())
        assert judged is not None
        assert (judged.outcome, judged.reason) == (UNRESOLVED, says)
