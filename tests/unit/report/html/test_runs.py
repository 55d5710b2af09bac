"""The table of many runs."""

from __future__ import annotations

from typing import Any

from snapshot.record import summary
from snapshot.record.document import Metric
from snapshot.record.labels import Labels
from snapshot.report.html import runs
from snapshot.report.html.render import html
from snapshot.report.select import Row
from tests.unit.record.records import a_run
from tests.unit.report.html.pages import Page, safe

NOW = "2026-01-01T00:00:00.000Z"
NASTY = "<b>\"'</td>\x1b[1m"


def row(number: int, tags: tuple[str, ...] = (), **changes: Any) -> Row:
    return Row(summary.of(a_run(number, **changes)), Labels(tags=dict.fromkeys(tags, "2026")))


def report(*rows: Row) -> Page:
    found = runs.page("runs", rows, lambda run: run[-4:], damaged=["20260101T0-0bad"], now=NOW)
    page = Page(html("runs", found, now=NOW))
    safe(page)
    return page


def accuracy(value: float | str) -> tuple[Metric, ...]:
    return (Metric(name="accuracy", value=value, points=1, path="m.json"),)


def test_each_run_is_a_row_and_what_differs_comes_first() -> None:
    page = report(
        row(2, ("best",), name="two", parameters={"epochs": "3", "lr": "0.2"}, metrics=accuracy(0.87654321)),
        row(1, parameters={"epochs": "3", "lr": "0.1"}, metrics=accuracy("nan")),
        row(0),
    )
    heads = [text for _, text in page.all("th")]
    assert heads == ["Run", "Name", "Tags", "Status", "Created", "Time", "lr", "epochs", "accuracy", "Command"]
    assert [attrs["data-kind"] for attrs, _ in page.all("th")][5:9] == ["number", "parameter", "parameter", "metric"]
    cells = [text for _, text in page.all("td")]
    assert cells[:9] == ["0002", "two", "best", "ok", "2026-01-01 00:02:00 UTC", "58.0 s", "0.2", "3", "0.876543"]
    assert cells[18] == "nan" and cells[26:29] == ["", "", ""]
    assert [attrs.get("data-value") for attrs, _ in page.all("td")][5:10] == ["58.0", None, None, "0.87654321", None]
    assert "0bad can't be read" in page.all("li")[0][1]


def test_what_was_trained_to_find_something_out_is_told_apart() -> None:
    page = report(row(2, trial="bisect"), row(1))
    assert [text for _, text in page.all("th")][:5] == ["Run", "Name", "Tags", "For", "Status"]
    assert [text for _, text in page.all("td")][3::8] == ["bisect", ""]


def test_names_are_never_markup() -> None:
    page = report(row(1, (NASTY,), name=NASTY, parameters={NASTY: NASTY}))
    assert not page.all("b")
    assert [text for _, text in page.all("td")].count("<b>\"'</td>\\x1b[1m") == 3


def test_there_may_be_no_runs_and_there_may_be_many() -> None:
    assert not report().all("td")
    many = report(*(row(n, parameters={f"p{i}": "1" for i in range(30)}) for n in range(runs.MOST + 5)))
    assert len(many.all("tr")) == 1 + runs.MOST
    assert "5 older runs are not listed" in many.section("runs")
    assert "10 more parameters and metrics have no column" in many.section("runs")
    assert len(many.text) < 3_500_000
