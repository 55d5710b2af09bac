"""From what the project asks for to `snap.lock`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snapshot.document import Value
from snapshot.errors import ResolveError, UsageError
from snapshot.lock import document
from snapshot.lock.document import FILE_NAME, Lock, Sources
from snapshot.project import python_version
from snapshot.project import sources as project_sources
from snapshot.project.python_version import PythonChoice
from snapshot.project.requirements import Requirements

if TYPE_CHECKING:
    from snapshot.host.engine import Engine, Image
    from snapshot.lock.resolve import Resolved


class Settings(Value, kw_only=True, frozen=True):
    """What the configuration says that concerns the lock; its fields of the same names fit."""

    base: str | None = None
    python: str | None = None
    requirements: tuple[str, ...] | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    resolver: str = "pip-tools"


class Wanted(Value, kw_only=True, frozen=True):
    """What the project asks for now."""

    requirements: Requirements
    python: PythonChoice | None
    """None when nothing asks for a version."""
    base: str | None


def lock_project(
    root: Path,
    settings: Settings,
    engine: Engine,
    *,
    upgrade: bool = False,
    upgrade_packages: Sequence[str] = (),
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[Lock, bool]:
    """The lock of the project in `root`, resolved and written to `snap.lock` if it does not say that already.

    Returns it and whether the file changed. With nothing changed no engine is asked. Pins of the old lock are kept
    but with `upgrade`, and for `upgrade_packages` (names, or requirements such as `numpy<2`).
    `say` hears what was chosen and what to know of it, `warn` what went wrong without being in the way.
    """
    root = root.resolve()
    old = document.read(root / FILE_NAME)
    wanted = want(root, settings, old)
    if old and not upgrade and not upgrade_packages and difference(old, wanted) is None:
        return old, False
    if old:
        _check_upgrades(upgrade_packages, old, wanted.requirements)
    lock = _resolve(
        root, wanted, engine, None if upgrade else old, tuple(upgrade_packages), cache, environment, say, warn
    )
    return lock, _write(root / FILE_NAME, lock)


def is_current(root: Path, settings: Settings) -> str | None:
    """Why `snap.lock` does not say what the project asks for now; None when it does. Reads files, and no more."""
    old = document.read(root / FILE_NAME)
    return difference(old, want(root.resolve(), settings, old)) if old else f"there is no `{FILE_NAME}`"


def want(root: Path, settings: Settings, old: Lock | None = None) -> Wanted:
    """What the project in `root` asks for; files count that lie beside it and that packages of `old` were made of."""
    requirements = project_sources.read(root, settings.requirements)
    if beside := _beside(root, old):
        requirements = msgspec.structs.replace(requirements, files={**beside, **requirements.files})
    return Wanted(
        requirements=requirements,
        python=python_version.asked(root, settings.python),
        base=settings.base,
    )


def _beside(root: Path, old: Lock | None) -> dict[str, str]:
    """Path → digest now, of the folders and files beside the project that packages of `old` were made of."""
    paths = {file.path for package in old.packages for file in (package.sdist, *package.wheels) if file} if old else ()
    named = sorted(path for path in paths if path and old and path in old.sources.files)
    if not named:
        return {}
    from snapshot.lock import pack

    memory = _user_cache() / "packed"
    return {
        # What this machine lacks can't have changed; the wheel that was built of it may be in the cache.
        path: pack.packed_digest(root / path, memory=memory) if (root / path).exists() else old.sources.files[path]
        for path in named
        if old
    }


def difference(lock: Lock, wanted: Wanted) -> str | None:
    """What the project asks for and `lock` was not made of; None when there is nothing."""
    sources, now = lock.sources, wanted.requirements
    if changed := sorted(dict(sources.files.items() ^ dict(now.files).items())):
        return f"`{changed[0]}` has changed"
    if sources.requirements != _spoken(now):
        if now.source == project_sources.NONE:
            return "the project asks for no packages any more"
        return f"the requirements of {now.source} have changed"
    if sources.base != (f"{wanted.base} (configuration)" if wanted.base else f"{lock.base.reference} (chosen)"):
        return f"the base is to be `{wanted.base}`" if wanted.base else "the base is no longer configured"
    if wanted.python and sources.python != str(wanted.python):
        return f"the Python is to be {wanted.python}"
    if wanted.python and not _is_asked(wanted.python, lock.python.version):
        return f"the Python is to be {wanted.python}, and the lock has {lock.python.version}"
    if not wanted.python and _because(sources.python) in (python_version.CONFIGURED, python_version.VERSION_FILE):
        return "no Python version is asked for any more"
    if not python_version.allows(now.requires_python, lock.python.version):
        return f"`requires-python` is now `{now.requires_python}`"
    return None


def _resolve(
    root: Path,
    wanted: Wanted,
    engine: Engine,
    old: Lock | None,
    upgrades: tuple[str, ...],
    cache: Path | None,
    environment: Mapping[str, str] | None,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Lock:
    import os

    from snapshot.host import pip_config
    from snapshot.lock import base, resolve, syntax, tools, wheels

    environment = os.environ if environment is None else environment
    syntax.check(wanted.requirements)
    image, reference, python = _base(wanted, engine, old, environment)
    of = f", requirements of {wanted.requirements.source}" if wanted.requirements.lines else ""
    say(f"base {reference}, Python {_expected(python)}{of}")
    if not of:
        say(f"{wanted.requirements.source} asks for no packages")
    for sentence in project_sources.unread(root, wanted.requirements):
        say(sentence)
    kept = _kept(old, upgrades)
    pip, cache = pip_config.read(environment), cache or _user_cache()
    resolved = resolve.resolve(
        image.reference,
        wanted.requirements,
        root=root,
        pip=pip,
        cache=cache,
        kept=kept,
        upgrades=[line for line in upgrades if not _NAME.fullmatch(line.strip())],
        environment=environment,
    )
    for warning in resolved.warnings:
        warn(f"went without an index: {warning}")
    for note in resolved.notes:
        say(note)
    _check_python(python, resolved.python.version, reference, wanted)
    if python and python.is_release and python.version != resolved.python.version:
        say(f"Python {resolved.python.version}; `{python.because}` says {python.version}")
    pinned = base.pin(image, reference)
    packages = wheels.build(
        image.reference,
        resolved.packages,
        root=root,
        requirements=wanted.requirements,
        pip=pip,
        cache=cache,
        epoch=base.epoch(image),
        kept=kept if old and old.base == pinned else (),
        environment=environment,
        say=say,
    )
    choice = str(python) if python else f"{resolved.python.version} (base)"
    sources = Sources(
        requirements=_spoken(wanted.requirements),
        files={**wanted.requirements.files, **resolved.files},
        base=base.said(reference, base.CONFIGURED if wanted.base else base.CHOSEN),
        python=choice,
        resolver=tools.versions(),
    )
    return _lock(pinned, base.epoch(image), sources, resolved, packages)


def _base(
    wanted: Wanted, engine: Engine, old: Lock | None, environment: Mapping[str, str]
) -> tuple[Image, str, PythonChoice | None]:
    """The base's image, the name that the lock gives it, and the Python; None where a configured base decides."""
    from snapshot.lock import base

    requires = wanted.requirements.requires_python
    if wanted.base:
        python = wanted.python
        image = base.choose(
            engine,
            configured=wanted.base,
            python=python or PythonChoice(version="3", because="base"),
            old=old.base if old else None,
            at_hand={},
        )
        return image, wanted.base, python
    at_hand = base.local(engine)
    python = _again(old, wanted) or python_version.choose(
        wanted.python,
        requires_python=requires,
        bases=at_hand,
        current=None if wanted.python else python_version.in_use(environment),
    )
    same = old is not None and old.python.version.startswith(python.minor + ".")
    image = base.choose(engine, configured=None, python=python, old=old.base if old and same else None, at_hand=at_hand)
    return image, image.reference.split("@")[0], python


def _again(old: Lock | None, wanted: Wanted) -> PythonChoice | None:
    """The version that was picked before, where nothing asks for another: not what happens to be active today."""
    if (
        old is None
        or wanted.python
        or not python_version.allows(wanted.requirements.requires_python, old.python.version)
    ):
        return None
    because = _because(old.sources.python)
    if because in (python_version.CONFIGURED, python_version.VERSION_FILE, "base"):
        return None
    return PythonChoice(version=old.sources.python.split(" ")[0], because=because)


def _check_python(python: PythonChoice | None, version: str, reference: str, wanted: Wanted) -> None:
    """Raise when the base has another Python than is asked for or required."""
    if python and not f"{version}.".startswith(f"{python.minor}."):
        raise ResolveError(
            f"the base `{reference}` has Python {version}, and {python} is asked for",
            hint="change one of the two in the configuration",
        )
    if python and not _is_asked(python, version):
        raise ResolveError(
            f"the base `{reference}` has Python {version}, and {python} is asked for",
            hint=f'write `python = "{python.minor}"`, or choose another base, '
            f'as in `base = "python:{python.version}-slim-bookworm"`',
        )
    if not python_version.allows(wanted.requirements.requires_python, version):
        raise ResolveError(
            f"the base `{reference}` has Python {version}, "
            f"and the project requires `{wanted.requirements.requires_python}`",
            hint="choose another `base` or `python` in the configuration",
        )


def _expected(python: PythonChoice | None) -> str:
    """The Python as it can be told before the base is asked."""
    if python is None:
        return "of the base"
    return str(python) if python.because == python_version.CONFIGURED else f"{python.minor} ({python.because})"


def _is_asked(python: PythonChoice, version: str) -> bool:
    """Whether `version` will do. In `.python-version` the last number is what pyenv happened to have."""
    return not python.is_release or python.because != python_version.CONFIGURED or version == python.version


_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def _check_upgrades(upgrades: Sequence[str], old: Lock, requirements: Requirements) -> None:
    """Raise UsageError for an upgrade of what is neither in the lock nor asked for."""
    asked = {_normal(found[0]) for line in requirements.places for found in [_NAME.match(line)] if found}
    known = sorted(asked | {package.name for package in old.packages})
    for line in upgrades:
        found = _NAME.match(line.strip())
        if found and _normal(found[0]) not in known:
            close = difflib.get_close_matches(_normal(found[0]), known, n=3)
            raise UsageError(
                f"`{found[0]}` is not in `{FILE_NAME}` and not asked for",
                hint=f"did you mean {' or '.join(f'`{name}`' for name in close)}?"
                if close
                else "name a package of the lock, or add it to the requirements",
            )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _kept(old: Lock | None, upgrades: Sequence[str]) -> tuple[document.Package, ...]:
    """The packages that stay; raises UsageError for an upgrade that begins with no name."""
    dropped = set()
    for line in upgrades:
        found = _NAME.match(line.strip())
        if not found:
            raise UsageError(f"`{line}` is not a package", hint="write it as in `--upgrade-package numpy`")
        dropped.add(_normal(found[0]))
    packages = old.packages if old else ()
    return tuple(package for package in packages if package.name not in dropped)


def _lock(
    base: document.Base, epoch: int, sources: Sources, resolved: Resolved, packages: tuple[document.Package, ...]
) -> Lock:
    from snapshot.lock import cuda

    return Lock(
        source_date_epoch=epoch,
        sources=sources,
        base=base,
        os=resolved.os,
        python=resolved.python,
        frameworks=cuda.frameworks(packages),
        cuda=cuda.runtime(packages),
        packages=packages,
    )


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


def _spoken(requirements: Requirements) -> tuple[str, ...]:
    """The requirements as the lock keeps them: credentials in them are nobody else's affair."""
    if not any("@" in line for line in requirements.lines):
        return requirements.lines
    from snapshot.host.pip_config import strip_credentials

    return tuple(strip_credentials(line) for line in requirements.lines)


def _because(spoken: str) -> str:
    """`.python-version` of `3.11 (.python-version)`."""
    return spoken.partition(" (")[2].removesuffix(")")


def _user_cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("snapshot")
