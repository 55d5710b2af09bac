"""What a tracker is told of a run, the same for all of them. Values of variables that look like secrets stay here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from snapshot import __version__
from snapshot.compare.pair import opened
from snapshot.compare.tally import IncomparableError
from snapshot.document import Value, encode_json
from snapshot.errors import StoreError, UsageError
from snapshot.integrations import moments
from snapshot.integrations.moments import Point
from snapshot.lock.document import FILE_NAME as LOCK
from snapshot.project.names import MARK, from_text
from snapshot.project.root import find_root
from snapshot.record import labels
from snapshot.record.document import Output, Run
from snapshot.record.labels import Labels
from snapshot.record.store import Store
from snapshot.report import private
from snapshot.report.html import results
from snapshot.report.text import command_line, count, outcome, shown

LOG = "log.txt"
KEPT = ((LOCK, LOCK), ("log", LOG), ("verdict.json", "verdict.json"), ("gpu.csv", "gpu.csv"))
"""Files beside the record, and what trackers call them: without a suffix they show none."""
FINISHED, FAILED, KILLED = "finished", "failed", "killed"


class Material(Value, kw_only=True, frozen=True):
    """All that is told."""

    run: Run
    project: str
    """What the project's folder is called here."""
    name: str
    state: str
    """finished, failed or killed."""
    started: float
    """Unix time, as all times here."""
    ended: float
    facts: Mapping[str, str]
    """What identifies it, by names as `lock` and `image`."""
    parameters: Mapping[str, str]
    environment: Mapping[str, str]
    series: Mapping[str, tuple[Point, ...]]
    tags: tuple[str, ...]
    notes: str
    record: bytes
    """`run.json`."""
    kept: Mapping[str, Path]
    """The other files about the run, by what they are called there."""
    outputs: Mapping[str, Path]
    """What it wrote, by path; empty unless they are asked for."""
    said: tuple[str, ...]
    """What is not told, and why."""


def find(run: str, folder: str | Path) -> tuple[Store, Run]:
    """The run that RUN means in the project that `folder` is in.

    Raises UsageError when there is none, or when it has not ended.
    """
    store = Store(find_root(Path(folder), home=Path(os.path.expanduser("~"))))
    record = store.read(store.find(run))
    if record.exit is None:
        raise UsageError(f"run {record.id} has not ended", hint="wait for it, and try again")
    return store, record


def gather(store: Store, run: Run, *, outputs: bool) -> Material:
    """All of `run`, with what it wrote if `outputs` says so."""
    said: list[str] = []
    written = dict(_outputs(store, run, said)) if outputs else {}
    series = dict(_series(store, run, said))
    known = _labels(store, run.id)
    whole, run = run, private.told(run)
    if held_back := _changed(whole.request.environment, run.request.environment):
        said.append(f"{count(held_back, 'value')} of environment variables held back: they look like secrets")
    if held_back := _changed(whole.parameters, run.parameters):
        said.append(f"{count(held_back, 'value')} of arguments held back: they look like secrets")
    started, ended = times(run)
    return Material(
        run=run,
        project=store.project.absolute().name or "snap",
        name=run.name or run.id,
        state=state(run),
        started=started,
        ended=ended,
        facts=dict(facts(run)),
        parameters={name: shown(text) if MARK in text else text for name, text in run.parameters.items()},
        environment=run.request.environment,
        series=series,
        tags=tuple(sorted(known.tags)),
        notes="\n\n".join(note.text for note in known.notes),
        record=encode_json(run),
        kept={name: path for file, name in KEPT if _is_file(path := store.folder(run.id) / file)},
        outputs=written,
        said=tuple(said),
    )


def times(run: Run) -> tuple[float, float]:
    """When the training began and ended; of one that never began, when it was asked for."""
    started = datetime.fromisoformat(run.started or run.created).timestamp()
    return started, max(datetime.fromisoformat(run.ended).timestamp() if run.ended else started, started)


def state(run: Run) -> str:
    """In one word how it ended."""
    if run.exit is None or run.exit.signal:
        return KILLED
    return FINISHED if run.exit.code == 0 else FAILED


def facts(run: Run) -> Iterator[tuple[str, str]]:
    """What identifies a run, and what it was made of."""
    platform, git = run.platform, run.code.git
    known = (
        ("run", run.id),
        ("command", command_line(run)),
        ("outcome", outcome(run)),
        ("code", run.code.identity),
        ("lock", platform.lock),
        ("image", platform.image),
        ("image.reference", platform.reference),
        ("base", platform.base),
        ("python", platform.python),
        ("git.commit", git.commit if git else None),
        ("git.dirty", None if git is None or git.dirty is None else str(git.dirty).lower()),
        ("rerun", run.rerun),
        ("version", __version__),
    )
    yield from ((key, value) for key, value in known if value)


def _series(store: Store, run: Run, said: list[str]) -> Iterator[tuple[str, tuple[Point, ...]]]:
    """Every metric: its curve where the file with it is there, else its last value."""
    curves, missing = results.curves(store.folder(run.id) / "outputs", run, most=len(run.metrics))
    if missing:
        said.append(f"of {count(missing, 'metric')} only the last value is told: the file with the curve is not there")
    span = times(run)
    clocks = moments.clocks(store.folder(run.id) / "outputs", run, curves, span)
    for metric in run.metrics:
        if metric.name in clocks.own:
            continue
        curve = curves.get(metric.name) or ((float(metric.points - 1), float(metric.value)),)
        points, are_steps = moments.points(curve, clocks.of.get(metric.name), span[1])
        if not are_steps:
            said.append(f"the steps of `{shown(metric.name)}` are no whole numbers: points are counted instead")
        yield metric.name, points


def _outputs(store: Store, run: Run, said: list[str]) -> Iterator[tuple[str, Path]]:
    folder = store.folder(run.id) / "outputs"
    for output in run.outputs:
        if problem := _unfit(folder, output):
            said.append(f"output `{shown(output.path)}` is left out: {problem}")
        else:
            yield output.path, folder / from_text(output.path)


def _unfit(folder: Path, output: Output) -> str | None:
    if output.sha256 is None:
        return "a link has no bytes of its own"
    if from_text(output.path) != output.path:
        return "its name is no UTF-8"
    try:
        opened(folder, output).close()
    except IncomparableError as problem:
        return str(problem)
    return None


def _labels(store: Store, run_id: str) -> Labels:
    with suppress(StoreError, OSError):
        return labels.every(store).get(run_id, labels.NONE)
    return labels.NONE


def _changed(whole: Mapping[str, str], told: Mapping[str, str]) -> int:
    return sum(told[name] != value for name, value in whole.items())


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
