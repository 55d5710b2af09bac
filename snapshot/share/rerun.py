"""A run once more, from its record alone: the same code, data, arguments, environment and platform.

What is verified first is that the data are what they were. A run that was taken in from elsewhere is somebody else's:
it gets no network and no folder of this host, unless these are given.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from snapshot.document import Value
from snapshot.errors import DifferentError, IntegrityError, StoreError, UsageError
from snapshot.lock import document as lock_document
from snapshot.lock.document import Lock
from snapshot.project.config import Configuration
from snapshot.project.names import display, from_text, to_text
from snapshot.record import labels
from snapshot.record.data import history
from snapshot.record.data.history import Identify
from snapshot.record.data.identity import METHODS
from snapshot.record.document import Data, Determinism, Request, Run, Trial
from snapshot.record.store import Store
from snapshot.run import draft as drafting
from snapshot.run import outside
from snapshot.run.command import recorded, understand
from snapshot.run.draft import Draft, Options, Project
from snapshot.run.taken import Source
from snapshot.share import bundle

_SHOWN = 5

Locked = tuple[Lock, bytes]
"""A lock, and the bytes of its file."""


class Wanted(Value, kw_only=True, frozen=True):
    """What is to be otherwise than it was."""

    data: Mapping[str, Path]
    """Name of data → where they lie now; a name is the path in the record, where the run saw them, or its last part."""
    allow_different_data: bool = False
    network: str | None = None
    gpus: str | None = None
    """`none` for no GPUs; None for what the run had."""
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    """In place of what the run had under these names."""
    determinism: Determinism | None = None
    """None for what the run had."""
    note: str | None = None
    """For whoever reads the record of the rerun."""
    trial: Trial | None = None


def is_foreign(store: Store, run: Run) -> bool:
    """Whether the run was made elsewhere, so that nothing of it is trusted."""
    return labels.of(store, run.id).origin is not None


def lock_of(store: Store, run: Run) -> Locked:
    """The lock of the run. Raises StoreError when it is not there, or is another one."""
    path = store.folder(run.id) / lock_document.FILE_NAME
    lock = lock_document.read(path)
    if lock is None or lock.digest != run.platform.lock:
        raise StoreError(f"run `{run.id}` has lost its lock", hint="see `snap fsck`")
    return lock, path.read_bytes()


def request_of(run: Run, wanted: Wanted, *, foreign: bool) -> Request:
    """What is asked of the engine."""
    network = wanted.network or ("none" if foreign else run.request.network)
    gpus = run.request.gpus if wanted.gpus is None else None if wanted.gpus == "none" else wanted.gpus
    environment = {**run.request.environment, **wanted.environment}
    return msgspec.structs.replace(run.request, environment=environment, network=network, gpus=gpus)


def determinism_of(run: Run, wanted: Wanted) -> Determinism | None:
    """What is wanted, else what `run` was asked for, with the variables as they were on its machine."""
    asked = wanted.determinism or run.determinism
    return msgspec.structs.replace(asked, frameworks=(), warnings=()) if asked else None


def draft(store: Store, run: Run, locked: Locked, options: Options, wanted: Wanted, identify: Identify) -> Draft:
    """What is run, on the platform of a lock; `identify` says what data are now.

    Raises UsageError for data that are not there, DifferentError for data that are not what they were, StoreError for
    what the store has lost.
    """
    if run.command.kind not in ("script", "module", "command") or not run.command.argv:
        raise StoreError(f"the record of run `{run.id}` has no command", hint="see `snap fsck`")
    lock, lock_file = locked
    foreign = is_foreign(store, run)
    data = tuple(_data(store, run, wanted.data, foreign=foreign))
    said = [wanted.note] if wanted.note else []
    notes = (*said, *_checked(store, data, identify, allow=wanted.allow_different_data))
    return Draft(
        invocation=recorded(run.command),
        options=options,
        root=store.project,
        also_at=_also_at(run),
        lock=lock,
        lock_file=lock_file,
        code=msgspec.structs.replace(run.code, edits=(), leftovers=(), own=None),
        data=tuple(_unidentified(one) for one in data),
        sources=tuple(_sources(store, run)),
        seen=None,
        identify=next((METHODS[one.identified] for one in data if one.identified in METHODS), "content"),
        notes=notes,
        rerun=run.id,
    )


def edited(store: Store, run: Run, locked: Locked, options: Options, config: Configuration, wanted: Wanted) -> Draft:
    """The code of the project as it is now, with the command, the inputs and the lock of `run`.

    Raises UsageError for what is not there any more, StoreError for what the store has lost.
    """
    command, root = run.command, store.project
    cwd = root / from_text(command.directory)
    invocation = understand(
        command.argv, module=command.kind == "module", verbatim=command.kind == "command", root=root, cwd=cwd
    )
    lock, lock_file = locked
    project = Project(root=root, cwd=cwd, config=config, lock=lock, lock_file=lock_file)
    earlier = tuple(f"{t.run}:{from_text(t.path)}={from_text(t.target)}" for t in run.taken)
    drafted = drafting.draft(store, project, invocation, msgspec.structs.replace(options, earlier=earlier))
    # What the project itself leads to is found in it; what was named beside it is in the record alone.
    named = {_named(run, name).path for name in wanted.data}
    chosen = tuple(data for data in run.data if data.reason == "option" or data.path in named)
    inputs = _data(store, msgspec.structs.replace(run, data=chosen), wanted.data, foreign=is_foreign(store, run))
    data = {one.path: one for one in drafted.data} | {one.path: _unidentified(one) for one in inputs}
    return msgspec.structs.replace(drafted, data=tuple(data.values()), rerun=run.id)


def _unidentified(data: Data) -> Data:
    """What the data were is not what they are: that is found out while it runs, as of every run."""
    return msgspec.structs.replace(data, digest=None, files=None, bytes=None, identified=None)


def _also_at(run: Run) -> str | None:
    """Where the project was, when an argument says so."""
    project = from_text(run.project)
    if project == "/" or not outside.needs_project_path(run.command.argv, Path(project)):
        return None
    return _place(run, project)


def _place(run: Run, target: str) -> str:
    """`target`, unless a mount there would hide the image's own files."""
    if os.path.normpath(target) != target or not target.startswith("/") or outside.hides_platform(target):
        raise StoreError(
            f"the record of run `{run.id}` has a folder of the host at `{display(target)}`, over the platform",
            hint="it was not made by `snap`: don't use it",
        )
    return target


def _sources(store: Store, run: Run) -> Iterator[Source]:
    for taken in run.taken:
        yield Source(bundle.taken_file(store, run, taken), taken, 0o644)


def _data(store: Store, run: Run, places: Mapping[str, Path], *, foreign: bool) -> Iterator[Data]:
    """The data of the run with what is known of them, each where it lies now."""
    given = {_named(run, name).path: place for name, place in places.items()}
    for data in run.data:
        data = msgspec.structs.replace(data, edits=())
        if not outside.is_inside(data):
            _place(run, from_text(data.target))
        shown = display(from_text(data.path))
        if data.path in given:
            yield _moved(data, given[data.path])
        elif (kept := bundle.kept_data(store, run, data)) is not None:
            yield _moved(data, kept)
        elif foreign and (data.at or not outside.is_inside(data)):
            raise UsageError(
                f"run `{run.id}` was made elsewhere and had data outside its project: `{shown}`",
                hint=f"say where they are here: `--data {shown}=/path/to/them`",
            )
        elif not (place := data.place(store.project)).exists():
            raise UsageError(
                f"the data `{shown}` of run `{run.id}` are not at `{display(str(place))}`",
                hint=f"say where they are: `--data {shown}=/path/to/them`",
            )
        else:
            yield data


def _named(run: Run, name: str) -> Data:
    """The data that `name` means."""
    wanted = to_text(name.rstrip("/"))
    exact = [data for data in run.data if wanted in (data.path, data.target)]
    last = [data for data in run.data if wanted == PurePosixPath(data.path).name]
    for found in (exact, last):
        if len(found) == 1:
            return found[0]
    known = ", ".join(f"`{display(from_text(data.path))}`" for data in run.data)
    raise UsageError(
        f"run `{run.id}` had no data `{display(name)}`", hint=f"it had {known}" if known else "leave out `--data`"
    )


def _moved(data: Data, place: Path) -> Data:
    if not place.exists():
        raise UsageError(f"`{display(str(place))}` of `--data` does not exist", hint="check the path")
    if place.is_dir() != (data.kind == "folder"):
        raise UsageError(
            f"`{display(str(place))}` of `--data` is no {data.kind}, as the run had",
            hint=f"name the {data.kind} that takes the place of `{display(from_text(data.path))}`",
        )
    return msgspec.structs.replace(data, at=to_text(str(place)))


def _checked(store: Store, data: tuple[Data, ...], identify: Identify, *, allow: bool) -> Iterator[str]:
    """Notes on data that can't be compared, or differ where that is allowed; else what differs is an error."""
    different = []
    for one in data:
        name = display(from_text(one.path))
        if one.digest is None:
            yield f"the data `{name}` were not identified when the run was made: they may be others now"
            continue
        status = history.verify(store, one, identify)
        if not status.same:
            different.append(f"the data `{name}` are not what the run had: {_edited(status)}")
    if different and not allow:
        raise DifferentError(
            "; ".join(different),
            hint="bring back those of the run (`--data NAME=PATH` if they lie elsewhere), or go on with these: "
            "`--allow-different-data`",
        )
    yield from different


def _edited(status: history.Status) -> str:
    """Which files, and how."""
    files = [f"`{display(from_text(edit.path))}` {edit.change}" for edit in status.edits if edit.path]
    if not files:
        return "gone" if status.now is None else f"{status.now} instead of {status.before}"
    more = f", and {len(files) - _SHOWN:,} more" if len(files) > _SHOWN else ""
    return ", ".join(files[:_SHOWN]) + more


def check_image(run: Run, image: str, store: str) -> None:
    """Raise IntegrityError unless the image, by its ID, is the run's; `store` is the engine's (`docker info`'s driver).

    IDs are digests of the configuration in one kind of store, of the manifest in the other: those of unlike stores say
    nothing about each other, and the lock that the image was built of has to do.
    """
    if run.host is None or not run.platform.image or run.host.gives_other_ids(store):
        return
    if image != run.platform.image:
        raise IntegrityError(
            f"the image of this run's lock is `{image}` on this engine, and the run had `{run.platform.image}`",
            hint="remove it with `docker image rm`, and the next `snap rerun` makes it again",
        )
