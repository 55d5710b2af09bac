"""Which runs are listed, in which order, with which columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.errors import UsageError
from snapshot.record import summary
from snapshot.record.document import Exit, Metric
from snapshot.record.labels import Labels
from snapshot.report import listing, select
from tests.unit.record.records import a_run, command, run_id

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def row(number: int = 1, tags: tuple[str, ...] = (), metrics: dict[str, float | str] | None = None, **changes: Any):
    measured = tuple(Metric(name=k, value=v, points=1, path="m.json") for k, v in (metrics or {}).items())
    return select.Row(
        summary.of(a_run(number, metrics=measured, **changes)), Labels(tags=dict.fromkeys(tags, "2026-01-01"))
    )


ROW = row(tags=("best", "paper"), metrics={"accuracy": 0.91, "loss": "nan"}, parameters={"lr": "1e-2", "name": "x"})


@pytest.mark.parametrize(
    "text",
    [
        *("lr<0.1", "lr = 0.01", "lr==.01", "lr>=1e-2", "lr!=0.1", "accuracy>0.9", "accuracy<=0.91", "loss=nan"),
        *("status=ok", "tag=best", "tag=paper", "tag!=other", "name!=x", "param.name=x", "metric.accuracy>0.9"),
        *("created>=2026-01", "created<2026-02", "time>57", "time<=58", "outputs=0", "command=train.py", "absent!=1"),
    ],
)
def test_what_fits(text: str):
    assert select.parse(text).fits(ROW)


@pytest.mark.parametrize(
    "text",
    [
        *("lr<0.01", "lr!=0.010", "lr>a", "accuracy<nan", "loss<1", "loss>1", "status<1", "tag!=best", "tag=bes"),
        *("name=x", "param.accuracy>0", "metric.lr<1", "absent=1", "absent<1", "status=OK"),
    ],
)
def test_what_does_not_fit(text: str):
    assert not select.parse(text).fits(ROW)


@pytest.mark.parametrize("text", ["", "lr", "<1", "=x", "lr~1"])
def test_what_is_no_condition_says_what_one_is(text: str):
    with pytest.raises(UsageError, match="no condition") as caught:
        select.parse(text)
    assert "as in `lr<0.1`" in str(caught.value.hint)


def test_a_key_that_no_run_has_says_which_was_meant():
    with pytest.raises(UsageError, match="no run has `acuracy`") as caught:
        select.check(["lr", "status", "acuracy"], [ROW])
    assert caught.value.hint == "did you mean `accuracy`?"
    with pytest.raises(UsageError) as caught:
        select.check(["qqq"], [ROW])
    assert str(caught.value.hint).startswith("there are `id`, `name`, `tag`")


def test_numbers_are_sorted_as_numbers_before_texts_and_what_lacks_the_key_comes_last_either_way():
    rows = [row(n, parameters={"lr": v} if v else {}) for n, v in enumerate(["10", "", "9", "auto", "1e-3"])]
    order = [rows[4], rows[2], rows[0], rows[3], rows[1]]
    assert select.ordered(rows, "lr", descending=False) == order
    assert select.ordered(rows, "lr", descending=True) == [*order[3::-1], order[4]]


@given(st.text(), st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), st.text(), st.text())
def test_any_text_is_a_condition_or_refused_and_a_condition_never_fails(key: str, sign: str, value: str, mine: str):
    try:
        condition = select.parse(f"{key}{sign}{value}")
    except UsageError:
        return
    run = row(parameters={condition.key: mine})
    condition.fits(run)
    if sign == "=":
        assert condition.fits(run) != select.Filter(condition.key, "!=", condition.value).fits(run)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_compare_as_python_compares_them(mine: float, asked: float):
    run = row(metrics={"m": mine})
    found = {sign for sign in ("<", "<=", ">", ">=", "=", "!=") if select.parse(f"m{sign}{asked!r}").fits(run)}
    expected = {
        *(["<", "<=", "!="] if mine < asked else []),
        *([">", ">=", "!="] if mine > asked else []),
        *(["<=", ">=", "="] if mine == asked else []),
    }
    assert found == expected


@given(st.lists(st.one_of(st.none(), st.floats().map(str), st.text())), st.booleans())
def test_sorting_loses_nobody(values: list[str | None], descending: bool):
    rows = [row(n, parameters={"k": v} if v is not None else {}) for n, v in enumerate(values)]
    found = select.ordered(rows, "k", descending=descending)
    assert sorted(r.run.id for r in found) == [run_id(n) for n in range(len(values))]


def test_the_usual_table_is_as_it_was_without_tags_and_metrics():
    text = listing.listing([row(name="base")], listing.usual([row()]), NOW)
    assert text.splitlines() == [
        "RUN                      NAME  STATUS  CREATED   TIME    OUTPUTS  COMMAND",
        f"{run_id(1)}  base  ok      23 h ago  58.0 s  0        train.py",
    ]


def test_tags_and_the_metrics_that_most_runs_have_get_columns_as_far_as_there_is_room():
    rows = [ROW, row(metrics={"loss": 0.25, "b": 1.0, "c": 2.0}), row(metrics={"loss": 1 / 3, "b": 2.0})]
    assert listing.usual(rows) == [
        *("id", "name", "tag", "status", "created", "time", "outputs", "loss", "b", "accuracy", "command")
    ]
    assert listing.usual(rows, width=80)[5:] == ["time", "loss", "command"]
    assert listing.usual([row()], width=80)[4:] == ["time", "outputs", "command"]
    assert listing.usual(rows, width=115)[7:] == ["loss", "command"]
    assert listing.listing(rows, ["loss", "tag"], NOW).splitlines()[1:] == ["nan       best, paper", "0.25", "0.333333"]


def test_lines_are_cut_at_the_width_of_a_terminal():
    rows = [row(command=command("train.py", "x" * 50))]
    head, line = listing.listing(rows, listing.usual(rows, 80), NOW, 80).splitlines()
    assert len(line) == 80 and line.endswith("train.py xxxx…") and head.endswith("COMMAND")


def test_what_was_trained_to_find_something_out_is_told_apart():
    mine, trial = row(1), row(2, trial="bisect", metrics={"for": 3.0})
    assert listing.usual([mine, trial])[2:4] == ["for", "status"]
    assert listing.listing([trial, mine], ["id", "for"], NOW).split() == ["RUN", "FOR", run_id(2), "bisect", run_id(1)]
    assert [one for one in (mine, trial) if select.parse("for!=bisect").fits(one)] == [mine]


def test_a_metric_with_the_name_of_a_column_is_told_from_it():
    rows = [row(metrics={"time": 3.0})]
    assert "metric.time" in listing.usual(rows)
    assert listing.listing(rows, ["metric.time", "time"], NOW).split() == ["time", "TIME", "3", "58.0", "s"]


def test_names_that_a_terminal_would_obey_are_harmless_in_head_and_cells():
    hostile = "\x1b[31m\n"
    rows = [row(metrics={hostile: 1.0}, parameters={"p": hostile}, name=hostile, exit=Exit(code=1))]
    text = listing.listing(rows, [hostile, "p", "name", "status"], NOW)
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2
