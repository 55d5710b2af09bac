"""The answer of a search as a sentence that can be sent on."""

from __future__ import annotations

from typing import Any

from snapshot.cause.document import Cause, Difference, Search, Trial
from snapshot.report.bisect import page, sentence


def search(*kinds: str, **changes: Any) -> Search:
    found = tuple(Difference(key=f"{kind} {n}", kind=kind, text=f"{kind}{n}: 1 → 2") for n, kind in enumerate(kinds))
    fields = {"good": "A", "bad": "B", "by": "metric loss", "good_value": 1.0, "bad_value": 2.0, "created": "now"}
    return Search(candidates=found, **{**fields, "status": "found", **changes})


def cause(*keys: str, to: float = 2.0, **changes: Any) -> Cause:
    return Cause(differences=keys, values=(to,), **{"start": 1.0, **changes})


def test_one_cause() -> None:
    found = search("package", "package", "code", causes=(cause("package 0"),), innocent=True)
    assert sentence(found) == (
        "`package0: 1 → 2` alone moves loss 1 → 2 (noise ±0); 1 other package and 1 code change make no difference"
    )


def test_two_that_need_each_other_and_what_must_come_along() -> None:
    found = search("package", "package", "data", causes=(cause("package 0", "data 2", along=("package 1",)),))
    assert sentence(found) == (
        "`package0: 1 → 2` and `data2: 1 → 2` together, and none without the others, (with `package1: 1 → 2`, which it "
        "needs) move loss 1 → 2 (noise ±0)"
    )


def test_others_that_were_not_seen_to_be_innocent() -> None:
    found = search("package", "code", causes=(cause("package 0"),))
    assert sentence(found).endswith("; 1 code change could not be tried without it")


def test_noise_nothing_and_an_end_before_the_end() -> None:
    assert sentence(search("code", status="noise", noise=0.25)).endswith("is repeated (±0.25)")
    said = sentence(search("code", status="elsewhere", unswappable=("CPU: a → b",)))
    assert said == (
        "the only difference does not move metric loss from 1 to 2 here; what differs too and can't be swapped: "
        "CPU: a → b"
    )
    assert sentence(search(status="elsewhere")) == "nothing that is recorded and can be swapped differs between the two"
    assert (
        sentence(search("code", status="unfinished")) == "the search is not finished: the same command goes on with it"
    )


def test_in_noise_nothing_is_good_or_bad() -> None:
    trials = (Trial(chosen=(), outcome="bad", runs=("R1",), values=(1.25,)),)
    found = search("code", "code", status="noise", noise=0.25, trials=trials)
    assert page(found).splitlines()[-1].split() == ["1", "none", "of", "the", "differences", "-", "1.25", "R1"]


def test_a_series_that_was_broken_off() -> None:
    trials = (Trial(chosen=("version 0",), outcome="good", runs=("R1",)),)
    found = search("version", "version", bad="1..2", status="unfinished", trials=trials)
    assert sentence(found) == "the search is not finished: the same command goes on with it (of 2, 1 trial)"


def test_how_sure_it_is_and_the_evidence() -> None:
    trials = (
        Trial(chosen=(), outcome="good", runs=("R1", "R2"), values=(1.0, 1.1)),
        Trial(chosen=("code 0",), outcome="unresolved", runs=(), reason="it can't be built"),
    )
    found = search("code", causes=(cause("code 0"),), noise=0.1, repeats=2, confidence=0.995, trials=trials)
    text = page(found)
    assert "each hybrid was run 2 times, and taken for what it is with a probability of 99.5 %" in text
    assert text.splitlines()[-2:] == [
        "1  none of the differences  good        1, 1.1             R2",
        "2  code 0                   unresolved  it can't be built",
    ]


def test_nothing_in_it_moves_the_cursor() -> None:
    evil = "\x1b[2J"
    found = Search(
        good="A", bad="B", by=evil, created="now", status="found",
        candidates=(Difference(key="k", kind="code", text=evil),), causes=(cause("k"),),
        trials=(Trial(chosen=("k",), outcome="bad", runs=(), reason=evil),),
    )  # fmt: skip
    assert "\x1b" not in page(found)
