"""The end of a run: its state, log and outputs become the final record.

Every step can be done again: a `snap` that dies here is followed by the next one, which starts over. The container
is removed only after the record is final, so nothing that the engine knows is lost before.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from snapshot.document import Document, decode_json, encode_json
from snapshot.errors import EngineError, SnapshotError
from snapshot.host import machine, nvml
from snapshot.host.container import Container, Mount, run_tool
from snapshot.host.engine import Engine, State
from snapshot.host.files import disk_errors, write_atomic
from snapshot.image.dockerfile import LOCK_LABEL
from snapshot.project.names import from_text
from snapshot.record.code import snapshots, trees
from snapshot.record.document import Data, Exit, Host, Run, Usage
from snapshot.record.store import Store
from snapshot.run import workspace
from snapshot.run.capture import AtLaunch, Captured, capture

_MISSED = 255
"""What Docker says a container ended with when it was not there to see it (moby `daemon/monitor.go`)."""


def finish(store: Store, run: Run, engine: Engine, *, usage: Usage | None = None, was_abandoned: bool = False) -> Run:
    """Make the record of `run` final; its container has ended, or is gone.

    Raises HostError (full disk) and EngineError (no engine) with the run left as it is, to be finished later.
    """
    state = engine.container(run.container)
    if state is None or not state.has_started:
        return _never_ran(store, run, engine, state)
    if not state.is_over:
        raise EngineError(f"the training of run {run.id} still goes on", hint=f"see `snap logs -f {run.id}`")
    save_log(store, run, engine)
    folder = store.folder(run.id)
    data_folders = folders_of(run)
    written = list(workspace.collect(folder, data_folders))
    found = _captured(store, run, written, write_back=run.write_back)
    run = _completed(run, state, engine)
    missed = was_abandoned and state.exit_code == _MISSED
    end = (
        Exit(code=None, error="the engine was stopped while it ran: how it ended is not known")
        if missed
        else _exit(state)
    )
    ended = None if missed else time_of(state.finished)
    run, usage = _with_gpus(folder, run, usage)
    final = _final(run, end, found, usage, started=time_of(state.started), ended=ended)
    store.write(final)
    workspace.drop_marks(written)
    clear(run, engine)
    _discard(folder, run, engine)
    trees.prune(store.path, lambda: [store.read(i).code.digest for i in store.unfinished() if store.has_record(i)])
    return final


def _completed(run: Run, state: State, engine: Engine) -> Run:
    """With what a `snap` that died early had not written down yet, and a note if the image was not the lock's."""
    notes = run.notes
    if state.labels.get(LOCK_LABEL) != run.platform.lock:
        notes = (*notes, f"the image `{run.platform.reference}` does not say that it is of this run's lock")
    platform = msgspec.structs.replace(run.platform, image=state.image)
    host = run.host or host_of(engine, nvml.probe() if run.gpus and run.gpus.devices else None)
    return msgspec.structs.replace(run, platform=platform, host=host, notes=notes)


def _with_gpus(folder: Path, run: Run, usage: Usage | None) -> tuple[Run, Usage | None]:
    """With what the table of its GPUs says, which is there though its `snap` died."""
    if run.gpus is None:
        return run, usage
    from snapshot.run import devices

    found = devices.summary(folder / devices.TABLE)
    if not found:
        return run, usage
    usage = msgspec.structs.replace(usage or Usage(peak_memory=None, cpu_seconds=None), gpus=found)
    return msgspec.structs.replace(run, notes=(*run.notes, *devices.notes(found))), usage


def host_of(engine: Engine, gpus: nvml.Gpus | None) -> Host:
    """The machine and the engine; `gpus` is what its driver says, asked only for a run that has some."""
    info = engine.info()
    return Host(
        machine=machine.probe(),
        engine=info["ServerVersion"],
        store=info["Driver"],
        gpus=gpus,
        user=f"{os.getuid()}:{os.getgid()}",
    )


def folders_of(run: Run) -> list[str]:
    """The data folders inside the project, in the order of their overlays."""
    return [from_text(d.path) for d in run.data if d.kind == "folder" and is_inside(d)]


def is_inside(data: Data) -> bool:
    """Whether the data lie in the project, not outside and bound read-only."""
    return data.reason in ("ignored", "large", "declared") and not data.path.startswith("/")


def clear(run: Run, engine: Engine) -> None:
    """Remove the container and its volumes."""
    engine.remove(run.container)
    engine.remove_volume(run.container)
    for number in range(len(folders_of(run))):
        engine.remove_volume(f"{run.container}-{number}")


def _discard(folder: Path, run: Run, engine: Engine) -> None:
    """Remove what only the overlay needed; where the kernel left something of root's in it, the engine has to help."""
    if workspace.discard(folder):
        return
    mount = Mount(source=str(folder / "overlay"), target="/overlay")
    command = ("sh", "-c", "rm -rf /overlay/*")
    image = run.platform.image or run.platform.reference
    run_tool(Container(image=image, command=command, user="0:0", network="none", mounts=(mount,), remove=True))
    workspace.discard(folder)


def save_log(store: Store, run: Run, engine: Engine) -> None:
    """Keep what the engine logged of the run."""
    path = store.folder(run.id) / "log"
    temporary = path.with_name(".log")
    with disk_errors(path):
        with temporary.open("wb") as file:
            for chunk in engine.logs(run.container):
                file.write(chunk)
        temporary.replace(path)


class Launch(Document, kw_only=True, frozen=True):
    """The document `launch.json`: what of the launch neither the record nor the code's manifest says."""

    moment: int
    """As in `AtLaunch`."""
    data_files: dict[str, tuple[int, int]]


def save_launch(folder: Path, launch: Launch) -> None:
    """Keep it for whoever finishes the run."""
    write_atomic(folder / "launch.json", encode_json(launch), durable=False)


def _captured(store: Store, run: Run, written: list[workspace.Written], *, write_back: bool) -> Captured:
    if not written:
        return Captured()
    path = store.folder(run.id) / "launch.json"
    launch = decode_json(path.read_bytes(), Launch, where=path.name)
    at = AtLaunch(
        contents=snapshots.contents(store.path, run.code.digest),
        moment=launch.moment,
        data_files={from_text(name): status for name, status in launch.data_files.items()},
    )
    others = _left_by_others(store, run)
    return capture(
        written, project=store.project, launch=at, run_id=run.id, write_back=write_back, from_other_run=others
    )


def _never_ran(store: Store, run: Run, engine: Engine, state: State | None) -> Run:
    """The container never started, or is gone and nobody knows how it ended."""
    folder = store.folder(run.id)
    if state is None and run.status == "running":
        error, status = "the container was removed before its end was recorded", "finished"
        written = list(workspace.collect(folder, folders_of(run)))
        found = _captured(store, run, written, write_back=False)
    else:
        error = (state.error if state else "") or "it was interrupted before its container started"
        status, written, found = "failed", [], Captured()
    run, usage = _with_gpus(folder, run, None)
    final = _final(run, Exit(code=None, error=error), found, usage, started=None, ended=None)
    final = msgspec.structs.replace(final, status=status)
    store.write(final)
    workspace.drop_marks(written)
    clear(run, engine)
    _discard(folder, run, engine)
    return final


def _final(run: Run, end: Exit, found: Captured, usage: Usage | None, *, started: str | None, ended: str | None) -> Run:
    return msgspec.structs.replace(
        run,
        status="finished",
        exit=end,
        started=started,
        ended=ended,
        outputs=tuple(sorted(found.outputs, key=lambda o: o.path)),
        deleted=tuple(found.deleted),
        usage=usage,
        notes=(*run.notes, *found.notes),
    )


def _exit(state: State) -> Exit:
    name = None
    if state.exit_code > 128:
        with suppress(ValueError):
            name = signal.Signals(state.exit_code - 128).name
    return Exit(code=state.exit_code, signal=name, out_of_memory=state.oom_killed, error=state.error or None)


def time_of(text: str) -> str:
    """The engine's nanosecond time stamps as RFC 3339 that Python reads: microseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return f"{whole}.{fraction[:6].ljust(6, '0')}Z"


def _left_by_others(store: Store, run: Run) -> Callable[[str, str], bool]:
    """Tells whether a run that ended since this one was asked wrote given bytes to a path, and has them kept.

    The records are read when the first conflict asks.
    """

    @functools.cache
    def known() -> frozenset[tuple[str, str | None]]:
        others = (other for other in store.all() if other.id != run.id and (other.ended or "") >= run.created)
        return frozenset(
            (o.path, o.sha256 or o.link) for other in others for o in other.outputs if o.kept_because is None
        )

    return lambda path, content: (path, content) in known()


def recover(store: Store, engine: Engine) -> list[tuple[str, str | None]]:
    """Finish the runs whose `snap` died; returns their IDs, with what went wrong where it could not be done yet.

    A run that still goes on is left alone. Costs one listing of a folder when there is nothing to do.
    """
    done: list[tuple[str, str | None]] = []
    for run_id, claim in store.abandoned():
        with claim:
            try:
                over, run = _recover(store, engine, run_id)
            except (SnapshotError, OSError) as problem:
                # One run that can't be finished must not keep the others, or any command, from working.
                done.append((run_id, str(problem)))
                continue
            if over:
                claim.finished()
            if run is not None:
                done.append((run.id, None))
    return done


def _recover(store: Store, engine: Engine, run_id: str) -> tuple[bool, Run | None]:
    """Whether there is nothing left to look after, and the run if its record was finished now."""
    if not store.has_record(run_id):
        store.remove(run_id)
        return True, None
    run = store.read(run_id)
    if run.status in ("finished", "failed"):
        # Killed between the final record and the removal of the container.
        clear(run, engine)
        _discard(store.folder(run.id), run, engine)
        return True, None
    state = engine.container(run.container)
    if state is not None and state.has_started and not state.is_over:
        return False, None
    noted = msgspec.structs.replace(run, notes=(*run.notes, "its `snap run` died; a later command finished the record"))
    return True, finish(store, noted, engine, was_abandoned=True)


def wait_until_finished(store: Store, run_id: str, *, seconds: float = 60) -> None:
    """Return when nobody looks after the run any more, or after `seconds`."""
    import time

    deadline = time.monotonic() + seconds
    while run_id in store.unfinished() and time.monotonic() < deadline:
        for abandoned, claim in store.abandoned():
            with claim:
                if abandoned == run_id:
                    return
        time.sleep(0.05)
