"""From what the project asks for to `snap.lock`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snapshot.document import Value
from snapshot.lock import document, upgrades
from snapshot.lock.document import FILE_NAME, Base, Lock, OsPackage, Package, Sources
from snapshot.lock.upgrades import Upgrades
from snapshot.lock.wanted import Settings, Wanted, difference, is_current, spoken, want

if TYPE_CHECKING:
    from snapshot.host.engine import Engine
    from snapshot.host.pip_config import PipConfig
    from snapshot.lock.facts import Facts
    from snapshot.lock.resolve import Resolved
    from snapshot.project.requirements import Pin, Requirements

__all__ = ["Build", "Settings", "is_current", "lock_project"]

Build = Callable[[Lock], str]
"""Makes the image of a lock and returns its reference."""


class Job(Value, kw_only=True, frozen=True):
    """What all steps of locking need."""

    root: Path
    cache: Path
    environment: Mapping[str, str]
    pip: PipConfig
    upgrades: Upgrades
    say: Callable[[str], None]
    warn: Callable[[str], None]
    step: Callable[[str], None]


class Platform(Value, kw_only=True, frozen=True):
    """What the Python packages are installed on."""

    image: str
    facts: Facts
    epoch: int
    os_packages: tuple[OsPackage, ...]


class Found(Value, kw_only=True, frozen=True):
    """The Python packages, and what came with finding them."""

    packages: tuple[Package, ...] = ()
    files: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Path as seen from the project → sha256, of folders and files beside it that were packed."""
    resolver: str


def lock_project(
    root: Path,
    settings: Settings,
    engine: Engine,
    *,
    build: Build,
    upgrade: bool = False,
    upgrade_packages: Sequence[str] = (),
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    write: bool = True,
    say: Callable[[str], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
) -> tuple[Lock, bool]:
    """The lock of the project in `root`, resolved and, with `write`, written to `snap.lock` if that says otherwise.

    Returns it and whether the file changed. With nothing changed no engine is asked. Pins of the old lock are kept
    but with `upgrade`, and for `upgrade_packages` (names, or requirements such as `numpy<2`).
    `build` makes the image that Python packages are resolved on where there are OS packages.
    `say` hears what was chosen and what to know of it, `warn` what went wrong without being in the way,
    `step` what is done now.
    """
    root = root.resolve()
    old = document.read(root / FILE_NAME)
    environment = os.environ if environment is None else environment
    wanted = want(root, settings, old, environment=environment)
    if old and not upgrade and not upgrade_packages and difference(old, wanted, root) is None:
        return old, False
    from snapshot.host import pip_config
    from snapshot.host.files import user_cache
    from snapshot.lock import architectures

    if old:
        upgrades.check(upgrade_packages, old, wanted.requirements)
    job = Job(
        root=root,
        cache=cache or user_cache(),
        environment=environment,
        pip=pip_config.read(environment),
        upgrades=Upgrades(old=None if upgrade else old, lines=tuple(upgrade_packages)),
        say=say,
        warn=warn,
        step=step,
    )
    lock = architectures.carried(old, _resolve(job, wanted, engine, build))
    return lock, write and _write(root / FILE_NAME, lock)


def _resolve(job: Job, wanted: Wanted, engine: Engine, build: Build) -> Lock:
    from snapshot.lock import base, cuda, facts, syntax

    requirements = wanted.requirements
    syntax.check(requirements)
    job.step("the base image")
    image, reference, python = base.decide(wanted, engine, job.upgrades.old, job.environment)
    _tell(job, wanted, f"base {reference}, Python {base.expected(python)}")
    found = facts.of(image.id, image.reference, cache=job.cache)
    version = found.python.version
    base.check_python(python, version, reference, wanted)
    if python and python.is_release and python.version != version:
        job.say(f"Python {version}; `{python.because}` says {python.version}")
    sources = Sources(
        source=wanted.source,
        passed_over=requirements.passed_over,
        requirements=spoken(requirements),
        implied=requirements.implied,
        packages=wanted.packages,
        files=dict(sorted({**requirements.files, **wanted.os_request.files}.items())),
        base=base.said(reference, base.CONFIGURED if wanted.base else base.CHOSEN),
        python=str(python) if python else f"{version} (base)",
        resolver=wanted.resolver,
    )
    lock = Lock(
        source_date_epoch=base.epoch(image),
        sources=sources,
        base=base.pin(image, reference),
        os=found.os,
        python=found.python,
        import_roots=requirements.import_roots,
        os_packages=_os_packages(job, wanted, image.reference),
    )
    # With the same OS packages on the same base, this image is the lower part of the one that will be trained in.
    platform = build(lock) if lock.os_packages else image.reference
    on = Platform(image=platform, facts=found, epoch=lock.source_date_epoch, os_packages=lock.os_packages)
    answer = _packages(job, wanted, on, lock.base)
    sources = msgspec.structs.replace(
        sources, resolver=answer.resolver, files=dict(sorted({**sources.files, **answer.files}.items()))
    )
    return msgspec.structs.replace(
        lock,
        sources=sources,
        frameworks=cuda.frameworks(answer.packages),
        cuda=cuda.expectation(answer.packages, image.environment, warn=job.warn),
        packages=answer.packages,
    )


def _tell(job: Job, wanted: Wanted, chosen: str) -> None:
    """What was chosen, and what of the project was read."""
    requirements = wanted.requirements
    asks = bool(requirements.lines or requirements.pins)
    system = f", OS packages of {wanted.os_request.source}" if wanted.os_request.names else ""
    job.say((f"{chosen}, requirements of {requirements.source}" if asks else chosen) + system)
    if not asks:
        job.say(f"{requirements.source} asks for no packages")
    if requirements.implied:
        job.say(
            f"running notebooks takes {', '.join(f'`{line}`' for line in requirements.implied)}, which is locked too"
        )
    if requirements.passed_over:
        names = ", ".join(f"`{name}`" for name in requirements.passed_over)
        job.say(f"passed over: {names}; `snap lock --from FILE` takes another")
    for sentence in requirements.notes:
        job.say(sentence)


def _os_packages(job: Job, wanted: Wanted, image: str) -> tuple[OsPackage, ...]:
    if not wanted.os_request.names:
        return ()
    from snapshot.host import apt_config
    from snapshot.lock import apt

    job.step("the OS packages")
    old = job.upgrades.old
    return apt.resolve(
        image,
        wanted.os_request,
        apt=apt_config.read(job.environment, pip=job.pip),
        cache=job.cache,
        old=old.os_packages if old else (),
        upgrade=old is None,
        upgrades=job.upgrades.names,
        say=job.say,
    )


def _packages(job: Job, wanted: Wanted, on: Platform, base: Base) -> Found:
    """Every Python package, those that are to be had as source only built."""
    from snapshot.lock import wheels

    requirements = wanted.requirements
    if not (requirements.lines or requirements.implied) and requirements.pins is None:
        return Found(resolver=wanted.resolver)
    job.step("the packages")
    found = _found(job, wanted, on)
    built = wheels.build(
        on.image,
        found.packages,
        python=on.facts.python.version,
        root=job.root,
        requirements=requirements,
        pip=job.pip,
        cache=job.cache,
        epoch=on.epoch,
        kept=job.upgrades.kept if _is_as_before(job.upgrades.old, base, on) else (),
        environment=job.environment,
        say=job.say,
        step=job.step,
    )
    return msgspec.structs.replace(found, packages=tuple(sorted(built, key=lambda package: package.name)))


def _is_as_before(old: Lock | None, base: Base, on: Platform) -> bool:
    """Whether wheels that were built for the old lock were built on what is there now."""
    return old is not None and (old.base.layers, old.os_packages) == (base.layers, on.os_packages)


def _found(job: Job, wanted: Wanted, on: Platform) -> Found:
    from snapshot.lock import tools

    requirements = wanted.requirements
    if requirements.pins is not None:
        # Somebody who configures indexes of her own may reach no other.
        own = job.pip.is_on("no-index") or any(map(job.pip.listed, ("index-url", "extra-index-url", "find-links")))
        return _pinned(job, requirements, on, tools.versions(on.facts.python.version), ask_first=own)
    if wanted.resolver == "uv":
        from snapshot.lock import uv

        pins, version, notes = uv.compile(
            requirements, on.facts, root=job.root, pip=job.pip, upgrades=job.upgrades, environment=job.environment
        )
        for note in notes:
            job.say(note)
        return _pinned(job, msgspec.structs.replace(requirements, pins=pins), on, version, ask_first=False)
    return _resolved(job, requirements, on)


def _pinned(job: Job, requirements: Requirements, on: Platform, resolver: str, *, ask_first: bool) -> Found:
    from snapshot.lock import pinned, resolve

    files: dict[str, str] = {}

    def find(pins: Sequence[Pin]) -> tuple[Package, ...]:
        found = resolve.find(
            on.image,
            pins,
            requirements=requirements,
            python=on.facts.python.version,
            root=job.root,
            pip=job.pip,
            cache=job.cache,
            kept=job.upgrades.kept,
            environment=job.environment,
            about=job.step,
        )
        _tell_found(job, found)
        files.update(found.files)
        return found.packages

    packages = pinned.packages(requirements, on.facts, find=find, ask_first=ask_first)
    # Pins name places absolutely, a lock is to hold in a project that is moved with what lies beside it.
    near = {path: Path(os.path.relpath(path, job.root)).as_posix() for path in files}
    return Found(
        packages=tuple(_at(package, near) for package in packages),
        files={near[path]: sha256 for path, sha256 in files.items()},
        resolver=resolver,
    )


def _at(package: Package, places: Mapping[str, str]) -> Package:
    """`package`, what it is made of named by `places`."""
    sdist = package.sdist
    if sdist is None or sdist.path is None or sdist.path not in places:
        return package
    return msgspec.structs.replace(package, sdist=msgspec.structs.replace(sdist, path=places[sdist.path]))


def _resolved(job: Job, requirements: Requirements, on: Platform) -> Found:
    from snapshot.lock import resolve, tools

    resolved = resolve.resolve(
        on.image,
        requirements,
        python=on.facts.python.version,
        root=job.root,
        pip=job.pip,
        cache=job.cache,
        kept=job.upgrades.kept,
        upgrades=job.upgrades.constraints,
        environment=job.environment,
        about=job.step,
    )
    _tell_found(job, resolved)
    return Found(packages=resolved.packages, files=resolved.files, resolver=tools.versions(on.facts.python.version))


def _tell_found(job: Job, found: Resolved) -> None:
    """Indexes that could not be asked, without which it went all the same, and what to know of what was found."""
    for warning in found.warnings:
        job.warn(f"went without an index: {warning}")
    for note in found.notes:
        job.say(note)


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
