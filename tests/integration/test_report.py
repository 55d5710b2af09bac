"""Reports in a real browser: nothing is asked for, nothing is complained of, and what can be used can be used."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from snapshot.cli.app import snap
from snapshot.record.document import Metric
from snapshot.record.metrics.reading import metrics_of
from snapshot.record.store import Store
from tests.browser import Tab
from tests.unit.record.stores import trained

NASTY = "<img src=x onerror=\"document.title='broken'\"></script>"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000"
    "1ff5c9ddd0d0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten runs with a metric of 100 points."""
    place = tmp_path_factory.mktemp("report")
    (place / "snap.toml").write_text("")
    store = Store(place)
    for number in range(10):
        points = [{"step": step, "loss": math.exp(-step / 10 / (number + 1))} for step in range(100)]
        outputs = {"m.jsonl": "".join(json.dumps(p) + "\n" for p in points).encode(), "a.png": PIXEL}
        run = trained(
            store, number, outputs, {"train.py": NASTY, "n.py": f"n = {number}\n"},
            name=f"run{number}{NASTY}", parameters={"lr": f"{10.0**-number:g}", "opt": "sgd" if number % 2 else "adam"},
        )  # fmt: skip
        folder = store.folder(run.id)
        (folder / "log").write_text(NASTY)
        found: tuple[Metric, ...] = metrics_of(run.outputs, lambda path, folder=folder: folder / "outputs" / path)
        store.write(msgspec.structs.replace(run, metrics=found))
    return place


@pytest.fixture
def shown(tab: Tab, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make a report and look at it."""

    def show(*arguments: str) -> Tab:
        monkeypatch.chdir(project)
        done = CliRunner().invoke(snap, ["report", *arguments, "-o", str(tmp_path / "r.html")])
        assert done.exit_code == 0, done.output
        tab.show(tmp_path / "r.html")
        assert tab.problems() == []
        assert tab.value("document.title") != "broken"
        return tab

    return show


def test_values_are_read_off_a_curve_with_pointer_and_keys(shown) -> None:
    tab = shown("latest")
    reading = "document.querySelector('.chart output').textContent"
    assert tab.value(reading) == ""
    tab.point(".chart svg", 0.5)
    assert tab.value(reading).startswith("4") and ": loss 0." in tab.value(reading)
    tab.value("document.querySelector('.chart svg').focus()")
    tab.press("End")
    assert tab.value(reading) == "99: loss 0.371577"
    tab.press("ArrowLeft")
    assert tab.value(reading).startswith("98: ")
    tab.press("Escape")
    assert tab.value(reading) == ""
    assert tab.value("document.querySelector('img[alt=\"a.png\"]').naturalWidth") == 1
    # What is not allowed to run does not, wherever it comes from.
    tab.value("(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; "
              "document.body.append(s); })()")  # fmt: skip
    assert tab.value("window.ran === undefined")


def test_two_runs_stand_side_by_side(shown) -> None:
    tab = shown("latest~1", "latest")
    left, right = tab.value("[...document.querySelectorAll('.pairs img')].map(i => i.getBoundingClientRect().left)")
    assert left < right
    tab.value("document.querySelector('.chart svg').focus()")
    tab.press("Home")
    assert tab.value("document.querySelector('.chart output').textContent") == "0: A 1, B 1"


def test_the_table_is_sorted_and_filtered_and_drawn(shown) -> None:
    tab = shown("--all")
    visible = "[...document.querySelectorAll('#table tbody tr:not([hidden])')]"
    names = f"{visible}.map(row => row.cells[1].textContent.slice(0, 4))"
    dots = "document.querySelectorAll('#scatter .point').length"
    assert tab.value(names) == [f"run{n}" for n in range(9, -1, -1)]
    assert tab.value(dots) == 10
    click = "[...document.querySelectorAll('th button')].find(b => b.textContent === 'lr').click()"
    tab.value(click)
    assert tab.value(names) == [f"run{n}" for n in range(9, -1, -1)]
    tab.value(click)
    assert tab.value(names) == [f"run{n}" for n in range(10)]
    assert tab.value("document.querySelector('th[aria-sort]').ariaSort") == "descending"
    fill(tab, "lr<0.01 opt=sgd")
    assert tab.value(names) == ["run3", "run5", "run7", "run9"]
    assert tab.value("document.getElementById('count').textContent") == "4 of 10 runs"
    assert tab.value(dots) == 4
    fill(tab, "run5")
    assert tab.value(names) == ["run5"]
    fill(tab, "nobody")
    assert (
        tab.value("document.querySelector('#scatter output').textContent") == "None of the runs in the table has both."
    )
    assert tab.problems() == []


def fill(tab: Tab, text: str) -> None:
    """Write into the filter."""
    field = "document.getElementById('filter')"
    tab.value(f"{field}.value = {json.dumps(text)}; {field}.dispatchEvent(new Event('input'))")


def test_without_scripts_everything_is_there(shown, tab: Tab) -> None:
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        assert shown("--all").value("document.querySelectorAll('#table tbody tr').length") == 10
        tab = shown("latest")
        assert tab.value("document.querySelector('.chart .curve').getTotalLength() > 300")
        assert tab.value("document.querySelectorAll('.values tbody tr').length") == 12
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)
