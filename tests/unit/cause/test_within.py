"""What the noise says of a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from snapshot.cause.noise import MetricNoise, Noise, Numbers, OutputNoise
from snapshot.cause.within import told
from snapshot.compare.verdict import Compared, Tolerance, Verdict
from snapshot.record.document import Metric, Run
from tests.unit.record.records import a_run

ACCURACY = MetricNoise(
    name="acc", path="m.json", identical=0, values=6, mean=0.9, deviation=0.01, minimum=0.89, maximum=0.91, largest=0.02
)  # fmt: skip


def noise(*outputs: OutputNoise, metrics: tuple[MetricNoise, ...] = ()) -> Noise:
    return Noise(
        run="A", created="now", runs=tuple("ABCDEF"), outputs=outputs, metrics=metrics, seconds=Numbers(values=6)
    )  # fmt: skip


def output(**changes: Any) -> OutputNoise:
    return OutputNoise(
        **{"path": "w", "kind": "npy", "identical": 0, "verdicts": {"different": 5}, "absolute": 0.5, **changes}
    )


def different(**changes: Any) -> Compared:
    fields = {"path": "w", "verdict": "different", "kind": "npy", "values": 9, "beyond": 1, "absolute": 0.25}
    return Compared(**{**fields, **changes})


def verdict(*outputs: Compared, **changes: Any) -> Verdict:
    return Verdict(first="A", second="G", created="now", verdict="different", outputs=outputs, **changes)


def with_metric(number: int, value: float | str) -> Run:
    return a_run(number, metrics=(Metric(name="acc", value=value, points=1, path="m.json"),))


def reason(one: Compared, measured: OutputNoise, **changes: Any) -> str | None:
    found = told(verdict(one, **changes), noise(measured), a_run(0), a_run(1))
    assert (found.verdict, found.outputs[0].verdict, found.notes) == ("different", one.verdict, ())
    return found.outputs[0].reason


@pytest.mark.parametrize(
    ("one", "measured", "said"),
    [
        (different(), output(), "within the noise measured over 6 runs: at most 0.5 apart"),
        (different(absolute=0.75), output(), "beyond the noise measured over 6 runs: at most 0.5 apart"),
        (different(absolute="nan"), output(), "beyond the noise measured over 6 runs: at most 0.5 apart"),
        (different(absolute="inf"), output(absolute="nan"), "within the noise measured over 6 runs: at most nan apart"),
        (
            different(),
            output(absolute=None, identical=5, verdicts={"identical": 5}),
            "beyond the noise measured over 6 runs: all the same",
        ),
        (
            different(reason="ignored: 1 time stamps"),
            output(),
            "within the noise measured over 6 runs: at most 0.5 apart; ignored: 1 time stamps",
        ),
    ],
)
def test_numbers_are_within_or_beyond(one: Compared, measured: OutputNoise, said: str) -> None:
    assert reason(one, measured) == said


@pytest.mark.parametrize(
    ("one", "measured"),
    [
        (different(reason="other text"), output()),
        (different(absolute=None, values=0), output()),
        (different(verdict="identical"), output()),
        (different(verdict="missing", absolute=None), output()),
        (different(), output(absolute=None)),
        (different(), output(path="other")),
    ],
)
def test_of_all_else_nothing_is_told(one: Compared, measured: OutputNoise) -> None:
    assert reason(one, measured) == one.reason


def test_a_tolerance_comes_first() -> None:
    assert reason(different(), output(), tolerances=(Tolerance(pattern="w", rtol=0.1),)) is None
    assert reason(different(), output(), tolerances=(Tolerance(pattern="x", rtol=0.1),)) is not None
    allowed = verdict(tolerances=(Tolerance(rtol=0.1),))
    assert told(allowed, noise(metrics=(ACCURACY,)), with_metric(0, 0.9), with_metric(1, 0.5)).notes == ()


def test_a_metric_is_told_of_in_a_note() -> None:
    measured = noise(metrics=(ACCURACY,))
    found = told(verdict(notes=("before",)), measured, with_metric(0, 0.9), with_metric(1, 0.92))
    said = "is within the noise measured over 6 runs: 0.9 ±0.01"
    assert found.notes == ("before", f"metric acc: 0.92 {said}")
    beyond = told(verdict(), measured, with_metric(0, 0.9), with_metric(1, 0.93))
    assert "is beyond the noise" in beyond.notes[0]
    for value in (0.9, "nan"):
        assert told(verdict(), measured, with_metric(0, 0.9), with_metric(1, value)).notes == ()
