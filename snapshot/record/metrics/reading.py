"""Which outputs are read as metrics, and what is kept of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import TypeVar

from snapshot.project.names import from_text
from snapshot.record.document import Metric, Output
from snapshot.record.metrics.points import NotMetricsError, Point, legible

T = TypeVar("T")

LARGEST = 50_000_000
"""Bytes of a file; larger ones are data."""
ALTOGETHER = 100_000_000
"""Bytes that are read of a run at most: about three seconds."""
MOST_FILES = 1000
MOST_NAMES = 10_000
"""In one file; one with more is a table of data."""
MOST = 1000
"""Metrics of a run."""
CONFIGURATION = (
    *("config*.json", "*config.json", "settings.json", "args.json", "params.json", "hparams.json", "package*.json"),
    *("hyperparameters.json", "parameters.json", "tokenizer*.json", "vocab.json", "special_tokens_map.json"),
    *("added_tokens.json", "*.index.json", "*schema.json", "manifest.json"),
)
"""Files, in lower case, whose numbers nobody measured."""
EVENTS = "events.out.tfevents."

_DAMAGED = (NotMetricsError, ValueError, RecursionError, OSError)
"""What readers raise; ValueError is that of `json`, and of text that is none."""
Reader = Callable[[Path], Iterator[Point]]


def metrics_of(outputs: Iterable[Output], open: Callable[[str], Path]) -> tuple[Metric, ...]:
    """The last value and the length of every series in the outputs, sorted by path and name.

    `open` says where the bytes of the output with this path (as in the record) lie. Files are chosen by name and
    size alone; one that is damaged, or not what its name says, has no metrics and is no error.
    """
    found: list[tuple[str, str, float, int]] = []
    for output in islice(chosen(outputs), MOST_FILES):
        if len(found) < MOST:
            last = _collected(open(output.path), _reader(output.path))
            found += ((output.path, name, value, points) for name, (value, points) in last.items())
    found = sorted(found[:MOST])
    from snapshot.record.metrics.naming import distinct

    names = distinct([(path, name) for path, name, _, _ in found])
    rows = sorted((path, name, v, p) for name, (path, _, v, p) in zip(names, found, strict=True))
    return tuple(Metric(name=name, value=_value(v), points=p, path=path) for path, name, v, p in rows)


def series(path: Path, name: str) -> tuple[tuple[float | None, float], ...]:
    """Step and value of each point of the metric `name` in the file `path`; none when it has no such metric.

    The step is None where the file does not say it: the point's number counts then.
    """
    return several(path, [name]).get(name, ())


def several(path: Path, names: Collection[str]) -> dict[str, tuple[tuple[float | None, float], ...]]:
    """The same of those of the metrics `names` that the file `path` has, which is read once."""
    reader = _reader(path.name)
    found = _by_name(path, names, ((n, (step, value)) for n, step, value in reader(path))) if reader else {}
    return {name: tuple(points) for name, points in found.items()}


def times(path: Path, names: Collection[str]) -> dict[str, tuple[float, ...]]:
    """When each point of these metrics was written, Unix time, where the file is TensorBoard's: no other says it."""
    if not path.name.lower().startswith(EVENTS):
        return {}
    from snapshot.record.metrics import events

    found = _by_name(path, names, ((point[0], time) for point, time in events.timed(path)))
    return {name: tuple(points) for name, points in found.items()}


def _by_name(path: Path, names: Collection[str], rows: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """What there is of each of the metrics `names` among the rows of the file `path`; nothing of a damaged file."""
    from snapshot.record.metrics.naming import in_file

    wanted = {name: in_file(str(path), name) for name in names}
    kept: dict[str, list[T]] = {known: [] for some in wanted.values() for known in some}
    try:
        for found, row in rows:
            if found in kept:
                kept[found].append(row)
    except _DAMAGED:
        return {}
    first = {name: next((kept[known] for known in some if kept[known]), None) for name, some in wanted.items()}
    return {name: rows for name, rows in first.items() if rows}


def chosen(outputs: Iterable[Output]) -> Iterator[Output]:
    """The outputs to read: those near the top of the project first, as many as may be read together."""
    fitting = [o for o in outputs if o.link is None and 0 < o.size <= LARGEST and _reader(o.path)]
    left = ALTOGETHER
    for output in sorted(fitting, key=lambda o: (o.path.count("/"), o.path)):
        if output.size <= left:
            left -= output.size
            yield output


def _reader(path: str) -> Reader | None:
    """What reads the file with this path, imported when there is one; None for a file that is no metrics."""
    *folders, name = from_text(path).lower().split("/")
    suffix = name.rpartition(".")[2]
    if any(folder.startswith(".") for folder in folders if folder not in (".", "..")):
        return None
    if name.startswith(EVENTS):
        from snapshot.record.metrics import events

        return events.of_events if events.available() else None
    if suffix in ("csv", "tsv"):
        from snapshot.record.metrics.tables import of_table

        return of_table
    if suffix in ("json", "jsonl", "ndjson") and not any(fnmatchcase(name, known) for known in CONFIGURATION):
        from snapshot.record.metrics.objects import of_json, of_lines

        return of_json if suffix == "json" else of_lines
    return None


def _collected(path: Path, reader: Reader | None) -> dict[str, tuple[float, int]]:
    """Last value and length of each series; nothing of a file that turns out damaged, or too wide."""
    last: dict[str, tuple[float, int]] = {}
    try:
        for name, _, value in reader(path) if reader else ():
            last[name] = (value, last[name][1] + 1 if name in last else 1)
            if len(last) > MOST_NAMES:
                return {}
    except _DAMAGED:
        return {}
    return {known: found for name, found in last.items() if (known := legible(name))}


def _value(value: float) -> float | str:
    """JSON has no other numbers than finite ones."""
    return value if math.isfinite(value) else str(value)
