"""One run from its launch to its final record."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from snapshot.document import Value
from snapshot.errors import EngineError, SnapshotError
from snapshot.host import machine
from snapshot.host.container import Container, ImageMissingError, Mount
from snapshot.host.engine import Engine, State
from snapshot.host.files import make_dirs, write_atomic
from snapshot.image.dockerfile import image_reference
from snapshot.lock.document import FILE_NAME, Lock
from snapshot.project import git
from snapshot.project.config import Configuration
from snapshot.project.names import display, from_text, to_text
from snapshot.project.tree import Scan, scan
from snapshot.record.code import snapshots
from snapshot.record.code.trees import checkout
from snapshot.record.document import Code, Command, Data, Git, Given, Platform, Request, Run, Skipped, Usage
from snapshot.record.store import Store, container_of, new_id
from snapshot.run import finish, outside, workspace
from snapshot.run.command import Invocation
from snapshot.run.launch import launch

if TYPE_CHECKING:
    from snapshot.run.devices import Sampler
    from snapshot.run.preflight import Grant

LABEL = "org.snapshot-ml.run"


class Options(Value, kw_only=True, frozen=True):
    """What `snap run` was asked for, beside the command."""

    request: Request
    grant: Grant | None = None
    """How the run gets the GPUs that the request asks for."""
    name: str | None = None
    data: tuple[str, ...] = ()
    write_back: bool = True
    terminal: bool = False
    stdin: bool = False


class Project(Value, kw_only=True, frozen=True):
    """What is trained: a folder, its configuration, and the lock that was made for it."""

    root: Path
    cwd: Path
    config: Configuration
    lock: Lock


def train(
    project: Project,
    invocation: Invocation,
    options: Options,
    engine: Engine,
    *,
    build: Callable[[], None],
    environment: Mapping[str, str],
    warn: Callable[[str], None],
) -> Run:
    """Run the training and return its final record.

    `build` makes the image when the engine turns out not to have it. `environment` is the caller's, of which the
    run gets the terminal's kind alone. Raises EngineError and HostError; the outputs are safe by then.
    """
    store = Store(project.root)
    store.create()
    moment = store.clock()
    seen = _scan(project, invocation)
    snapshot = snapshots.take(store.path, project.root, seen)
    binds = _binds(project, invocation, options, seen)
    run = _record(project, invocation, options, seen, snapshot, binds)
    for text in _warnings(project, invocation, run):
        warn(text)
    with store.claim(run.id) as claim:
        try:
            _prepare(store, project, run, seen, moment)
            container = _container(store, project, invocation, options, run, snapshot, seen, binds, environment)
            launched = _Launched(store, run, project.root, engine, options.grant, warn)
            usage = launched.go(container, keep=claim.descriptor, build=build)
        except SnapshotError:
            # It never ran: nothing of it stays. In doubt, and whatever else may be raised, the next command looks.
            if workspace.is_untouched(store.folder(run.id)):
                _forget(store, run, engine)
                claim.finished()
            raise
        try:
            final = finish.finish(store, launched.run, engine, usage=usage)
        except SnapshotError as problem:
            outputs = store.folder(run.id) / "outputs"
            safe = f"the outputs are safe in `{outputs}`, and the next `snap` command finishes the record"
            problem.hint = f"{problem.hint}; {safe}" if problem.hint else safe
            raise
        claim.finished()
    return final


def _warnings(project: Project, invocation: Invocation, run: Run) -> Iterator[str]:
    """What she may not expect of this run."""
    for skipped in run.code.skipped:
        yield f"`{display(from_text(skipped.path))}` is not in the snapshot: {skipped.reason}"
    for path in project.config.data:
        if not (project.root / os.path.expanduser(path)).exists():
            yield f"`{path}`, which the configuration names as data, does not exist"
    for path in outside.lost(invocation.arguments, cwd=project.cwd, root=project.root):
        yield f"`{path}` lies outside the project: what the run writes there is lost; write into the project instead"


def _scan(project: Project, invocation: Invocation) -> Scan:
    """What is code and what is data; a file that git tracks is code though a pattern of `.gitignore` fits it."""
    look = functools.partial(
        scan,
        project.root,
        large_file=project.config.large_file_bytes,
        large_folder=project.config.large_folder_bytes,
        data=project.config.data,
    )
    always = [invocation.script] if invocation.script else []
    seen = look(always=always)
    if any(data.reason == "ignored" for data in seen.data) and (tracked := git.tracked_though_ignored(project.root)):
        seen = look(always=[*always, *tracked])
    return seen


class _Launched:
    """The record of a run while its container starts and runs."""

    def __init__(
        self, store: Store, run: Run, root: Path, engine: Engine, grant: Grant | None, warn: Callable[[str], None]
    ) -> None:
        self.store, self.run, self.root, self.engine = store, run, root, engine
        self.grant, self.warn = grant, warn
        self.sampler: Sampler | None = None

    def go(self, container: Container, *, keep: int, build: Callable[[], None]) -> Usage | None:
        """Run to the end, building the image first if the engine does not have it."""
        self.store.write(self.run)
        try:
            return self._launch(container, keep)
        except ImageMissingError:
            build()
            return self._launch(container, keep)

    def _launch(self, container: Container, keep: int) -> Usage | None:
        try:
            return launch(container, self.engine, keep=(keep,), meanwhile=self._add_host, started=self._note_start)
        finally:
            if self.sampler:
                self.sampler.stop()

    def _add_host(self) -> None:
        """Find out, while the engine works, what the run does not wait for."""
        with suppress(EngineError):  # no engine: the launch itself will say so
            host = finish.host_of(self.engine, self.grant.host if self.grant else None)
            self.run = msgspec.structs.replace(self.run, host=host)
        asked = self.run.code.git
        if asked is not None:
            asked = msgspec.structs.replace(asked, dirty=git.dirty(self.root))
        self.run = msgspec.structs.replace(self.run, code=msgspec.structs.replace(self.run.code, git=asked))

    def _note_start(self, state: State) -> None:
        if self.grant:
            self._watch_gpus(self.grant, state)
        platform = msgspec.structs.replace(self.run.platform, image=state.image)
        self.run = msgspec.structs.replace(
            self.run, status="running", started=finish.time_of(state.started), platform=platform
        )
        self.store.write(self.run)

    def _watch_gpus(self, grant: Grant, state: State) -> None:
        """Begin to sample what they do, and say it when the container has fewer."""
        from snapshot.run import devices, usage

        known = {unit.label: unit.uuid for unit in grant.units if unit.uuid}
        if known and state.pid:
            table = self.store.folder(self.run.id) / devices.TABLE
            self.sampler = devices.Sampler(table, known, pids=usage.processes(state.pid))
        # Only of an engine of this host is the process one that can be looked at.
        found = devices.nodes(state.pid) if grant.units and state.device_requests else None
        text = devices.missing(found if state.device_requests else (), len({u.device.index for u in grant.units}))
        if text:
            self.run = msgspec.structs.replace(self.run, notes=(*self.run.notes, text))
            self.warn(text)


def _prepare(store: Store, project: Project, run: Run, seen: Scan, moment: int) -> None:
    """The run's folder, with what is needed to finish it should this process die."""
    folder = store.folder(run.id)
    make_dirs(folder)
    finish.save_launch(folder, finish.Launch(moment=moment, data_files=_data_files(project.root, seen)))
    write_atomic(folder / FILE_NAME, (project.root / FILE_NAME).read_bytes(), durable=False)


def _forget(store: Store, run: Run, engine: Engine) -> None:
    with suppress(EngineError):
        finish.clear(run, engine)
    store.remove(run.id)


def _data_files(root: Path, seen: Scan) -> dict[str, tuple[int, int]]:
    """Size and mtime of the data files, which linking does not change."""
    found = {}
    for data in seen.data:
        if data.kind == "file":
            with suppress(OSError):
                status = (root / data.path).lstat()
                found[to_text(data.path)] = (status.st_size, status.st_mtime_ns)
    return found


def _binds(project: Project, invocation: Invocation, options: Options, seen: Scan) -> list[outside.Bind]:
    """Everything outside the project that the run sees."""
    texts = {entry.path: entry.target for entry in seen.entries if entry.kind == "link"}
    outer = [path for path in project.config.data if os.path.isabs(os.path.expanduser(path)) or path.startswith("..")]
    return outside.distinct(
        [
            *outside.declared(options.data, cwd=project.cwd, reason="option"),
            *outside.declared(outer, cwd=project.root, reason="declared"),
            *outside.from_arguments(
                invocation.arguments, cwd=project.cwd, root=project.root, directory=invocation.directory
            ),
            *outside.from_links((link.path, texts[link.path], link.target) for link in seen.outward),
        ]
    )


def _record(
    project: Project,
    invocation: Invocation,
    options: Options,
    seen: Scan,
    snapshot: snapshots.Snapshot,
    binds: list[outside.Bind],
) -> Run:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    run_id = new_id(now)
    lock = project.lock
    inside = [
        Data(path=to_text(d.path), target=to_text(f"{outside.WORKSPACE}/{d.path}"), kind=d.kind, reason=d.reason)
        for d in seen.data
    ]
    head = git.head(project.root)
    return Run(
        id=run_id,
        name=options.name,
        status="starting",
        project=str(project.root),
        command=Command(argv=invocation.argv, kind=invocation.kind, directory=str(invocation.directory)),
        request=options.request,
        gpus=Given(way=options.grant.way, devices=tuple(unit.label for unit in options.grant.units))
        if options.grant
        else None,
        code=Code(
            digest=snapshot.digest,
            files=snapshot.files,
            bytes=snapshot.bytes,
            git=Git(commit=head.commit, branch=head.branch, dirty=None) if head else None,
            skipped=tuple(Skipped(path=to_text(s.path), reason=s.reason) for s in (*seen.skipped, *snapshot.skipped)),
        ),
        data=(*inside, *(bind.data for bind in binds)),
        platform=Platform(
            lock=lock.digest,
            image="",
            reference=image_reference(lock),
            base=lock.base.reference,
            base_digest=lock.base.digest,
            base_layers=lock.base.layers,
            python=lock.python.version,
        ),
        container=container_of(run_id),
        write_back=options.write_back,
        created=now,
        notes=tuple(f"`{display(path)}` kept changing while it was read" for path in snapshot.unsettled),
    )


def _container(
    store: Store,
    project: Project,
    invocation: Invocation,
    options: Options,
    run: Run,
    snapshot: snapshots.Snapshot,
    seen: Scan,
    binds: list[outside.Bind],
    environment: Mapping[str, str],
) -> Container:
    root = str(project.root)
    mounts = workspace.prepare(
        store.folder(run.id),
        code=checkout(store.path, snapshot.digest, seen),
        project=project.root,
        data_folders=finish.folders_of(run),
        data_files=[from_text(d.path) for d in run.data if d.kind == "file" and finish.is_inside(d)],
        also_at=root if outside.needs_project_path(invocation.arguments, project.root) else None,
        name=run.container,
    )
    mounts += [Mount(source=str(bind.source), target=bind.data.target, read_only=True) for bind in binds]
    return Container(
        image=run.platform.reference,
        command=invocation.in_container(project.lock.python.executable),
        name=run.container,
        user=f"{os.getuid()}:{os.getgid()}",
        workdir=str(PurePosixPath(outside.WORKSPACE) / invocation.directory),
        environment=tuple(_environment(options, run.id, environment, project.lock.import_roots).items()),
        labels=((LABEL, run.id), (f"{LABEL}.store", str(store.path))),
        mounts=tuple(mounts),
        network=options.request.network,
        terminal=options.terminal,
        stdin=options.stdin,
        options=(*(options.grant.options if options.grant else ()), *_engine_options(options.request)),
    )


def _environment(
    options: Options, run_id: str, caller: Mapping[str, str], import_roots: tuple[str, ...]
) -> dict[str, str]:
    """What the training finds in its environment, beside the image's own."""
    ours = {
        "HOME": "/tmp",
        # Users without an entry in the image's /etc/passwd: getpass.getuser() asks these first.
        "USER": "snap",
        "LOGNAME": "snap",
        # Output streams live, as on a terminal.
        "PYTHONUNBUFFERED": "1",
        # Byte code of the project's own modules would count as the run's output.
        "PYTHONDONTWRITEBYTECODE": "1",
        # Ctrl-C reaches the workers of a data loader too, as on a terminal (tini's own option).
        "TINI_KILL_PROCESS_GROUP": "1",
        "SNAP_RUN": run_id,
    }
    if options.grant is None:
        # Where NVIDIA's runtime is the engine's default, an image that names devices gets them unasked.
        ours["NVIDIA_VISIBLE_DEVICES"] = "void"
    if options.terminal and "TERM" in caller:
        ours["TERM"] = caller["TERM"]
    given = options.request.environment
    if import_roots:
        # The project's own packages, which her environment has installed with `-e`.
        roots = [str(PurePosixPath(outside.WORKSPACE) / root) for root in import_roots]
        given = {**given, "PYTHONPATH": ":".join([*filter(None, [given.get("PYTHONPATH")]), *roots])}
    return {**ours, **given}


def _engine_options(request: Request) -> Iterator[str]:
    """More options of `docker run`, and a shared memory as large as Linux gives: 64 MB break every data loader."""
    given = (
        ("--memory", request.memory),
        ("--cpus", request.cpus),
        ("--shm-size", request.shm_size),
    )
    for flag, value in given:
        if value is not None:
            yield f"{flag}={value}"
    if request.shm_size is None:
        yield f"--shm-size={machine.memory() // 2}"
