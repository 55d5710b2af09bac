"""What completes the value of an option or an argument; the shell asks at each Tab. Nothing here writes, or fails."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from snapshot.lock.document import Lock
    from snapshot.record.store import Store
    from snapshot.record.summary import Summary

Items = list["CompletionItem[str]"]
GPUS = {"all": "all GPUs of this host", "1": "the first", "device=": "some, by index or UUID"}
NETWORKS = {"none": "no network", "bridge": "docker's own", "host": "that of this host"}
_WIDEST = 70
"""Letters that are said of a run."""


def files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Files, as the shell completes them."""
    return [CompletionItem(incomplete, type="file")]


def runs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """`latest`, tags, names, and IDs, the newest first; each with what that run is."""
    from snapshot.record import glance

    store = _store()
    found = [("latest", run) for run in glance.latest(store) if "latest".startswith(incomplete)]
    found += glance.named(store, incomplete).items()
    found += ((run.id, run) for run in glance.newest(store, incomplete))
    return [CompletionItem(name, help=_about(run)) for name, run in found]


def outputs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """RUN, and after a colon the outputs of it, folder by folder."""
    from snapshot.errors import SnapshotError
    from snapshot.record import glance
    from snapshot.record.store import NO_NAME

    name, colon, path = incomplete.partition(":")
    if not colon:
        return runs(ctx, parameter, incomplete)
    with suppress(SnapshotError, KeyError):
        store = _store()
        # Of a name, `find` would bring the index up to date, which takes its time and is written.
        run_id = store.find(name) if NO_NAME.fullmatch(name) else glance.named(store, name)[name].id
        written = store.read(run_id).outputs
        return [CompletionItem(f"{name}:{part}") for part in _next((output.path for output in written), path)]
    return []


def outputs_of_newest(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Outputs of the newest runs; those that are named before, click does not tell while an option lacks its value."""
    from snapshot.errors import SnapshotError

    found: dict[str, None] = {}
    store = _store()
    for run_id in store.ids()[-3:]:
        with suppress(SnapshotError):
            found |= dict.fromkeys(output.path for output in store.read(run_id).outputs)
    return [CompletionItem(path) for path in _next(found, incomplete)]


def tags(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The tags that there are, which can be moved."""
    from snapshot.record import labels

    return _fitting(incomplete, {tag: run for run, own in labels.tags(_store()).items() for tag in own})


def metrics(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The metrics of the newest runs."""
    from snapshot.record import glance

    return _fitting(
        incomplete, {name: f"{value}" for run in glance.newest(_store()) for name, value in run.metrics.items()}
    )


def keys(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """What runs are listed by: own keys, metrics, parameters; also the last of several."""
    from snapshot.record import glance
    from snapshot.report.select import Row, known

    before, comma, _ = incomplete.rpartition(",")
    found = known(map(Row, glance.newest(_store())))
    return _fitting(incomplete, {f"{before}{comma}{key}": "" for key in found})


def packages(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The packages of the lock."""
    lock = _lock()
    return _fitting(incomplete, {package.name: package.version for package in lock.packages} if lock else {})


def variables(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The variables of the caller's environment."""
    return _fitting(incomplete, dict.fromkeys(sorted(os.environ), ""))


def gpus(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """How GPUs are asked for."""
    return _fitting(incomplete, GPUS)


def networks(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The networks that every engine has."""
    return _fitting(incomplete, NETWORKS)


def script(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Files, also behind the script; with `-m` first the modules below the working directory."""
    if ctx.params.get("module") and not ctx.params.get("argv"):
        return _fitting(incomplete, dict.fromkeys(_modules(incomplete), ""))
    return files(ctx, parameter, incomplete)


def _modules(incomplete: str) -> list[str]:
    package, dot, _ = incomplete.rpartition(".")
    folder = Path(*package.split(".")) if package else Path()
    with suppress(OSError):
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        scripts = [entry.name.removesuffix(".py") for entry in entries if entry.name.endswith(".py")]
        folders = [f"{entry.name}." for entry in entries if entry.is_dir() and any(Path(entry.path).glob("*.py"))]
        return [f"{package}{dot}{name}" for name in (*scripts, *folders) if name.rstrip(".").isidentifier()]
    return []


def _next(paths: Iterable[str], typed: str) -> list[str]:
    """The files, and the folders with a slash, that are next after `typed`."""
    start = typed.rpartition("/")[0]
    below = len(start) + 1 if start else 0
    found = (path[: path.find("/", below) + 1] or path for path in paths if path.startswith(typed))
    return sorted(dict.fromkeys(found))


def _fitting(incomplete: str, found: Mapping[str, str]) -> Items:
    return [CompletionItem(name, help=said or None) for name, said in found.items() if name.startswith(incomplete)]


def _about(run: Summary) -> str:
    from datetime import UTC, datetime

    from snapshot.report.text import ago, clip, command_line, outcome

    said = [*([run.name] if run.name else []), outcome(run), ago(run.created, datetime.now(UTC)), command_line(run)]
    return clip(", ".join(said), _WIDEST)


def _store() -> Store:
    """The runs of the project; not `Place.store`, which finishes those that lost their `snap`.

    Raises StoreError for a store of another version.
    """
    from snapshot.cli.place import Place
    from snapshot.record.store import Store

    store = Store(Place.here().root)
    store.exists()
    return store


def _lock() -> Lock | None:
    from snapshot.cli.place import Place
    from snapshot.lock import document

    return document.read(Place.here().root / document.FILE_NAME)
