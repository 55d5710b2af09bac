"""The record of a run, `.snap/runs/ID/run.json`: `snap.run/1`, documented field by field in docs/reference/run.md."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

import msgspec

from snapshot.document import Document, check_schema, decode_json
from snapshot.errors import StoreError
from snapshot.host.machine import Machine
from snapshot.host.nvml import Gpus
from snapshot.project.names import from_text
from snapshot.record.usage import Usage

SCHEMA: Final = "snap.run/1"
CONTAINERD = "overlayfs"
"""What the engine calls the image store of containerd."""


class Git(Document, kw_only=True, frozen=True):
    """Where the project stood in its git history."""

    commit: str | None
    """None before the first commit."""
    branch: str | None
    """None on a detached head."""
    dirty: bool | None
    """Whether tracked files differed from the commit; None when git could not be asked."""


class Skipped(Document, kw_only=True, frozen=True):
    """Something in the project that is neither code nor data of the run."""

    path: str
    reason: str


class Edit(Document, kw_only=True, frozen=True):
    """A file that somebody changed while the run went on: the run itself changes none of these."""

    path: str
    """Relative to the project, or to the data that it belongs to; empty for data that are one file."""
    change: str
    """added, changed or removed."""


class Code(Document, kw_only=True, frozen=True):
    """The snapshot that ran."""

    digest: str
    files: int
    bytes: int
    git: Git | None
    skipped: tuple[Skipped, ...] = ()
    edits: tuple[Edit, ...] = ()
    """What was edited in the project meanwhile; the run did not see it."""
    leftovers: tuple[str, ...] = ()
    """Its files that earlier runs had written there, byte for byte: results rather than code."""
    own: str | None = None
    """The digest without these; None when there are none."""

    @property
    def identity(self) -> str:
        """What tells this code from other code."""
        return self.own or self.digest


class Data(Document, kw_only=True, frozen=True):
    """Files that the run could see but that are not in the code snapshot."""

    path: str
    """Relative to the project, or absolute when it lies outside."""
    at: str | None = None
    """Where it lay instead, absolute: for a rerun that was told so."""
    target: str
    """Where the run saw it."""
    kind: str
    """file or folder."""
    reason: str
    """ignored, large, declared (configuration), option (`--data`), argument, or link."""
    digest: str | None = None
    """Of a file that of its bytes, of a folder that of its manifest, `.snap/data/`; None when it could not be had."""
    files: int | None = None
    bytes: int | None = None
    identified: str | None = None
    """By what: content; or, when that was asked for, mtime or sample."""
    edits: tuple[Edit, ...] = ()
    """What changed in it between the launch and the end."""

    def place(self, project: Path) -> Path:
        """Where on the host the data lie, links followed; `project` is that of the run."""
        return Path(os.path.realpath(project / from_text(self.at or self.path)))


class Taken(Document, kw_only=True, frozen=True):
    """An output of an earlier run that `--from` put in place."""

    run: str
    path: str
    """In that run."""
    target: str
    """In this one, relative to the project."""
    sha256: str


class Parent(Document, kw_only=True, frozen=True):
    """An earlier run that wrote bytes which this one had as an input."""

    run: str
    path: str
    """In that run."""
    input: str
    """Where this run had them: relative to the project, or absolute."""
    sha256: str
    relation: str
    """resumed-from, fine-tuned-from (weights), or used."""
    evidence: str
    """from (`--from`), read (it was seen to be opened), argument, or visible (it was there)."""


class Reads(Document, kw_only=True, frozen=True):
    """What the run's Python processes were seen to open; `reads.json.gz` beside the record has the names."""

    processes: int
    project: int
    """Files of the project, data not counted."""
    data: int
    """Files of the data."""
    modules: int
    """Modules of the image."""
    missing: tuple[str, ...] = ()
    """Absolute paths that were asked for and not there, but are on the host."""
    complete: bool = True
    """Whether all names were kept."""


Trial = Literal["bisect", "noise", "verify"]


class Metric(Document, kw_only=True, frozen=True):
    """A number, or a series of numbers, among the outputs."""

    name: str
    value: float | str
    """The last one; `nan`, `inf` or `-inf` where it is no number."""
    points: int
    """Length of the series, 1 for a number alone."""
    path: str
    """The output that has it."""


class Command(Document, kw_only=True, frozen=True):
    """What ran."""

    argv: tuple[str, ...]
    """As it was typed after the options of `snap run`."""
    kind: str
    """script, module or command."""
    directory: str
    """Working directory, relative to the project; `.` is its root."""


class Request(Document, kw_only=True, frozen=True):
    """What was asked of the engine."""

    environment: dict[str, str] = msgspec.field(default_factory=dict)
    """What `--env` and `--env-file` gave; nothing else of the caller's environment reaches the run."""
    gpus: str | None = None
    network: str | None = None
    shm_size: str | None = None
    memory: str | None = None
    cpus: str | None = None


class Platform(Document, kw_only=True, frozen=True):
    """The image and what it was made from."""

    lock: str
    """Identity of the lock; the lock itself lies beside the record as `snap.lock`."""
    image: str
    """Image ID."""
    reference: str
    base: str
    base_digest: str | None
    """Registry digest of the base; None for a base that was made here."""
    base_layers: tuple[str, ...]
    python: str


class Host(Document, kw_only=True, frozen=True):
    """The machine and the engine."""

    machine: Machine
    engine: str
    """Version of the Docker engine."""
    store: str
    """Its image store: overlay2, or overlayfs (containerd)."""
    gpus: Gpus | None
    user: str
    """uid:gid that the training ran as."""

    @property
    def is_containerd(self) -> bool:
        """Whether image IDs are digests of manifests here; of the other stores, of configurations."""
        return self.store == CONTAINERD

    def gives_other_ids(self, store: str) -> bool:
        """Whether an engine with the image store `store` gives one and the same image another ID."""
        return self.is_containerd != (store == CONTAINERD)


class Given(Document, kw_only=True, frozen=True):
    """The GPUs that the run was given."""

    way: str
    """nvidia (a device request, as `docker run --gpus` makes it) or cdi (Container Device Interface)."""
    devices: tuple[str, ...]
    """Indices among the host's GPUs, as in `0`; of a part of one in MIG mode, as in `0:1`. Empty if not known."""


class Exit(Document, kw_only=True, frozen=True):
    """How the training ended."""

    code: int | None
    """None when nobody can know any more, because the container was removed by somebody else."""
    signal: str | None = None
    out_of_memory: bool = False
    error: str | None = None
    """Why it did not start, or why its end is not known."""


class Output(Document, kw_only=True, frozen=True):
    """A file that the run made or changed; its bytes are under `outputs/` beside the record."""

    path: str
    size: int
    sha256: str | None
    """None for what has no bytes of its own: a symbolic link."""
    mode: int
    change: str
    """created, changed, or rewritten with the same bytes."""
    link: str | None = None
    """Where a symbolic link points."""
    kept_because: str | None = None
    """Why the project folder did not get it; None when it did."""


class Nondeterminism(Document, kw_only=True, frozen=True):
    """An operation of which a framework said that it has no deterministic implementation."""

    message: str
    stack: tuple[str, ...]
    """Where it was called, the outermost first: `FILE:LINE FUNCTION`, of files in the container."""
    times: int


class Determinism(Document, kw_only=True, frozen=True):
    """What `--deterministic` and `--seed` did."""

    mode: str
    """seeds (`--seed` alone), warn, or strict (operations without a deterministic implementation are errors)."""
    seed: int
    environment: dict[str, str]
    """The variables that were set beside those of the request, which come first."""
    frameworks: tuple[str, ...] = ()
    """What was set up when the program imported it, as in `torch 2.13.0`."""
    warnings: tuple[Nondeterminism, ...] = ()
    """What may come out otherwise all the same."""


class Run(Document, kw_only=True, frozen=True):
    """The document `run.json`."""

    schema: Literal["snap.run/1"] = SCHEMA
    id: str
    name: str | None = None
    status: str
    """starting, running, finished, or failed (it never ran)."""
    project: str
    """Folder of the project on the host."""
    command: Command
    request: Request
    gpus: Given | None = None
    """None when no GPU was asked for."""
    code: Code
    data: tuple[Data, ...] = ()
    taken: tuple[Taken, ...] = ()
    """What `--from` put in place."""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    """The command's arguments by name, as typed: `{"lr": "0.1"}`."""
    platform: Platform
    host: Host | None = None
    container: str
    """Name of the container."""
    write_back: bool
    created: str
    """When `snap run` was asked, RFC 3339 in UTC; `started` and `ended` are those of the training."""
    started: str | None = None
    ended: str | None = None
    exit: Exit | None = None
    outputs: tuple[Output, ...] = ()
    deleted: tuple[str, ...] = ()
    """Files of the project that the run removed."""
    usage: Usage | None = None
    reads: Reads | None = None
    """None when nothing was traced."""
    metrics: tuple[Metric, ...] = ()
    parents: tuple[Parent, ...] = ()
    """The earlier runs that it descends from, by content."""
    rerun: str | None = None
    """The run that this one repeats (`snap rerun`)."""
    trial: Trial | None = None
    """The command that trained it to find something out; nobody means such a run by `latest`."""
    determinism: Determinism | None = None
    """None when nothing was asked for."""
    notes: tuple[str, ...] = ()
    """What a reader of the result should know: conflicts, skipped files, a run that was picked up after a crash."""

    @property
    def seconds(self) -> float | None:
        """Duration of the training."""
        if self.started is None or self.ended is None:
            return None
        from datetime import datetime

        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.started)).total_seconds()


def loads(data: bytes, *, where: str) -> Run:
    """The record in `data`; raises StoreError when it is damaged, of a newer version, or has what no run had."""
    run = _decoded(data, where)
    inside = (data.path for data in run.data if not data.path.startswith("/"))
    named = [*(o.path for o in run.outputs), *(taken.target for taken in run.taken), *inside]
    if any(_leads_out(path) for path in named):
        raise StoreError(f"{where} names a file outside of the run", hint="it was not made by `snap`: don't use it")
    if not all(time is None or is_time(time) for time in (run.created, run.started, run.ended)):
        raise StoreError(f"{where} has a time that is none", hint="it was not made by `snap`: don't use it")
    return run


def is_time(text: str) -> bool:
    """Whether it is a moment, wherever the clock stood that said it."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
        return moment.tzinfo is not None and moment.astimezone(UTC) == moment
    except (ValueError, OverflowError):
        return False


def _leads_out(path: str) -> bool:
    """Whether a path of a record, which somebody else may have made, leads out of the folder that it is meant in."""
    return (".." in path or path[:1] in ("/", "\0")) and (
        ".." in (parts := from_text(path).split("/")) or parts[0] == ""
    )


def _decoded(data: bytes, where: str) -> Run:
    try:
        return msgspec.json.decode(data, type=Run)
    except (msgspec.DecodeError, RecursionError):
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise StoreError(f"{where} is damaged", hint="restore it from a copy, or `snap rm` the run") from None
        check_schema(value, SCHEMA, where=where)
        return decode_json(data, Run, where=where)
