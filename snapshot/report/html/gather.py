"""Reads what a report of one run shows, each kind up to a bound. What is damaged is told, and ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from snapshot.cause import noise
from snapshot.compare import judge
from snapshot.digest import PREFIX, short
from snapshot.errors import StoreError
from snapshot.lock import document as locks
from snapshot.record import labels
from snapshot.record.data import manifest
from snapshot.record.document import Data, Run
from snapshot.record.index import Index
from snapshot.record.lineage import ancestors, by_run, descendants
from snapshot.record.recall import reader
from snapshot.record.store import Store
from snapshot.report.html import code, devices, log, results
from snapshot.report.html.material import Family, Files, Material
from snapshot.report.html.so_far import so_far
from snapshot.report.html.tree import File
from snapshot.report.lineage import Names

T = TypeVar("T")

MOST_DATA = 5000
"""Files of data."""
FAMILY = 40
"""Runs before it, and as many after it."""


def gather(store: Store, run: Run) -> Material:
    """Everything about `run`; of one that goes on, what is there by now."""
    with so_far(store, run) as (known, outputs):
        return _gathered(store, known, outputs)


def _gathered(store: Store, run: Run, outputs: Path) -> Material:
    """`outputs` is the folder of what it wrote."""
    problems: list[str] = []

    def read(what: Callable[[], T], otherwise: T) -> T:
        try:
            return what()
        except (StoreError, OSError) as problem:
            problems.append(problem.message if isinstance(problem, StoreError) else str(problem))
            return otherwise

    folder = store.folder(run.id)
    curves, undrawn = results.curves(outputs, run)
    return Material(
        run=run,
        lock=read(lambda: locks.read(folder / locks.FILE_NAME), None),
        labels=read(lambda: labels.every(store).get(run.id, labels.NONE), labels.NONE),
        verdict=read(lambda: judge.known(store, run), None),
        noise=read(lambda: noise.known(store, run), None),
        curves=curves,
        undrawn=undrawn,
        devices=read(lambda: devices.samples(folder / devices.TABLE), {}),
        code=code.files(store.path, run),
        data=dict(_data(store, run.data)),
        images=results.images(outputs, run.outputs),
        log=read(lambda: log.piece(folder / "log"), None),
        family=_family(store, run),
        problems=tuple(problems),
    )


def _data(store: Store, found: Iterable[Data]) -> Iterator[tuple[str, Files]]:
    """The files of each folder among the data, as many as are listed altogether."""
    left = MOST_DATA
    for data in found:
        if data.kind != "folder" or data.digest is None:
            continue
        try:
            files = tuple(
                File(e.path, e.size, _detail(e)) for e in islice(manifest.read(store.path, data.digest), left)
            )
            yield data.path, Files(files=files, left_out=max((data.files or 0) - len(files), 0))
        except StoreError as problem:
            yield data.path, Files(files=(), problem=problem.message)
            continue
        left -= len(files)


def _detail(entry: manifest.Entry) -> str:
    return short(PREFIX + entry.sha256) if entry.kind == "file" else entry.kind


def _family(store: Store, run: Run) -> Family:
    record_of, index = reader(store), Index(store)
    index.refresh()

    def children(parent: str) -> Iterable[str]:
        found = ((child, record_of(child)) for child in (*index.children(parent), *index.reruns(parent)))
        return [child for child, record in found if record and parent in _before(record)]

    above = ancestors(run, record_of, most=FAMILY + 1)
    below = descendants(run.id, children, most=FAMILY + 1)
    index.close()
    up = {run.id: 0}
    for one in above:
        up[one.run] = up.get(one.child, 0) + 1
    if run.rerun:
        up.setdefault(run.rerun, 1)
    down = {run.id: 0}
    for child in below:
        record = record_of(child)
        down[child] = 1 + min((down[p] for p in _before(record) if p in down), default=0) if record else 1
    names = Names(store.ids())
    del up[run.id], down[run.id]
    return Family(
        ancestors={one: (step, record_of(one)) for one, step in up.items()},
        descendants={one: (step, record_of(one)) for one, step in down.items() if one not in up},
        names={one: names(one) for one in (run.id, *up, *down)},
        left_out=max(len(above), len(below)) > FAMILY,
    )


def _before(run: Run) -> set[str]:
    """The runs that it descends from, and the one that it repeats."""
    return {*by_run(run.parents), *([run.rerun] if run.rerun else [])}
