"""What the project asks for now, and whether a lock was made of just that. Reads files, and no more: every start of a
run asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.lock import document
from snapshot.lock.document import FILE_NAME, Lock
from snapshot.project import apt, python_version
from snapshot.project import sources as project_sources
from snapshot.project.apt import OsRequest
from snapshot.project.config import Configuration
from snapshot.project.python_version import PythonChoice
from snapshot.project.requirements import Requirements

NAMED = "--from"
AUTO = "auto"

_HASHED = "--hash"
NOTEBOOKS = {"ipykernel": "ipykernel", "nbclient": "nbclient>=0.10"}
"""What running a notebook takes, by name: older ones of nbclient do not write the same file twice."""


class Settings(Value, kw_only=True, frozen=True):
    """What the configuration and the command line say that concerns the lock."""

    base: str | None = None
    python: str | None = None
    requirements: tuple[str, ...] | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    source: str | None = None
    """The file that `--from` names; `auto` for what is found; None for what the lock was made from."""
    resolver: str = "pip-tools"
    notebook: bool = False
    """Whether a notebook is to be run; a lock that was made for one stays so."""


def settings_of(config: Configuration, *, source: str | None = None, notebook: bool = False) -> Settings:
    """What `config`, and `--from` if it was given, say."""
    return Settings(
        base=config.base,
        python=config.python,
        requirements=config.requirements,
        extras=config.extras,
        groups=config.groups,
        packages=config.packages,
        resolver=config.resolver,
        source=source,
        notebook=notebook,
    )


class Wanted(Value, kw_only=True, frozen=True):
    """What the project asks for now."""

    requirements: Requirements
    source: str
    """Where the requirements stand, as the lock has it."""
    os_request: OsRequest
    python: PythonChoice | None
    """None when nothing asks for a version."""
    base: str | None
    resolver: str

    @property
    def packages(self) -> tuple[str, ...]:
        """The OS packages that are asked for, as the lock has them."""
        return tuple(name.text for name in self.os_request.names)


def is_current(root: Path, settings: Settings) -> str | None:
    """Why `snap.lock` does not say what the project asks for now; None when it does."""
    root = root.resolve()
    old = document.read(root / FILE_NAME)
    if old is None:
        return f"there is no `{FILE_NAME}`"
    named = _named(settings, old)
    if named and settings.source is None and not (root / named).exists():
        return f"`{named}` is gone, which it was made from"
    return difference(old, want(root, settings, old), root)


def want(
    root: Path, settings: Settings, old: Lock | None = None, *, environment: Mapping[str, str] | None = None
) -> Wanted:
    """What the project in `root` asks for; a file that was named with `--from` for `old` stays named.

    `environment` tells where the versions are installed that imports are to have; without it they have none.
    """
    chosen = _named(settings, old)
    if chosen and settings.source is None and not (root / chosen).exists():
        raise UsageError(
            f"there is no file `{chosen}`, which `{FILE_NAME}` was made from",
            hint="name another with `snap lock --from FILE`, or take what is found with `snap lock --from auto`",
        )
    requirements = project_sources.read(
        root,
        settings.requirements,
        chosen=chosen,
        extras=settings.extras,
        groups=settings.groups,
        environment=environment,
    )
    requirements = msgspec.structs.replace(requirements, implied=_implied(requirements, settings, old))
    wish = python_version.asked(root, settings.python)
    if wish is None and requirements.python:
        wish = PythonChoice(version=requirements.python, because=requirements.source)
    return Wanted(
        requirements=requirements,
        source=f"{requirements.source} ({NAMED})" if chosen else requirements.source,
        os_request=apt.read(root, settings.packages),
        python=wish,
        base=settings.base,
        resolver="pip-tools" if _is_for_pip(requirements) else settings.resolver,
    )


def _named(settings: Settings, old: Lock | None) -> str | None:
    """The file that `--from` names, or named when `old` was made."""
    named = settings.source
    if named is None and old is not None and because(old.sources.source) == NAMED:
        named = old.sources.source.removesuffix(f" ({NAMED})")
    return None if named == AUTO or settings.requirements is not None else named


def _implied(requirements: Requirements, settings: Settings, old: Lock | None) -> tuple[str, ...]:
    """What is asked for though nobody wrote it; to what is pinned, or must have hashes, nothing is added."""
    if requirements.pins is not None or any(_HASHED in line for line in requirements.lines):
        return ()
    if settings.notebook:
        return tuple(NOTEBOOKS.values())
    return old.sources.implied if old and settings.source != AUTO else ()


def lacks(lock: Lock) -> tuple[str, ...]:
    """What running a notebook takes and `lock` does not have."""
    return tuple(sorted(NOTEBOOKS.keys() - {package.name for package in lock.packages}))


def _is_for_pip(requirements: Requirements) -> bool:
    """Whether there are lines that uv would not keep to: it checks no hashes and builds nothing while it resolves."""
    options = (_HASHED, "--require-hashes", "--no-binary")
    return any(option in line for line in requirements.lines for option in options)


def difference(lock: Lock, wanted: Wanted, root: Path) -> str | None:
    """What the project in `root` asks for and `lock` was not made of; None when there is nothing."""
    sources, now = lock.sources, wanted.requirements
    files = {**_beside(lock, root), **now.files, **wanted.os_request.files}
    if changed := sorted(dict(sources.files.items() ^ files.items())):
        return f"`{changed[0]}` has changed"
    # What is imported is among the files; the versions are those of the environment that was active then.
    if sources.requirements != spoken(now) and now.source != project_sources.IMPORTS:
        if now.source == project_sources.NONE:
            return "the project asks for no packages any more"
        return f"the requirements of {now.source} have changed"
    if sources.implied != now.implied:
        return (
            f"running notebooks takes {_listed(now.implied)}"
            if now.implied
            else "what runs notebooks is no longer added"
        )
    if sources.base != (f"{wanted.base} (configuration)" if wanted.base else f"{lock.base.reference} (chosen)"):
        return f"the base is to be `{wanted.base}`" if wanted.base else "the base is no longer configured"
    if sources.packages != wanted.packages:
        return "other OS packages are asked for"
    if sources.source not in ("", wanted.source):
        return f"the requirements are to be those of {wanted.source}"
    if lock.import_roots != now.import_roots:
        return f"the import path is to have {_listed(now.import_roots)}, and the lock has {_listed(lock.import_roots)}"
    if now.pins is None and not sources.resolver.startswith(wanted.resolver):
        return f"the resolver is to be `{wanted.resolver}`"
    return _other_python(lock, wanted)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no folders"


def _beside(lock: Lock, root: Path) -> dict[str, str]:
    """Path → digest now, of the folders and files beside the project that packages of `lock` were made of."""
    paths = {file.path for package in lock.packages for file in (package.sdist, *package.wheels) if file}
    named = sorted(path for path in paths if path and path in lock.sources.files)
    if not named:
        return {}
    from snapshot.host.files import user_cache
    from snapshot.lock import pack

    memory = user_cache() / "packed"
    return {
        # What this machine lacks can't have changed; the wheel that was built of it may be in the cache.
        path: pack.packed_digest(root / path, memory=memory) if (root / path).exists() else lock.sources.files[path]
        for path in named
    }


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
