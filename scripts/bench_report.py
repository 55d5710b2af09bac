"""Reports and `snap ui`: making a page, and how long a browser takes to show it. Called by scripts/bench."""

from __future__ import annotations

import http.client
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from bench_store import BEGAN, a_run, generate
from bench_table import Row, in_turns

from snapshot.document import encode_json
from snapshot.record.document import Output
from snapshot.record.metrics.reading import metrics_of
from snapshot.record.store import Store
from snapshot.run.devices import COLUMNS, TABLE
from tests.browser import Tab, browser

POINTS = 100_000
SAMPLES = 24 * 60 * 60
RUNS = 1000
SNAP = [sys.executable, "-m", "snapshot"]
LARGEST = 3_000_000
"""Bytes of a page."""


def measure(rounds: int = 5) -> list[Row]:
    """The rows; needs Chromium, and no engine."""
    with tempfile.TemporaryDirectory() as folder, browser("chromium", Path(folder) / "profile") as tab:
        store, page = long_run(Path(folder) / "long"), Path(folder) / "page.html"
        many = generate(Path(folder) / "many", RUNS, 10 * RUNS)
        (many.project / "snap.toml").touch()
        (made,) = in_turns(rounds, lambda _: report(store, page))
        size = page.stat().st_size
        assert size < LARGEST, f"the page has {size:,} bytes"
        shown = first_paint(tab, rounds, lambda: tab.show(page))
        with served(many) as address:
            online = tab.another()
            online.visit(address)
            plain = address.partition("?")[0]
            (listed,) = in_turns(rounds, lambda _: get(address))
            painted = first_paint(online, rounds, lambda: online.visit(plain))
    said = f"{POINTS:,} points of a metric and a day of a GPU"
    return [
        Row(what=f"`snap report` of {said}, {size // 1000} kB", ours=made, floor="", theirs=None, goal=2.0),
        Row(what="first paint of that page in Chromium", ours=shown, floor="", theirs=None, goal=1.0),
        Row(what=f"`snap ui`: the list of {RUNS:,} runs", ours=listed, floor="", theirs=None, goal=0.5),
        Row(what="the same, to its first paint in Chromium", ours=painted, floor="", theirs=None, goal=1.0),
    ]


def first_paint(tab: Tab, rounds: int, show: Callable[[], None]) -> float:
    """The median time from the request on, in seconds."""
    found = []
    paint = "performance.getEntriesByName('first-contentful-paint')"
    for _ in range(rounds):
        show()
        tab.shown(f"{paint}.length", 1)
        found.append(tab.value(f"{paint}[0].startTime") / 1000)
    return statistics.median(found)


def report(store: Store, page: Path) -> None:
    """As it is typed."""
    subprocess.run([*SNAP, "-q", "report", "-o", str(page)], cwd=store.project, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def served(store: Store) -> Iterator[str]:
    """The address of `snap ui`, with its token."""
    ui = subprocess.Popen([*SNAP, "ui"], cwd=store.project, stdout=subprocess.PIPE, text=True)
    assert ui.stdout
    try:
        yield ui.stdout.readline().strip()
    finally:
        ui.terminate()
        ui.wait()


def get(address: str) -> None:
    """Ask for the first page."""
    parts = urlsplit(address)
    token = parts.query.partition("=")[2]
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", "/", headers={"Cookie": f"snap-ui-{parts.port}={token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    answer.read()
    connection.close()


def long_run(project: Path) -> Store:
    """A store with one run that took a day."""
    store = Store(project)
    store.create()
    (project / "snap.toml").touch()
    points = ({"step": step, "loss": math.exp(-step / POINTS)} for step in range(POINTS))
    data = "".join(json.dumps(point) + "\n" for point in points)
    output = Output(path="metrics.jsonl", size=len(data), sha256=None, mode=0o644, change="created")
    run = msgspec.structs.replace(a_run(1, range(0), random.Random(4)), outputs=(output,))
    folder = store.folder(run.id)
    (folder / "outputs").mkdir(parents=True)
    (folder / "outputs" / output.path).write_text(data)
    run = msgspec.structs.replace(run, metrics=metrics_of(run.outputs, lambda path: folder / "outputs" / path))
    (folder / "run.json").write_bytes(encode_json(run))
    (folder / TABLE).write_text(",".join(COLUMNS) + "\n" + "".join(map(sample, range(SAMPLES))))
    return store


def sample(second: int) -> str:
    """A line of `gpu.csv`."""
    busy = 50 + 50 * math.sin(second / 1000)
    time = f"{BEGAN + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S.000Z}"
    known = (time, 0, round(busy), 10_000_000_000 + second, 9_000_000_000, round(100 + 4 * busy, 3), second * 300)
    cells = (*known, 60, 1755, "none", 0, 0, "")
    return ",".join(map(str, cells)) + "\n"


if __name__ == "__main__":
    for row in measure():
        print(*row.cells())
