"""snapshot itself: its version, the packages that it stands on, git."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from snapshot import __version__
from snapshot.doctor.checks import error, note, ok, warning
from snapshot.finding import Finding
from snapshot.host import process

if TYPE_CHECKING:
    from collections.abc import Callable

CHECK = "snapshot"
DISTRIBUTION = "snapshot-ml"
_REMEDY = "`pip install --upgrade --force-reinstall snapshot-ml`"


def look() -> Iterator[Finding]:
    """Against what the installed distribution says that it needs."""
    try:
        needed = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        needed = []
        yield warning(CHECK, f"`{DISTRIBUTION}` is not installed, only on the import path", "`pip install -e .`")
    unfit = list(_unfit(needed, _version))
    yield from unfit or [ok(CHECK, f"snapshot {__version__}, Python {platform.python_version()}, {_resolvers()}")]
    if process.find("git") is None:
        yield note(CHECK, "`git` is not on the PATH: whether a project has uncommitted changes is not recorded")


def _unfit(needed: list[str], version_of: Callable[[str], str | None]) -> Iterator[Finding]:
    """The requirements that the installed packages do not meet."""
    from packaging.requirements import Requirement

    for line in needed:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = version_of(requirement.name)
        if found is None:
            yield error(CHECK, f"`{requirement.name}`, which snapshot needs, is not installed", _REMEDY)
        elif not requirement.specifier.contains(found, prereleases=True):
            said = f"{requirement.name} {found} is installed, and snapshot needs `{requirement.specifier}`"
            yield error(CHECK, said, _REMEDY)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _resolvers() -> str:
    return ", ".join(f"{name} {_version(name)}" for name in ("pip", "pip-tools"))
