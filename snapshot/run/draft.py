"""A run before it starts: what was found, the record that says so, and the container that is asked for."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from snapshot.document import Value
from snapshot.host import machine
from snapshot.host.container import Container, Mount
from snapshot.image.dockerfile import image_reference
from snapshot.lock.document import FILE_NAME, Lock
from snapshot.project import git
from snapshot.project.config import Configuration
from snapshot.project.names import display, from_text, to_text
from snapshot.project.tree import Scan, scan
from snapshot.record.code import snapshots
from snapshot.record.code.trees import checkout
from snapshot.record.document import Code, Command, Data, Git, Given, Platform, Request, Run, Skipped
from snapshot.record.parameters import parameters
from snapshot.record.store import Store, container_of, new_id
from snapshot.run import finish, outside, taken, trace, workspace
from snapshot.run.command import Invocation

if TYPE_CHECKING:
    from snapshot.run.preflight import Grant

LABEL = "org.snapshot-ml.run"


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


class Project(Value, kw_only=True, frozen=True):
    """What is trained: a folder, its configuration, and the lock that was made for it."""

    root: Path
    cwd: Path
    config: Configuration
    lock: Lock


class Draft(Value, kw_only=True, frozen=True):
    """Everything that is known before the start."""

    project: Project
    invocation: Invocation
    options: Options
    seen: Scan
    snapshot: snapshots.Snapshot
    binds: tuple[outside.Bind, ...]
    sources: tuple[taken.Source, ...]


def draft(store: Store, project: Project, invocation: Invocation, options: Options) -> Draft:
    """Look at the project, and keep its code; raises UsageError for data or earlier outputs that are not there."""
    sources = taken.find(store, options.earlier)
    seen = _scan(project, invocation)
    return Draft(
        project=project,
        invocation=invocation,
        options=options,
        seen=seen,
        snapshot=snapshots.take(store.path, project.root, seen),
        binds=tuple(_binds(project, invocation, options, seen)),
        sources=sources,
    )


def warnings(drafted: Draft, run: Run) -> Iterator[str]:
    """What she may not expect of this run."""
    project = drafted.project
    for skipped in run.code.skipped:
        yield f"`{display(from_text(skipped.path))}` is not in the snapshot: {skipped.reason}"
    for path in project.config.data:
        if not (project.root / os.path.expanduser(path)).exists():
            yield f"`{path}`, which the configuration names as data, does not exist"
    for path in outside.lost(drafted.invocation.arguments, cwd=project.cwd, root=project.root):
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


def data_files(root: Path, seen: Scan) -> dict[str, os.stat_result]:
    """What is known of the data files before they are linked into the run's view, which changes their ctime."""
    found = {}
    for path in [one.path for one in seen.data if one.kind == "file"]:
        with suppress(OSError):
            found[path] = (root / path).lstat()
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


def record(drafted: Draft) -> Run:
    """The first record of the run."""
    project, invocation, options, snapshot = drafted.project, drafted.invocation, drafted.options, drafted.snapshot
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    run_id = new_id(now)
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
        code=_code(drafted),
        data=tuple(_data(drafted)),
        taken=tuple(source.taken for source in drafted.sources),
        parameters=parameters(invocation.arguments) if invocation.kind != "command" else {},
        platform=_platform(project.lock),
        container=container_of(run_id),
        write_back=options.write_back,
        created=now,
        notes=tuple(f"`{display(path)}` kept changing while it was read" for path in snapshot.unsettled),
    )


def _code(drafted: Draft) -> Code:
    snapshot, head = drafted.snapshot, git.head(drafted.project.root)
    skipped = (*drafted.seen.skipped, *snapshot.skipped)
    return Code(
        digest=snapshot.digest,
        files=snapshot.files,
        bytes=snapshot.bytes,
        git=Git(commit=head.commit, branch=head.branch, dirty=None) if head else None,
        skipped=tuple(Skipped(path=to_text(s.path), reason=s.reason) for s in skipped),
    )


def _data(drafted: Draft) -> Iterator[Data]:
    """The data in the project, but for the lock and what `--from` puts others in the place of, and those outside."""
    hidden = {FILE_NAME, *(source.taken.target for source in drafted.sources)}
    for d in drafted.seen.data:
        path = to_text(d.path)
        if path not in hidden:
            yield Data(path=path, target=to_text(f"{outside.WORKSPACE}/{d.path}"), kind=d.kind, reason=d.reason)
    for bind in drafted.binds:
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
    project, invocation, options = drafted.project, drafted.invocation, drafted.options
    root, folder = str(project.root), store.folder(run.id)
    mounts = workspace.prepare(
        folder,
        code=checkout(store.path, drafted.snapshot.digest, drafted.seen),
        project=project.root,
        data_folders=finish.folders_of(run),
        data_files=[from_text(d.path) for d in run.data if d.kind == "file" and outside.is_inside(d)],
        taken=taken.lay_out(folder / "overlay" / "taken", drafted.sources),
        also_at=root if outside.needs_project_path(invocation.arguments, project.root) else None,
        name=run.container,
    )
    mounts += [Mount(source=str(bind.source), target=bind.data.target, read_only=True) for bind in drafted.binds]
    mounts += trace.mounts(folder, project.lock.python, trace=options.trace)
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
        **trace.environment(),
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
