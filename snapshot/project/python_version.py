"""Which Python the project is to be locked for.

The configuration's `python`, else `.python-version`'s, else the one that the project's `requires-python` and the
bases at hand allow: the interpreter that she uses now if it is among them, otherwise the newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import ResolveError, UsageError

VERSION_FILE = ".python-version"
CONFIGURED = "configuration"
IN_USE = "the interpreter in use"
NEWEST_AT_HAND = "newest base at hand"
NEWEST = "newest that is allowed"
PICKED = (IN_USE, NEWEST_AT_HAND, NEWEST)
"""Why a version is taken that nothing of the project asks for."""
KNOWN = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""Pythons that a registry has an image for."""

_VERSION = re.compile(r"3\.\d+(\.\d+)?")


class PythonChoice(Value, kw_only=True, frozen=True):
    """A Python version and what chose it."""

    version: str
    """As it was asked for: `3.11` or `3.11.7`."""
    because: str
    """`configuration`, `.python-version`, or why it was picked."""

    @property
    def minor(self) -> str:
        """`3.11` of `3.11.7`: what wheels and bases are made for."""
        return ".".join(self.version.split(".")[:2])

    @property
    def is_release(self) -> bool:
        """Whether the patch number is asked for too."""
        return self.version.count(".") > 1

    def __str__(self) -> str:
        return f"{self.version} ({self.because})"


def asked(root: Path, configured: str | None) -> PythonChoice | None:
    """The version that configuration or `.python-version` asks for; raises UsageError when it is no version."""
    if configured:
        if not _VERSION.fullmatch(configured):
            raise UsageError(
                f'`python = "{configured}"` is not a version of Python 3', hint='write it as `python = "3.11"`'
            )
        return PythonChoice(version=configured, because=CONFIGURED)
    for line in _read(root / VERSION_FILE).splitlines():
        # Names of pyenv's virtual environments and of other implementations stand here too.
        if found := _VERSION.fullmatch(line.strip()):
            return PythonChoice(version=found[0], because=VERSION_FILE)
    return None


def choose(
    wish: PythonChoice | None, *, requires_python: str | None, bases: Iterable[str], current: str | None
) -> PythonChoice:
    """The version to lock for.

    `wish` is what `asked` said, `bases` the minor versions of the bases at hand, `current` hers.
    Raises ResolveError when `requires_python` leaves none.
    """
    if wish:
        if not allows(requires_python, wish.version):
            raise ResolveError(
                f"Python {wish.version} ({wish.because}) is not what the project requires: `{requires_python}`",
                hint="change `requires-python` in `pyproject.toml`, or the version that is asked for",
            )
        return wish
    at_hand = [version for version in bases if allows(requires_python, version)]
    possible = at_hand or [
        version for version in {*KNOWN, *([current] if current else [])} if allows(requires_python, version)
    ]
    if not possible:
        raise ResolveError(
            f'no Python that can be had fits `requires-python = "{requires_python}"`',
            hint='change it, or name a base image that has the right one: `base = "…"`',
        )
    if current in possible:
        return PythonChoice(version=current, because=IN_USE)
    newest = max(possible, key=_key)
    return PythonChoice(version=newest, because=NEWEST_AT_HAND if at_hand else NEWEST)


def allows(requires_python: str | None, version: str) -> bool:
    """Whether `requires_python` admits `version`, or some release of it when it is a minor version.

    Raises UsageError when it is no version specifier.
    """
    if not requires_python:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        specifiers = SpecifierSet(requires_python)
    except InvalidSpecifier:
        raise UsageError(
            f'`requires-python = "{requires_python}"` is not a version specifier', hint='write it as `">=3.10"`'
        ) from None
    releases = [version] if version.count(".") > 1 else [version, *(f"{version}.{patch}" for patch in range(30))]
    return any(specifiers.contains(release) for release in releases)


def in_use(environment: Mapping[str, str]) -> str | None:
    """Minor version of the interpreter that `python3` starts for her: the virtual environment's, else that on PATH."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if (prefix := environment.get(variable)) and (version := of_environment(Path(prefix))):
            return version
    from snapshot.host import process

    found = process.find("python3")
    if found is None:
        return None
    if version := _minor(Path(found).resolve().name.removeprefix("python")):
        return version
    # A shim (pyenv, asdf) is a script that decides when it runs.
    done = process.run([found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], timeout=10)
    return _minor(done.stdout.strip())


def of_environment(prefix: Path) -> str | None:
    """Minor version of the virtual environment in `prefix`, as its `pyvenv.cfg` or its folders say."""
    for line in _read(prefix / "pyvenv.cfg").splitlines():
        key, _, value = line.partition("=")
        if key.strip() in ("version", "version_info"):
            return _minor(value.strip())
    return next((_minor(path.name.removeprefix("python")) for path in sorted(prefix.glob("lib/python3.*"))), None)


def _minor(text: str) -> str | None:
    found = re.match(r"3\.\d+", text)
    return found[0] if found else None


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
