"""From what the project asks for to `snap.lock`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from snapshot.document import Value
from snapshot.lock import document, upgrades
from snapshot.lock.document import FILE_NAME, Lock, Package, Sources
from snapshot.lock.upgrades import Upgrades
from snapshot.lock.wanted import Settings, Wanted, difference, is_current, spoken, want
from snapshot.project import sources as project_sources

if TYPE_CHECKING:
    from snapshot.host.engine import Engine
    from snapshot.host.pip_config import PipConfig
    from snapshot.project.requirements import Requirements

__all__ = ["Settings", "is_current", "lock_project"]


class Job(Value, kw_only=True, frozen=True):
    """What all steps of locking need."""

    root: Path
    cache: Path
    environment: Mapping[str, str]
    pip: PipConfig
    upgrades: Upgrades
    say: Callable[[str], None]
    warn: Callable[[str], None]


def lock_project(
    root: Path,
    settings: Settings,
    engine: Engine,
    *,
    upgrade: bool = False,
    upgrade_packages: Sequence[str] = (),
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    write: bool = True,
    say: Callable[[str], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[Lock, bool]:
    """The lock of the project in `root`, resolved and, with `write`, written to `snap.lock` if that says otherwise.

    Returns it and whether the file changed. With nothing changed no engine is asked. Pins of the old lock are kept
    but with `upgrade`, and for `upgrade_packages` (names, or requirements such as `numpy<2`).
    `say` hears what was chosen and what to know of it, `warn` what went wrong without being in the way.
    """
    root = root.resolve()
    wanted = want(root, settings)
    old = document.read(root / FILE_NAME)
    if old and not upgrade and not upgrade_packages and difference(old, wanted) is None:
        return old, False
    if old:
        upgrades.check(upgrade_packages, old, wanted.requirements)
    from snapshot.lock import architectures

    job = _job(root, old, upgrade, tuple(upgrade_packages), cache, environment, say, warn)
    lock = architectures.carried(old, _resolve(job, wanted, engine))
    return lock, write and _write(root / FILE_NAME, lock)


def _job(
    root: Path,
    old: Lock | None,
    upgrade: bool,
    lines: tuple[str, ...],
    cache: Path | None,
    environment: Mapping[str, str] | None,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Job:
    import os

    import platformdirs

    from snapshot.host import pip_config

    environment = os.environ if environment is None else environment
    return Job(
        root=root,
        cache=cache or platformdirs.user_cache_path("snapshot"),
        environment=environment,
        pip=pip_config.read(environment),
        upgrades=Upgrades(old=None if upgrade else old, lines=lines),
        say=say,
        warn=warn,
    )


def _resolve(job: Job, wanted: Wanted, engine: Engine) -> Lock:
    from snapshot.lock import base, cuda, facts, syntax

    requirements = wanted.requirements
    syntax.check(requirements)
    image, reference, python = base.decide(wanted, engine, job.upgrades.old, job.environment)
    _tell(job, requirements, f"base {reference}, Python {base.expected(python)}")
    found = facts.of(image.id, image.reference, cache=job.cache)
    version = found.python.version
    base.check_python(python, version, reference, wanted)
    if python and python.is_release and python.version != version:
        job.say(f"Python {version}; `{python.because}` says {python.version}")
    packages, resolver = _packages(job, wanted, image.reference)
    sources = Sources(
        source=requirements.source,
        passed_over=requirements.passed_over,
        requirements=spoken(requirements),
        files=dict(requirements.files),
        base=base.said(reference, base.CONFIGURED if wanted.base else base.CHOSEN),
        python=str(python) if python else f"{version} (base)",
        resolver=resolver,
    )
    return Lock(
        source_date_epoch=base.epoch(image),
        sources=sources,
        base=base.pin(image, reference),
        os=found.os,
        python=found.python,
        frameworks=cuda.frameworks(packages),
        cuda=cuda.expectation(packages, image.environment, warn=job.warn),
        import_roots=requirements.import_roots,
        packages=packages,
    )


def _tell(job: Job, requirements: Requirements, chosen: str) -> None:
    """What was chosen, and what of the project was read."""
    job.say(f"{chosen}, requirements of {requirements.source}" if requirements.lines else chosen)
    if not requirements.lines:
        job.say(f"{requirements.source} asks for no packages")
    for sentence in project_sources.unread(job.root, requirements):
        job.say(sentence)


def _packages(job: Job, wanted: Wanted, platform: str) -> tuple[tuple[Package, ...], str]:
    """Every package that is installed, and what resolved it; `platform` is the image that they are installed on."""
    from snapshot.lock import tools

    requirements = wanted.requirements
    if not requirements.lines:
        return (), wanted.resolver
    return _resolved(job, requirements, platform), tools.versions()


def _resolved(job: Job, requirements: Requirements, platform: str) -> tuple[Package, ...]:
    from snapshot.lock import resolve

    resolved = resolve.resolve(
        platform,
        requirements,
        root=job.root,
        pip=job.pip,
        cache=job.cache,
        pins=job.upgrades.kept,
        upgrades=job.upgrades.constraints,
        environment=job.environment,
    )
    for warning in resolved.warnings:
        job.warn(f"went without an index: {warning}")
    return resolved.packages


def _write(path: Path, lock: Lock) -> bool:
    """Write `lock` unless the file says the same already."""
    from snapshot.host.files import write_atomic

    data = document.dumps(lock).encode()
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        pass
    write_atomic(path, data)
    return True
