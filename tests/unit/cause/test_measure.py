"""A run and its repeats, summed up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from snapshot.cause import noise as documents
from snapshot.cause.measure import measured, numbers
from snapshot.cause.noise import Failed, Noise
from snapshot.compare.verdict import Compared
from snapshot.errors import DifferentError, StoreError
from snapshot.record.document import Exit, Metric, Request, Run
from snapshot.record.store import Store
from snapshot.report.text import outcome
from tests.unit.record.records import a_run, keep, run_id


def with_metrics(number: int, values: Mapping[str, float | str], **changes: Any) -> Run:
    metrics = tuple(Metric(name=name, value=value, points=1, path="m.json") for name, value in values.items())
    return a_run(number, metrics=metrics, **changes)


def summed(*runs: Run, outputs: Mapping[int, tuple[Compared, ...]] | None = None, has_results: bool = True) -> Noise:
    compared = {run_id(number): found for number, found in (outputs or {}).items()}
    return measured(
        runs[0], runs[1:], lambda _, run: compared.get(run.id, ()), has_results=has_results, end=outcome, now="now"
    )


def test_a_metric_that_scatters() -> None:
    found = summed(*(with_metrics(n, {"loss": value, "acc": 0.5}) for n, value in enumerate((1.0, 3.0, 1.0))))
    acc, loss = found.metrics
    assert (loss.identical, loss.values, loss.mean, loss.minimum, loss.maximum) == (
        1,
        3,
        pytest.approx(5 / 3),
        1.0,
        3.0,
    )
    assert loss.largest == 2.0
    assert (acc.identical, acc.mean, acc.deviation, acc.largest) == (2, 0.5, 0.0, 0.0)
    assert [metric.name for metric in found.different_metrics] == ["loss"]
    assert found.spread("loss") == (loss.mean, loss.deviation, 3)
    assert found.spread("acc") == (0.5, 0.0, 3)
    assert found.spread("nothing") is None
    assert found.runs == (run_id(0), run_id(1), run_id(2))


def test_one_repeat_is_enough_to_see_a_difference() -> None:
    found = summed(with_metrics(0, {"loss": 1.0}), with_metrics(1, {"loss": 2.0}))
    assert (found.metrics[0].deviation, found.metrics[0].largest) == (pytest.approx(0.5**0.5), 1.0)


@pytest.mark.parametrize(
    ("values", "identical", "largest"),
    [
        (["nan", "nan", "nan"], 2, 0.0),
        (["nan", 1.0, 2.0], 0, "nan"),
        (["inf", 1.0, 1.0], 0, "inf"),
        (["inf", "-inf", "inf"], 1, "inf"),
        (["inf", "nan", "inf"], 1, "nan"),
        ([1.5e308, -1.5e308, 0.0], 0, "inf"),
    ],
)
def test_what_is_no_number_has_no_spread(values: list[float | str], identical: int, largest: float | str) -> None:
    found = summed(*(with_metrics(n, {"loss": value}) for n, value in enumerate(values)))
    assert (found.metrics[0].identical, found.metrics[0].largest) == (identical, largest)
    assert found.spread("loss") is None
    assert msgspec.json.decode(msgspec.json.encode(found), type=Noise) == found


def test_a_metric_that_one_run_lacks_is_not_the_same() -> None:
    found = summed(with_metrics(0, {"loss": 1.0}), with_metrics(1, {}), with_metrics(2, {"loss": 1.0, "late": 2.0}))
    late, loss = found.metrics
    assert (loss.values, loss.identical, loss.mean) == (2, 1, 1.0)
    assert (late.values, late.identical, late.mean, late.deviation) == (1, 1, 2.0, None)
    assert found.different_metrics == (late, loss)
    assert found.spread("loss") is None


def test_times_are_no_results() -> None:
    found = summed(*(with_metrics(n, {"train_runtime": n, "m.eval_runtime": n}) for n in range(3)))
    assert [metric.is_time for metric in found.metrics] == [True, True]
    assert found.different_metrics == ()


def test_an_output_is_told_where_it_is_farthest_from_the_first() -> None:
    near, far = (
        Compared(path="w.npy", verdict="different", kind="npy", values=9, beyond=1, absolute=a, relative=r, where=where)
        for a, r, where in ((0.5, 0.3, "[1]"), (2.0, 0.2, "[2]"))
    )
    same = Compared(path="w.npy", verdict="identical", kind="bytes")
    (found,) = summed(*map(a_run, range(4)), outputs={1: (near,), 2: (far,), 3: (same,)}).outputs
    assert (found.identical, found.verdicts) == (1, {"different": 2, "identical": 1})
    assert (found.absolute, found.relative, found.where, found.run) == (2.0, 0.3, "[2]", run_id(2))


def test_what_is_no_number_is_farther_than_any() -> None:
    number = Compared(path="x", verdict="different", kind="json", values=1, beyond=1, absolute="inf", where="$.a")
    word = Compared(path="x", verdict="different", kind="json", where="$.b", first="u", second="v", reason="other text")
    found = summed(*map(a_run, range(3)), outputs={1: (number,), 2: (word,)}).outputs[0]
    assert (found.where, found.run, found.identical) == ("$.b", run_id(2), 0)


def test_an_output_that_one_repeat_did_not_write() -> None:
    missing = Compared(path="a", verdict="missing", kind="bytes")
    same = Compared(path="a", verdict="identical", kind="bytes")
    extra = Compared(path="b", verdict="extra", kind="bytes")
    found = summed(*map(a_run, range(4)), outputs={1: (same,), 2: (missing,), 3: (same, extra)})
    assert [(one.path, one.identical, one.verdicts) for one in found.outputs] == [
        ("a", 2, {"identical": 2, "missing": 1}),
        ("b", 0, {"extra": 1}),
    ]
    assert len(found.different_outputs) == 2


def test_what_ended_otherwise_is_told_and_not_averaged() -> None:
    bad = with_metrics(2, {"loss": 100.0}, exit=Exit(code=1))
    found = summed(with_metrics(0, {"loss": 1.0}), with_metrics(1, {"loss": 3.0}), bad)
    assert found.failed == (Failed(run=run_id(2), end="exit 1"),)
    assert (found.runs, found.metrics[0].mean) == ((run_id(0), run_id(1)), 2.0)


def test_a_run_that_failed_itself_is_repeated_by_those_that_fail_alike() -> None:
    ends = (Exit(code=3), Exit(code=3), Exit(code=0))
    found = summed(*(a_run(number, exit=end) for number, end in enumerate(ends)))
    assert (found.runs, found.failed) == ((run_id(0), run_id(1)), (Failed(run=run_id(2), end="ok"),))


def test_where_all_repeats_failed_there_is_nothing_to_tell() -> None:
    bad = Exit(code=137, signal="SIGKILL")
    with pytest.raises(DifferentError, match=r"too few repeats of run .* ended as it did: 2 ended with SIGKILL"):
        summed(a_run(0), a_run(1, exit=bad), a_run(2, exit=bad))
    with pytest.raises(DifferentError, match="no two runs to be compared"):
        summed(a_run(0))


def test_a_run_of_another_platform_does_not_count() -> None:
    runs = [with_metrics(n, {"loss": n}, request=Request(network="none" if n else None)) for n in range(3)]
    found = summed(*runs)
    assert found.runs == (run_id(1), run_id(2))
    assert found.notes == (f"run {run_id(0)} itself is not counted, since this is not the same any more: network",)
    with pytest.raises(DifferentError, match=r"no two runs .* network"):
        summed(*runs[:2])


def test_nor_does_one_without_its_results() -> None:
    found = summed(*map(a_run, range(3)), has_results=False)
    assert found.runs == (run_id(1), run_id(2))
    assert "what it wrote is not here" in found.notes[0]


def test_no_numbers_at_all() -> None:
    found = numbers([None, None])
    assert (found.values, found.mean, found.deviation, found.minimum, found.largest) == (0, None, None, None, None)


def test_it_is_kept_beside_the_record(tmp_path) -> None:
    store = Store(tmp_path)
    keep(store, a_run(0))
    assert documents.known(store, a_run(0)) is None
    found = summed(with_metrics(0, {"loss": "nan"}), with_metrics(1, {"loss": 1.0}))
    documents.keep(store, found)
    assert documents.known(store, a_run(0)) == found
    path = store.folder(run_id(0)) / "noise.json"
    path.write_text(path.read_text().replace("noise/1", "noise/2"))
    with pytest.raises(StoreError, match=r"this version reads `snap\.noise/1`"):
        documents.known(store, a_run(0))


def test_what_was_broken_off_does_not_take_the_place_of_what_says_more(tmp_path) -> None:
    store = Store(tmp_path)
    keep(store, a_run(0))
    short, long = summed(*map(a_run, range(2))), summed(*map(a_run, range(3)))
    assert documents.keep_if_more(store, a_run(0), short) is short
    assert documents.keep_if_more(store, a_run(0), long) is long
    assert documents.keep_if_more(store, a_run(0), short) == documents.known(store, a_run(0)) == long
