"""What the project asks for now, and whether a lock was made of just that. Reads files, and no more: every start of a
run asks.
"""

from __future__ import annotations

from pathlib import Path

from snapshot.document import Value
from snapshot.lock import document
from snapshot.lock.document import FILE_NAME, Lock
from snapshot.project import python_version
from snapshot.project import sources as project_sources
from snapshot.project.python_version import PythonChoice
from snapshot.project.requirements import Requirements


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
    resolver: str


def is_current(root: Path, settings: Settings) -> str | None:
    """Why `snap.lock` does not say what the project asks for now; None when it does."""
    old = document.read(root / FILE_NAME)
    return difference(old, want(root.resolve(), settings)) if old else f"there is no `{FILE_NAME}`"


def want(root: Path, settings: Settings) -> Wanted:
    """What the project in `root` asks for."""
    requirements = project_sources.read(root, settings.requirements)
    return Wanted(
        requirements=requirements,
        python=python_version.asked(root, settings.python),
        base=settings.base,
        resolver=settings.resolver,
    )


def difference(lock: Lock, wanted: Wanted) -> str | None:
    """What the project asks for and `lock` was not made of; None when there is nothing."""
    sources, now = lock.sources, wanted.requirements
    if changed := sorted(dict(sources.files.items() ^ dict(now.files).items())):
        return f"`{changed[0]}` has changed"
    if sources.requirements != spoken(now):
        if now.source == project_sources.NONE:
            return "the project asks for no packages any more"
        return f"the requirements of {now.source} have changed"
    if sources.base != (f"{wanted.base} (configuration)" if wanted.base else f"{lock.base.reference} (chosen)"):
        return f"the base is to be `{wanted.base}`" if wanted.base else "the base is no longer configured"
    if not sources.resolver.startswith(wanted.resolver):
        return f"the resolver is to be `{wanted.resolver}`"
    return _other_python(lock, wanted)


def _other_python(lock: Lock, wanted: Wanted) -> str | None:
    said, requires = lock.sources.python, wanted.requirements.requires_python
    if wanted.python and said != str(wanted.python):
        return f"the Python is to be {wanted.python}"
    if wanted.python and not is_asked(wanted.python, lock.python.version):
        return f"the Python is to be {wanted.python}, and the lock has {lock.python.version}"
    if not wanted.python and because(said) in (python_version.CONFIGURED, python_version.VERSION_FILE):
        return "no Python version is asked for any more"
    if not python_version.allows(requires, lock.python.version):
        return f"`requires-python` is now `{requires}`"
    return None


def is_asked(python: PythonChoice, version: str) -> bool:
    """Whether `version` will do. In `.python-version` the last number is what pyenv happened to have."""
    return not python.is_release or python.because != python_version.CONFIGURED or version == python.version


def because(said: str) -> str:
    """`.python-version` of `3.11 (.python-version)`."""
    return said.partition(" (")[2].removesuffix(")")


def spoken(requirements: Requirements) -> tuple[str, ...]:
    """The requirements as the lock keeps them: credentials in them are nobody else's affair."""
    if not any("@" in line for line in requirements.lines):
        return requirements.lines
    from snapshot.host.pip_config import strip_credentials

    return tuple(strip_credentials(line) for line in requirements.lines)
