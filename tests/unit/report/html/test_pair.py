"""The report of two runs: from a store to the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from snapshot.compare import judge
from snapshot.record.document import Request, Run
from snapshot.record.metrics.reading import metrics_of
from snapshot.record.store import Store
from snapshot.report.html import between, pair
from snapshot.report.html.render import html
from tests.unit.record.records import a_run, command, keep
from tests.unit.record.stores import listed, trained
from tests.unit.report.html.pages import Page, png, safe

PNG = png()
Make = Callable[[Run, Run], Page]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def report(store: Store) -> Make:
    """The page of two runs of the store."""

    def made(old: Run, new: Run) -> Page:
        page = Page(html("pair", pair.page(between.between(store, old, new)), now="2026-01-01T00:00:00.000Z"))
        safe(page)
        return page

    return made


def with_metrics(store: Store, record: Run) -> Run:
    folder = store.folder(record.id) / "outputs"
    found = msgspec.structs.replace(record, metrics=metrics_of(record.outputs, lambda path: folder / path))
    store.write(found)
    return found


def series(*values: float) -> bytes:
    return "".join(json.dumps({"step": n, "loss": value}) + "\n" for n, value in enumerate(values)).encode()


def test_what_differs_stands_side_by_side(store: Store, report: Make) -> None:
    old = trained(
        store, 1, {"m.jsonl": series(3, 2, 1), "a.png": PNG, "only.png": PNG}, {"train.py": "print(1)\nx = 1\n"},
        name="old", command=command("train.py", "--lr", "0.1"), parameters={"lr": "0.1"},
        data=(listed(store, b"snap.data/1\n" + b"ab" * 32 + b" 7 a\0"),),
    )  # fmt: skip
    new = trained(
        store, 2, {"m.jsonl": series(3, 1, 0.5), "a.png": PNG}, {"train.py": "print('<b>')\nx = 1\n"},
        name="new", command=command("train.py", "--lr", "0.2"), parameters={"lr": "0.2"},
        data=(listed(store, b"snap.data/1\n" + b"cd" * 32 + b" 7 a\0" + b"ab" * 32 + b" 7 b\0"),),
    )  # fmt: skip
    page = report(with_metrics(store, old), with_metrics(store, new))
    ((_, head),) = page.all("header")
    assert "different: arguments, code, data, results, outputs" in " ".join(head.split())
    assert "loss 1 0.5 -0.5 -50 %" in page.section("results")
    ((chart, _),) = page.all("svg")
    assert [line[0] for line in json.loads(chart["data-chart"])["lines"]] == ["A", "B"]
    assert [attrs["alt"] for attrs, _ in page.all("img")] == ["a.png of A", "a.png of B", "only.png of A"]
    assert "B has none that is shown" in page.section("images")
    assert "lr 0.1 0.2" in page.section("differences")
    assert [text for attrs, text in page.all("span", **{"class": "minus"})] == ["-print(1)"]
    assert [text for attrs, text in page.all("span", **{"class": "plus"})] == ["+print('<b>')"]
    assert "changed a, added b" in page.section("data")
    assert "1 input" not in page.section("rest") and "Python" in page.section("rest")


def test_of_a_rerun_the_verdict_is_told_and_what_is_the_same_is_said_to_be(store: Store, report: Make) -> None:
    old, new = trained(store, 1, {"a": b"1"}), trained(store, 2, {"a": b"1"}, rerun=a_run(1).id)
    judge.judge(store, old, new, tolerances=(), unpickle=None, now="2026-01-01T00:00:00.000Z")
    page = report(old, new)
    said = [attrs["class"] for attrs, _ in page.all("p") if attrs.get("class", "").startswith("verdict")]
    assert said == ["verdict good", "verdict good"]
    assert "nothing differs" in page.text and "No metric differs" in page.section("results")
    assert "identical a bytes" in page.section("results")


def test_runs_whose_code_is_lost_are_compared_by_the_rest(store: Store, report: Make) -> None:
    old, new = a_run(1), a_run(2)
    other = msgspec.structs.replace(new, code=msgspec.structs.replace(new.code, digest="sha256:" + "f" * 64))
    keep(store, old, other)
    page = report(old, other)
    assert "code: that of" in page.section("rest") and "different: code" in page.text


def test_secrets_among_the_variables_are_not_passed_on(store: Store, report: Make) -> None:
    runs = [trained(store, n, {}, request=Request(environment={"TOKEN": f"secret-number-{n}"})) for n in (1, 2)]
    page = report(*runs)
    assert "secret-number" not in page.text and "TOKEN" in page.section("differences")


def test_patches_are_bounded(store: Store, report: Make) -> None:
    old = trained(store, 1, {}, {"a.py": "x\n" * 9000, "big.py": "1\n" * 600_000})
    new = trained(store, 2, {}, {"a.py": "y\n" * 9000, "big.py": "2\n" * 600_000})
    page = report(old, new)
    assert "14,001 more lines" in page.section("code")
    assert "too large to be compared" in page.section("code")
    assert len(page.text) < 300_000
