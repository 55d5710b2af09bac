"""The page of what was measured."""

from __future__ import annotations

from typing import Any

from snapshot.cause.noise import Failed, MetricNoise, Noise, Numbers, OutputNoise, Trial
from snapshot.report.noise import headline, line, page


def noise(*found: MetricNoise | OutputNoise, **changes: Any) -> Noise:
    return Noise(
        run="A",
        created="now",
        runs=("A", "B", "C"),
        metrics=tuple(one for one in found if isinstance(one, MetricNoise)),
        outputs=tuple(one for one in found if isinstance(one, OutputNoise)),
        **{"seconds": Numbers(values=3, mean=61.0, deviation=0.5, minimum=60, maximum=62, largest=2), **changes},
    )


def metric(name: str, identical: int, **changes: Any) -> MetricNoise:
    fields = {"values": 3, "mean": 0.95, "deviation": 0.003, "minimum": 0.94, "maximum": 0.96, "largest": 0.02}
    return MetricNoise(name=name, path="m.json", identical=identical, **{**fields, **changes})


def output(path: str, identical: int, **changes: Any) -> OutputNoise:
    return OutputNoise(path=path, identical=identical, **{"kind": "npy", "verdicts": {"different": 2}, **changes})


def test_what_differs_comes_first_with_what_makes_it_the_same():
    found = noise(
        metric("fixed", 2, deviation=0.0, largest=0.0),
        metric("loss", 1, values=2, cause="seeds", chance=0.5),
        metric("train_runtime", 0, is_time=True),
        output("a.txt", 2, verdicts={"identical": 2}),
        output("w.npy", 0, absolute=0.25, relative="nan", where="[3]"),
        trials=(
            Trial(switch="seeds", runs=("D", "E")),
            Trial(switch="threads", runs=("F",), problem="it ended with exit 1"),
            Trial(switch="deterministic", runs=("G", "H")),
        ),
        failed=(Failed(run="X", end="exit 1"),),
        notes=("run A itself is not counted",),
    )
    assert page(found).splitlines() == [
        "not the same: 3 runs of A, nothing changed; 1 of 2 metrics and 1 of 2 outputs differ",
        "",
        "METRIC                  IDENTICAL             MEAN  DEVIATION  MIN   MAX   APART  SAME WITH",
        "loss                    1 of 2, missing in 1  0.95  0.003      0.94  0.96  0.02   seeds?",
        "fixed                   2 of 2                0.95  0          0.94  0.96  0",
        "train_runtime (a time)  0 of 2                0.95  0.003      0.94  0.96  0.02",
        "",
        "OUTPUT  IDENTICAL  BY   ABSOLUTE  RELATIVE  WHERE  SAME WITH",
        "w.npy   0 of 2     npy  0.25      nan       [3]    none of them",
        "a.txt   2 of 2     npy",
        "",
        "same with seeds (`snap run --seed 0`): loss",
        "threads could not be tried: it ended with exit 1 (run F)",
        "no effect: deterministic",
        "?: differs so rarely that this may be chance, of up to 50%; see `--repeat`",
        "",
        "time: 1 min 01 s ± 0.5 s",
        "not counted: run X ended with exit 1",
        "note: run A itself is not counted",
    ]


def test_the_answer_in_a_line():
    assert headline(noise(metric("a", 2), output("b", 2))) == (
        "the same: 3 runs of A, nothing changed; 1 metric and 1 output identical"
    )
    assert headline(noise(output("b", 0), output("c", 2))).endswith("1 of 2 outputs differs")
    assert headline(noise()).startswith("no results")


def test_a_few_words_for_the_page_of_the_run():
    assert line(noise(metric("a", 2))) == "3 runs: all the same"
    found = noise(metric("acc", 0), metric("loss", 0, largest="nan"), output("a", 0), output("b", 1))
    assert line(found) == "3 runs: acc ±0.003, loss differs, 2 outputs differ"
    assert line(noise(*(metric(f"m{n}", 0) for n in range(5)))).endswith("m2 ±0.003, 2 more metrics")


def test_causes_that_nobody_looked_for_are_not_none_of_them():
    assert "none of them" not in page(noise(metric("acc", 0)))


def test_a_switch_of_which_a_part_was_enough_is_not_told_of():
    trials = tuple(Trial(switch=name, runs=("D", "E")) for name in ("seeds", "all together", "threads"))
    said = page(noise(output("a", 0, cause="threads", chance=0.0), trials=trials))
    assert "all together" not in said and "?" not in said
    assert "no effect: seeds\n" in said


def test_numbers_have_as_many_digits_as_tell_them_apart():
    said = page(noise(metric("loss", 0, minimum=272715.0, maximum=272715.00000000006)))
    assert "272715.0000000001" in said


def test_nothing_in_it_moves_the_cursor():
    evil = "\x1b[2J\n"
    found = noise(
        metric(evil, 0, largest=evil, cause=evil),
        output(evil, 0, kind=evil, absolute=evil, where=evil, reason=evil, cause=evil, verdicts={evil: 1}),
        trials=(Trial(switch=evil, runs=(evil,), problem=evil), Trial(switch=evil, runs=(evil,))),
        failed=(Failed(run=evil, end=evil),),
        notes=(evil,),
    )
    assert "\x1b" not in page(found) and "\x1b" not in line(found)
