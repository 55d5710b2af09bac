"""A run before it starts: what was found, the record that says so, and the container that is asked for."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from snapshot.document import Value
from snapshot.host import clock, machine
from snapshot.host.container import Container, Mount
from snapshot.image.dockerfile import image_reference
from snapshot.lock.document import FILE_NAME, Lock
from snapshot.project import git
from snapshot.project.config import Configuration
from snapshot.project.names import display, from_text, to_text
from snapshot.project.tree import Scan, scan
from snapshot.record.code import snapshots
from snapshot.record.code.trees import checkout
from snapshot.record.document import (
    Code,
    Command,
    Data,
    Determinism,
    Git,
    Given,
    Platform,
    Request,
    Run,
    Skipped,
    Trial,
)
from snapshot.record.parameters import parameters
from snapshot.record.store import Store, container_of, new_id
from snapshot.run import determinism, finish, outside, taken, trace, workspace
from snapshot.run.command import Invocation

if TYPE_CHECKING:
    from snapshot.record.data.identity import Method
    from snapshot.run.launch import Output
    from snapshot.run.preflight import Grant

LABEL = "org.snapshot-ml.run"
ENDED = "it was ended after"
"""How the note begins of a run that took longer than its limit."""


class Options(Value, kw_only=True, frozen=True):
    """What `snap run` was asked for, beside the command."""

    request: Request
    grant: Grant | None = None
    """How the run gets the GPUs that the request asks for."""
    name: str | None = None
    data: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    """What `--from` named."""
    trace: bool = True
    write_back: bool = True
    terminal: bool = False
    stdin: bool = False
    output: Output = "both"
    """Where what it prints goes, beside its log."""
    limit: float | None = None
    """Seconds after which it is ended."""
    determinism: Determinism | None = None
    """What is asked for of `--deterministic` and `--seed`."""
    trial: Trial | None = None


class Project(Value, kw_only=True, frozen=True):
    """What is trained: a folder, its configuration, and the lock that was made for it."""

    root: Path
    cwd: Path
    config: Configuration
    lock: Lock
    lock_file: bytes
    """The bytes of the lock, which the run keeps."""


class Draft(Value, kw_only=True, frozen=True):
    """Everything that is known before the start."""

    invocation: Invocation
    options: Options
    root: Path
    """The project's folder."""
    also_at: str | None
    """A second place where the run sees the project."""
    lock: Lock
    lock_file: bytes
    code: Code
    data: tuple[Data, ...]
    sources: tuple[taken.Source, ...]
    seen: Scan | None
    """What was found in the project; None when the code came from a record."""
    identify: Method
    warnings: tuple[str, ...] = ()
    """What she may not expect of this run."""
    notes: tuple[str, ...] = ()
    rerun: str | None = None
    """The run that this one repeats."""


def draft(store: Store, project: Project, invocation: Invocation, options: Options) -> Draft:
    """Look at the project, and keep its code; raises UsageError for data or earlier outputs that are not there."""
    sources = taken.find(store, options.earlier)
    seen = walk(project, invocation)
    snapshot = snapshots.take(store.path, project.root, seen)
    code = _code(project.root, seen, snapshot)
    return Draft(
        invocation=invocation,
        options=options,
        root=project.root,
        also_at=str(project.root) if outside.needs_project_path(invocation.arguments, project.root) else None,
        lock=project.lock,
        lock_file=project.lock_file,
        code=code,
        data=tuple(_data(project, invocation, options, seen, sources)),
        sources=sources,
        seen=seen,
        identify=project.config.identify,
        warnings=tuple(_warnings(project, invocation, code)),
        notes=tuple(f"`{display(path)}` kept changing while it was read" for path in snapshot.unsettled),
    )


def _warnings(project: Project, invocation: Invocation, code: Code) -> Iterator[str]:
    for skipped in code.skipped:
        yield f"`{display(from_text(skipped.path))}` is not in the snapshot: {skipped.reason}"
    for path in project.config.data:
        if not (project.root / os.path.expanduser(path)).exists():
            yield f"`{path}`, which the configuration names as data, does not exist"
    for path in outside.lost(invocation.arguments, cwd=_cwd(project, invocation), root=project.root):
        yield f"`{path}` lies outside the project: what the run writes there is lost; write into the project instead"


def walk(project: Project, invocation: Invocation) -> Scan:
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


def data_files(root: Path, run: Run) -> dict[str, tuple[Path, os.stat_result]]:
    """The data files in the project at `root` by their paths, each with where it lies, and what is known of it.

    To be asked before they are linked into the run's view, which changes their ctime.
    """
    found = {}
    for data in _files_of(run):
        with suppress(OSError):
            source = _source(root, data)
            found[from_text(data.path)] = (source, source.lstat())
    return found


def _files_of(run: Run) -> list[Data]:
    return [data for data in run.data if data.kind == "file" and outside.is_inside(data)]


def _source(root: Path, data: Data) -> Path:
    """What of the host is put where the run sees the data."""
    return root / from_text(data.at or data.path) if outside.is_inside(data) else data.place(root)


def _cwd(project: Project, invocation: Invocation) -> Path:
    """Where paths among the arguments begin: a notebook runs in its own folder."""
    return project.root / invocation.directory


def binds(project: Project, invocation: Invocation, options: Options, seen: Scan) -> list[outside.Bind]:
    """Everything outside the project that the run sees."""
    texts = {entry.path: entry.target for entry in seen.entries if entry.kind == "link"}
    outer = [path for path in project.config.data if os.path.isabs(os.path.expanduser(path)) or path.startswith("..")]
    return outside.distinct(
        [
            *outside.declared(options.data, cwd=project.cwd, reason="option"),
            *outside.declared(outer, cwd=project.root, reason="declared"),
            *outside.from_arguments(
                invocation.arguments,
                cwd=_cwd(project, invocation),
                root=project.root,
                directory=invocation.directory,
            ),
            *outside.from_links((link.path, texts[link.path], link.target) for link in seen.outward),
        ]
    )


def record(drafted: Draft) -> Run:
    """The first record of the run."""
    invocation, options = drafted.invocation, drafted.options
    now = clock.now()
    run_id = new_id(now)
    return Run(
        id=run_id,
        name=options.name,
        status="starting",
        project=str(drafted.root),
        command=Command(argv=invocation.argv, kind=invocation.kind, directory=str(invocation.directory)),
        request=options.request,
        gpus=Given(way=options.grant.way, devices=tuple(unit.label for unit in options.grant.units))
        if options.grant
        else None,
        code=drafted.code,
        data=drafted.data,
        taken=tuple(source.taken for source in drafted.sources),
        parameters=parameters(invocation.arguments) if invocation.kind != "command" else {},
        platform=_platform(drafted.lock),
        container=container_of(run_id),
        write_back=options.write_back,
        created=now,
        rerun=drafted.rerun,
        trial=options.trial,
        determinism=options.determinism,
        notes=drafted.notes,
    )


def _code(root: Path, seen: Scan, snapshot: snapshots.Snapshot) -> Code:
    head = git.head(root)
    skipped = (*seen.skipped, *snapshot.skipped)
    return Code(
        digest=snapshot.digest,
        files=snapshot.files,
        bytes=snapshot.bytes,
        git=Git(commit=head.commit, branch=head.branch, dirty=None) if head else None,
        skipped=tuple(Skipped(path=to_text(s.path), reason=s.reason) for s in skipped),
    )


def _data(
    project: Project, invocation: Invocation, options: Options, seen: Scan, sources: tuple[taken.Source, ...]
) -> Iterator[Data]:
    """The data in the project, but for the lock and what `--from` puts others in the place of, and those outside."""
    hidden = {FILE_NAME, *(source.taken.target for source in sources)}
    for d in seen.data:
        path = to_text(d.path)
        if path not in hidden:
            yield Data(path=path, target=to_text(f"{outside.WORKSPACE}/{d.path}"), kind=d.kind, reason=d.reason)
    for bind in binds(project, invocation, options, seen):
        yield bind.data


def _platform(lock: Lock) -> Platform:
    return Platform(
        lock=lock.digest,
        image="",
        reference=image_reference(lock),
        base=lock.base.reference,
        base_digest=lock.base.digest,
        base_layers=lock.base.layers,
        python=lock.python.version,
    )


def container(store: Store, drafted: Draft, run: Run, environment: Mapping[str, str]) -> Container:
    """What the engine is asked for, after the folders that it mounts were made; `environment` is the caller's."""
    invocation, options, root = drafted.invocation, drafted.options, drafted.root
    folder = store.folder(run.id)
    outer = [data for data in run.data if not outside.is_inside(data)]
    mounts = workspace.prepare(
        folder,
        code=checkout(store.path, drafted.code.digest, drafted.seen),
        project=root,
        data_folders={from_text(data.path): _source(root, data) for data in finish.folders_of(run)},
        data_files={from_text(data.path): _source(root, data) for data in _files_of(run)},
        taken=taken.lay_out(folder / "overlay" / "taken", drafted.sources),
        also_at=drafted.also_at,
        name=run.container,
    )
    mounts += [Mount(source=str(_source(root, d)), target=from_text(d.target), read_only=True) for d in outer]
    mounts += trace.mounts(folder, drafted.lock.python, trace=options.trace)
    mounts += determinism.mounts(folder) if options.determinism else ()
    return Container(
        image=run.platform.reference,
        command=invocation.in_container(drafted.lock.python.executable),
        name=run.container,
        user=f"{os.getuid()}:{os.getgid()}",
        workdir=str(PurePosixPath(outside.WORKSPACE) / invocation.directory),
        environment=tuple(
            variables(
                run,
                drafted.lock.import_roots,
                gpus=options.grant is not None,
                terminal=environment.get("TERM") if options.terminal else None,
            ).items()
        ),
        labels=((LABEL, run.id), (f"{LABEL}.store", str(store.path))),
        mounts=tuple(mounts),
        network=options.request.network,
        terminal=options.terminal,
        stdin=options.stdin,
        options=(*(options.grant.options if options.grant else ()), *engine_options(options.request)),
    )


def variables(run: Run, import_roots: tuple[str, ...], *, gpus: bool, terminal: str | None = None) -> dict[str, str]:
    """The training's environment, beside the image's own; `terminal` is the kind of terminal, if it has one."""
    given = run.request.environment
    if run.determinism:
        given = determinism.variables(run.determinism, given)
    ours = {"SNAP_RUN": run.id, **trace.environment()}
    return environment_of(ours, given, import_roots, gpus=gpus, terminal=terminal)


def environment_of(
    ours: Mapping[str, str],
    given: Mapping[str, str],
    import_roots: tuple[str, ...],
    *,
    gpus: bool,
    terminal: str | None,
) -> dict[str, str]:
    """What a container of the project has in its environment: what `given` says comes last."""
    found = {
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
        **ours,
    }
    if not gpus:
        # Where NVIDIA's runtime is the engine's default, an image that names devices gets them unasked.
        found["NVIDIA_VISIBLE_DEVICES"] = "void"
    if terminal is not None:
        found["TERM"] = terminal
    if import_roots:
        # The project's own packages, which her environment has installed with `-e`.
        roots = [str(PurePosixPath(outside.WORKSPACE) / root) for root in import_roots]
        given = {**given, "PYTHONPATH": ":".join([*filter(None, [given.get("PYTHONPATH")]), *roots])}
    return {**found, **given}


def engine_options(request: Request) -> Iterator[str]:
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
