"""The end of a run: its state, log and outputs become the final record.

Every step can be done again: a `snap` that dies here is followed by the next one, which starts over. The container
is removed only after the record is final, so nothing that the engine knows is lost before.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path

import msgspec

from snapshot.errors import EngineError, SnapshotError
from snapshot.host import machine, nvml
from snapshot.host.container import Container, Mount, run_tool
from snapshot.host.engine import Engine, State
from snapshot.host.files import disk_errors
from snapshot.image.dockerfile import LOCK_LABEL
from snapshot.project.names import from_text
from snapshot.record.code import trees
from snapshot.record.document import Data, Exit, Host, Run
from snapshot.record.store import Store
from snapshot.record.sums import write_sums
from snapshot.record.usage import Usage
from snapshot.run import workspace
from snapshot.run.hashing import Hashing
from snapshot.run.outside import is_inside

_MISSED = 255
"""What Docker says a container ended with when it was not there to see it (moby `daemon/monitor.go`)."""


def unseen(log: Path) -> AbstractContextManager[None]:
    """Shows nothing."""
    return nullcontext()


def finish(
    store: Store,
    run: Run,
    engine: Engine,
    *,
    hashing: Hashing,
    usage: Usage | None = None,
    was_abandoned: bool = False,
    ending: Callable[[Path], AbstractContextManager[None]] = unseen,
) -> Run:
    """Make the record of `run` final; its container has ended, or is gone. `ending` is as in `training.train`.

    Raises HostError (full disk) and EngineError (no engine) with the run left as it is, to be finished later.
    """
    state = engine.container(run.container)
    if state is None or not state.has_started:
        return _never_ran(store, run, engine, state, hashing)
    if not state.is_over:
        raise EngineError(f"the training of run {run.id} still goes on", hint=f"see `snap logs -f {run.id}`")
    save_log(store, run, engine)
    run = _completed(run, state, engine)
    missed = was_abandoned and state.exit_code == _MISSED
    end = (
        Exit(code=None, error="the engine was stopped while it ran: how it ended is not known")
        if missed
        else _exit(state)
    )
    ended = None if missed else time_of(state.finished)
    run = msgspec.structs.replace(run, started=time_of(state.started), ended=ended, exit=end)
    with ending(store.folder(run.id) / "log"):
        final = _conclude(store, run, engine, hashing, usage, write_back=run.write_back)
        trees.prune(store.path, lambda: [store.read(i).code.digest for i in store.unfinished() if store.has_record(i)])
    return final


def _conclude(
    store: Store, run: Run, engine: Engine, hashing: Hashing, usage: Usage | None, *, write_back: bool
) -> Run:
    """Keep what it wrote, write the final record of a run that is known to be over, and clear up."""
    # Imported while the training runs, or by a later command: no launch waits for it.
    from snapshot.record.index import Index
    from snapshot.record.share import share
    from snapshot.run.conclusion import concluded

    folders = [from_text(data.path) for data in folders_of(run)]
    written = list(workspace.collect(store.folder(run.id), folders))
    with store.lock_shared(), closing(Index(store)) as index:  # until the record names the manifests of its data
        index.refresh()
        final = concluded(store, run, hashing, usage, written, index, write_back=write_back)
        store.write(final)
        share(store, index, final)
    _clear_up(store, final, engine, hashing, written)
    return final


def _clear_up(
    store: Store, final: Run, engine: Engine, hashing: Hashing, written: Iterable[workspace.Written] = ()
) -> None:
    """What is left to do when the record is final; can be done again."""
    from snapshot.run import data, determinism, observed, trace

    folder = store.folder(final.id)
    workspace.drop_marks(written)
    write_sums(folder)
    clear(final, engine)
    with data.unlinking(final, lambda: hashing.identifier(store)):
        _discard(folder, final, engine)
    data.discard(folder)
    observed.discard(folder)
    trace.discard(folder)
    determinism.discard(folder)


def _completed(run: Run, state: State, engine: Engine) -> Run:
    """With what a `snap` that died early had not written down yet, and a note if the image was not the lock's."""
    notes = run.notes
    if state.labels.get(LOCK_LABEL) != run.platform.lock:
        notes = (*notes, f"the image `{run.platform.reference}` does not say that it is of this run's lock")
    platform = msgspec.structs.replace(run.platform, image=state.image)
    host = run.host or host_of(engine, nvml.probe() if run.gpus and run.gpus.devices else None)
    return msgspec.structs.replace(run, platform=platform, host=host, notes=notes)


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


def folders_of(run: Run) -> list[Data]:
    """The data folders inside the project, in the order of their overlays."""
    return [data for data in run.data if data.kind == "folder" and is_inside(data)]


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


def _never_ran(store: Store, run: Run, engine: Engine, state: State | None, hashing: Hashing) -> Run:
    """The container never started, or is gone and nobody knows how it ended."""
    if state is None and run.status == "running":
        end = Exit(code=None, error="the container was removed before its end was recorded")
        run = msgspec.structs.replace(run, exit=end, started=None)
        return _conclude(store, run, engine, hashing, None, write_back=False)
    from snapshot.run.conclusion import with_gpus

    error = (state.error if state else "") or "it was interrupted before its container started"
    run, usage = with_gpus(store.folder(run.id), run, None)
    final = msgspec.structs.replace(run, status="failed", exit=Exit(code=None, error=error), usage=usage, started=None)
    store.write(final)
    _clear_up(store, final, engine, hashing)
    return final


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


def recover(store: Store, engine: Engine, hashing: Hashing) -> list[tuple[str, str | None]]:
    """Finish the runs whose `snap` died; returns their IDs, with what went wrong where it could not be done yet.

    A run that still goes on is left alone. Costs one listing of a folder when there is nothing to do.
    """
    done: list[tuple[str, str | None]] = []
    for run_id, claim in store.abandoned():
        with claim:
            try:
                over, run = _recover(store, engine, run_id, hashing)
            except (SnapshotError, OSError) as problem:
                # One run that can't be finished must not keep the others, or any command, from working.
                done.append((run_id, str(problem)))
                continue
            if over:
                claim.finished()
            if run is not None:
                done.append((run.id, None))
    return done


def _recover(store: Store, engine: Engine, run_id: str, hashing: Hashing) -> tuple[bool, Run | None]:
    """Whether there is nothing left to look after, and the run if its record was finished now."""
    if not store.has_record(run_id):
        store.remove(run_id)
        return True, None
    run = store.read(run_id)
    if run.status in ("finished", "failed"):
        # Killed between the final record and the removal of the container.
        _clear_up(store, run, engine, hashing)
        return True, None
    state = engine.container(run.container)
    if state is not None and state.has_started and not state.is_over:
        return False, None
    noted = msgspec.structs.replace(run, notes=(*run.notes, "its `snap run` died; a later command finished the record"))
    return True, finish(store, noted, engine, hashing=hashing, was_abandoned=True)


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
