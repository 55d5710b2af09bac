"""The record of a run for everybody, `run.public.json`: `snap.export/1`, documented in docs/reference/export.md."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from snapshot.document import Document
from snapshot.record.document import Metric

SCHEMA: Final = "snap.export/1"
FILE = "run.public.json"
README = "README.md"
CODE = "workspace"
RESULTS = "results"
AGAIN = "retrained"
LISTS = "manifests"
TOOLS = "tools"
IMAGE = "image"
"""What the image has beside platform and code, by its places there."""


class PublicCommand(Document, kw_only=True, frozen=True):
    """What ran."""

    argv: tuple[str, ...]
    """As it was typed after the options of `snap run`, without paths of that machine."""
    process: tuple[str, ...]
    """As the container starts it."""
    directory: str
    """Working directory, relative to the code."""


class PublicData(Document, kw_only=True, frozen=True):
    """Data that the run had."""

    target: str
    """Where the training looks for them."""
    place: str
    """Where they belong in the export."""
    kind: str
    """file or folder."""
    digest: str | None
    files: int | None
    bytes: int | None
    identified: str | None
    """By what: content, mtime or sample."""
    manifest: str | None = None
    """The list of their files, in the export."""
    included: bool = False
    """Whether the export has them."""
    written: bool = False
    """Whether the training writes among them."""


class PublicFile(Document, kw_only=True, frozen=True):
    """A file of the code, or a result."""

    path: str
    sha256: str | None
    """None for a symbolic link."""
    size: int


class PublicPlatform(Document, kw_only=True, frozen=True):
    """The image."""

    lock: str
    """Identity of `snap.lock`."""
    base: str
    python: str
    frameworks: dict[str, str]
    cuda: str | None


class PublicHost(Document, kw_only=True, frozen=True):
    """The machine, as far as it can change results."""

    system: str
    kernel: str
    architecture: str
    cpu: str
    cores: int
    memory: int
    gpus: tuple[str, ...] = ()
    driver: str | None = None


class PublicRun(Document, kw_only=True, frozen=True):
    """The document `run.public.json`."""

    schema: Literal["snap.export/1"] = SCHEMA
    run: str
    """The run's ID."""
    command: PublicCommand
    parameters: dict[str, str]
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    """Variables that the training is given: those of every run, of `--deterministic`, and those to be published."""
    unset: tuple[str, ...] = ()
    """Variables that the run had, and whose values are not for the public."""
    determinism: str | None = None
    """seeds, warn or strict, as `--seed` and `--deterministic` had it."""
    seed: int | None = None
    import_roots: tuple[str, ...] = ()
    traced: bool
    """Whether the code is what the run was seen to use, and not all there was."""
    code: tuple[PublicFile, ...]
    data: tuple[PublicData, ...] = ()
    platform: PublicPlatform
    host: PublicHost | None = None
    gpus: str | None = None
    """What was asked for, as in `all` or `2`."""
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None
    exit_code: int | None = None
    outputs: tuple[PublicFile, ...] = ()
    metrics: tuple[Metric, ...] = ()
    peak_memory: int | None = None
    cpu_seconds: float | None = None
