"""One run from its launch to its final record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING

import msgspec

from snapshot.errors import EngineError, SnapshotError
from snapshot.host.container import Container, ImageMissingError
from snapshot.host.engine import Engine, State
from snapshot.host.files import make_dirs, write_atomic
from snapshot.lock.document import FILE_NAME
from snapshot.project import git
from snapshot.project.names import to_text
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.record.usage import Usage
from snapshot.run import draft, finish, launched, workspace
from snapshot.run.draft import Draft
from snapshot.run.hashing import Hashing
from snapshot.run.launch import launch

if TYPE_CHECKING:
    from pathlib import Path

    from snapshot.run.data import Watch
    from snapshot.run.devices import Sampler
    from snapshot.run.preflight import Grant
    from snapshot.run.signals import Signals


def train(
    store: Store,
    drafting: Callable[[], Draft],
    engine: Engine,
    *,
    build: Callable[[], None],
    environment: Mapping[str, str],
    warn: Callable[[str], None],
    hashing: Hashing,
    ending: Callable[[Path], AbstractContextManager[None]] = finish.unseen,
    signals: Signals | None = None,
) -> Run:
    """Run the training that `drafting` prepares, and return its final record.

    `build` makes the image when the engine turns out not to have it. `environment` is the caller's, of which the
    run gets the terminal's kind alone. `ending` is entered with the log when the training is over, and left when all
    that it wrote is kept. `signals` has whoever trains several at a time, each in a thread; without, the training goes
    on in the main thread, and takes them itself. Raises EngineError and HostError; the outputs are safe by then.
    """
    store.create()
    with ExitStack() as recording:
        # Until the record says what it needs of the store, nobody may tidy up there.
        recording.enter_context(store.lock_shared())
        moment = store.clock()
        drafted = drafting()
        run = draft.record(drafted)
        for text in drafted.warnings:
            warn(text)
        with store.claim(run.id) as claim:
            try:
                attempt = _Launched(store, run, drafted, engine, warn, hashing)
                container = attempt.prepare(moment, environment)
                store.write(run)
                recording.close()
                usage = attempt.go(container, keep=claim.descriptor, build=build, signals=signals)
            except SnapshotError:
                # It never ran: nothing of it stays. In doubt, and whatever else may be raised, the next command looks.
                if workspace.is_untouched(store.folder(run.id)):
                    _forget(store, run, engine)
                    claim.finished()
                raise
            try:
                final = finish.finish(store, attempt.so_far, engine, hashing=hashing, usage=usage, ending=ending)
            except SnapshotError as problem:
                outputs = store.folder(run.id) / "outputs"
                safe = f"the outputs are safe in `{outputs}`, and the next `snap` command finishes the record"
                problem.hint = f"{problem.hint}; {safe}" if problem.hint else safe
                raise
            claim.finished()
    return final


class _Launched:
    """The record of a run while its container starts and runs."""

    def __init__(
        self,
        store: Store,
        run: Run,
        drafted: Draft,
        engine: Engine,
        warn: Callable[[str], None],
        hashing: Hashing,
    ) -> None:
        self.store, self.run, self.drafted, self.engine = store, run, drafted, engine
        self.grant, self.warn = drafted.options.grant, warn
        self.folder = store.folder(run.id)
        self.sampler: Sampler | None = None
        self.timer: threading.Timer | None = None
        self.hashing = hashing
        self.watch: Watch | None = None

    def prepare(self, moment: int, environment: Mapping[str, str]) -> Container:
        """Make the run's folder, with what is needed to finish it should this process die."""
        drafted = self.drafted
        make_dirs(self.folder)
        before = draft.data_files(drafted.root, self.run)
        sizes = {to_text(path): (status.st_size, status.st_mtime_ns) for path, (_, status) in before.items()}
        launch = launched.Launch(moment=moment if drafted.seen else None, data_files=sizes)
        launched.save_launch(self.folder, launch)
        write_atomic(self.folder / FILE_NAME, drafted.lock_file, durable=False)
        container = draft.container(self.store, drafted, self.run, environment)
        if self.run.data:
            identifier = self.hashing.identifier(self.store, drafted.identify, background=True)
            from snapshot.run.data import Watch

            self.watch = Watch(self.run, self.folder, identifier, dict(before.values()))
        return container

    @property
    def so_far(self) -> Run:
        """The record with all that this process knows when the training is over."""
        if self.watch is None:
            return self.run
        notes = (*self.run.notes, *self.watch.notes())
        return msgspec.structs.replace(self.run, data=self.watch.told(), notes=notes)

    def go(
        self, container: Container, *, keep: int, build: Callable[[], None], signals: Signals | None
    ) -> Usage | None:
        """Run to the end, building the image first if the engine does not have it."""
        try:
            return self._launch(container, keep, signals)
        except ImageMissingError:
            build()
            return self._launch(container, keep, signals)

    def _launch(self, container: Container, keep: int, signals: Signals | None) -> Usage | None:
        try:
            return launch(
                container,
                self.engine,
                keep=(keep,),
                output=self.drafted.options.output,
                meanwhile=self._meanwhile,
                started=self._note_start,
                beside=self.watch.follow if self.watch else _nothing,
                signals=signals,
            )
        finally:
            if self.timer:
                self.timer.cancel()
            if self.sampler:
                self.sampler.stop()

    def _meanwhile(self) -> None:
        """Find out, while the engine works, what the run does not wait for."""
        from snapshot.run import conclusion  # noqa: F401 - what the end needs

        with suppress(EngineError):  # no engine: the launch itself will say so
            host = finish.host_of(self.engine, self.grant.host if self.grant else None)
            self.run = msgspec.structs.replace(self.run, host=host)
        asked = self.run.code.git
        if asked is not None and self.drafted.seen:
            asked = msgspec.structs.replace(asked, dirty=git.dirty(self.drafted.root))
        self.run = msgspec.structs.replace(self.run, code=msgspec.structs.replace(self.run.code, git=asked))

    def _note_start(self, state: State) -> None:
        if self.drafted.options.limit is not None:
            self.timer = threading.Timer(self.drafted.options.limit, self._end, [self.drafted.options.limit])
            self.timer.daemon = True
            self.timer.start()
        if self.grant:
            self._watch_gpus(self.grant, state)
        platform = msgspec.structs.replace(self.run.platform, image=state.image)
        self.run = msgspec.structs.replace(
            self.run, status="running", started=finish.time_of(state.started), platform=platform
        )
        self.store.write(self.run)

    def _end(self, limit: float) -> None:
        self.run = msgspec.structs.replace(self.run, notes=(*self.run.notes, f"{draft.ENDED} {limit:.0f} s"))
        with suppress(EngineError):
            self.engine.kill(self.run.container, "SIGKILL")

    def _watch_gpus(self, grant: Grant, state: State) -> None:
        """Begin to sample what they do, and say it when the container has fewer."""
        from snapshot.run import devices, usage

        known = {unit.label: unit.uuid for unit in grant.units if unit.uuid}
        if known and state.pid:
            table = self.folder / devices.TABLE
            self.sampler = devices.Sampler(table, known, pids=usage.processes(state.pid))
        # Only of an engine of this host is the process one that can be looked at.
        found = devices.nodes(state.pid) if grant.units and state.device_requests else None
        text = devices.missing(found if state.device_requests else (), len({u.device.index for u in grant.units}))
        if text:
            self.run = msgspec.structs.replace(self.run, notes=(*self.run.notes, text))
            self.warn(text)


def _nothing(over: Callable[[], bool]) -> None:
    """Beside a run without data."""


def _forget(store: Store, run: Run, engine: Engine) -> None:
    with suppress(EngineError):
        finish.clear(run, engine)
    store.remove(run.id)
