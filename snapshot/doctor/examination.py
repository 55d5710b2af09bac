"""Everything that is looked at, in the order in which it is told."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from snapshot.doctor import (
    base,
    buildx,
    certificates,
    disk,
    engine,
    filesystem,
    gpu,
    index,
    installation,
    locks,
    overlay,
    proxy,
    runs,
)
from snapshot.doctor.checks import Asked, Check, carry_out, note, of_error, ok
from snapshot.doctor.info import Info
from snapshot.doctor.site import Site
from snapshot.errors import EngineError, SnapshotError
from snapshot.finding import Finding
from snapshot.host import process
from snapshot.host.engine import Engine
from snapshot.host.nvml import Gpus
from snapshot.lock import base as lock_base
from snapshot.lock import document
from snapshot.lock.document import Lock
from snapshot.project import config

ENGINE_SECONDS = 5
"""How long the engine may take to say what it is, which most checks want to know first."""
SECONDS = 8
"""How long everything else may take, side by side."""


def examine(site: Site) -> tuple[Finding, ...]:
    """All findings, in the time of the slowest check, and never longer than both limits together."""
    info, problem = None, None
    try:
        info = Asked(lambda: engine.ask(site.engine)).answer(ENGINE_SECONDS)
    except SnapshotError as failure:
        problem = failure
    except Exception as failure:
        said = f"what answers as the Docker engine is none: {type(failure).__name__}: {failure}"
        problem = EngineError(said, hint="correct or unset `DOCKER_HOST`")
    first = (of_error(engine.CHECK, problem),) if problem else ()
    site = replace(site, now=datetime.now(UTC))
    return (*first, *carry_out(_checks(site, info, problem), seconds=SECONDS))


def _checks(site: Site, info: Info | None, problem: SnapshotError | None) -> list[Check]:
    """Those that can be made: without an engine, not the ones that need what it knows."""
    graphics = Asked(gpu.graphics)
    lock = _lock(site.root)
    here = site.engine if info else None
    cli = process.find("docker") is not None
    return [
        Check("snapshot", installation.look),
        Check("configuration", lambda: _configuration(site)),
        *(_of_engine(site, info, lock, cli=cli) if info else ()),
        Check("engine", lambda: engine.look(info, problem)),
        *([Check("buildx", lambda: buildx.look(site.environment, engine_answers=info is not None))] if cli else ()),
        Check("disk", lambda: disk.look(root=site.root, cache=site.cache, engine_root=info.root if info else "")),
        Check("cache", lambda: disk.cache(site.cache)),
        Check("file system", lambda: filesystem.look(site.root), tidies=True),
        Check("kernel", lambda: _kernel(info)),
        Check("proxy", lambda: proxy.look(site.environment, info)),
        Check("certificates", lambda: certificates.look(site.environment, site.now)),
        Check("index", lambda: index.look(site.environment)),
        Check("gpu", lambda: gpu.look(graphics.answer(SECONDS - 1), info, site.environment)),
        Check("lock", lambda: locks.look(site.root, gpus=_gpus(graphics), engine=here)),
        Check("runs", lambda: runs.look(site.root, site.now)),
    ]


def _of_engine(site: Site, info: Info, lock: Lock | None, *, cli: bool) -> Iterator[Check]:
    yield Check(
        "engine",
        lambda: engine.findings(
            info,
            where=site.environment.get("DOCKER_HOST", ""),
            hostname=platform.node(),
            kernel=platform.release(),
        ),
    )
    yield Check("clock", lambda: engine.clock(info, site.now))
    if cli:
        yield Check("overlay", lambda: _overlay(site, info, lock), tidies=True)
    yield Check("base", lambda: base.look(site.engine, configured=_base(site.root), lock=lock))


def _overlay(site: Site, info: Info, lock: Lock | None) -> Iterator[Finding]:
    return overlay.look(site.engine, info, root=site.root, image=_image(site.engine, lock))


def _configuration(site: Site) -> Iterator[Finding]:
    """Whether there is a project, and whether what it says can be read."""
    if not site.is_project:
        yield note("configuration", f"`{site.root}` is no project yet: no requirements, no configuration, no lock")
        return
    config.load(site.root)
    yield ok("configuration", f"the project is `{site.root}`")


def _gpus(graphics: Asked[gpu.Graphics]) -> Gpus | None:
    """The devices, as far as they can be told; that they can't is another check's affair."""
    with suppress(Exception):
        return graphics.answer(SECONDS - 2).driver.gpus
    return None


def _kernel(info: Info | None) -> Iterator[Finding]:
    rootless = info is not None and info.is_secured_by("rootless")
    return overlay.kernel_findings(overlay.kernel(platform.release()), rootless=rootless)


def _base(root: Path) -> str | None:
    """The base that the configuration names; one that can't be read is another check's affair."""
    try:
        return config.load(root).base
    except SnapshotError:
        return None


def _lock(root: Path) -> Lock | None:
    """The project's lock; one that can't be read is another check's affair."""
    try:
        return document.read(root / document.FILE_NAME)
    except SnapshotError:
        return None


def _image(asked: Engine, lock: Lock | None) -> str | None:
    """An image at hand to try a container with: the lock's base, or any that was made here."""
    if lock and (found := lock_base.kept(asked, lock.base, lock.base.reference)):
        return found.reference
    return next((image.reference for image in lock_base.local(asked).values()), None)
