"""What is searched along: a package's releases, or a history's commits; each can take its place in a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from snapshot.cause.differences import Hybrid
from snapshot.cause.document import Difference
from snapshot.cause.series import Make, with_code
from snapshot.errors import UsageError
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.host.files import scratch
from snapshot.lock.document import FILE_NAME, Lock
from snapshot.lock.locking import Build, lock_project
from snapshot.lock.releases import releases as known_releases
from snapshot.lock.wanted import settings_of
from snapshot.project import git
from snapshot.project.config import load
from snapshot.project.names import display
from snapshot.record.code.trees import checkout
from snapshot.record.store import Store
from snapshot.run.draft import Draft

Ends = tuple[str, str]


def commits(root: Path, ends: Ends) -> tuple[list[Difference], Make]:
    """Those of the project in `root`. Raises UsageError when git knows no such history."""
    found = git.commits(root, *ends)
    points = [Difference(key=one.id, kind="commit", text=f"{one.id[:12]} {one.subject}") for one in found]
    return points, lambda hybrid, key: with_code(hybrid, git.archive(root, key))


def releases(lock: Lock, name: str, ends: Ends, access: Access) -> list[Difference]:
    """Those of a locked package; pre-releases only where one of the ends is one.

    Raises UsageError when the lock does not have the package or its index not both ends, NetworkError when that can't
    be asked.
    """
    package = next((one for one in lock.packages if one.name == canonicalize_name(name)), None)
    if package is None:
        raise UsageError(f"the run has no package `{display(name)}`", hint="see `snap show`")
    try:
        first, last = map(Version, ends)
    except InvalidVersion as problem:
        raise UsageError(str(problem).lower(), hint="write versions as in `1.26.4..2.0`") from None
    known = known_releases(package, access)
    early = first.is_prerelease or last.is_prerelease
    found = [version for version in known if first <= version <= last and (early or not version.is_prerelease)]
    if len(found) < 2 or (found[0], found[-1]) != (first, last):
        raise UsageError(
            f"the index does not have both ends of {first}..{last} of `{package.name}`",
            hint=f"it has {', '.join(map(str, known[-5:])) or 'none'} last",
        )
    return [Difference(key=str(version), kind="version", text=f"{package.name} {version}") for version in found]


def relocked(
    store: Store, drafted: Draft, name: str, engine: Engine, *, cache: Path, build: Build, say: Callable[[str], None]
) -> Make:
    """On the platform with another release of a package: resolved anew of the run's own code, and all else kept as far
    as it fits. What it makes raises what `lock_project` raises."""

    def make(hybrid: Hybrid, version: str) -> Hybrid:
        say(f"{name} {version}")
        with scratch(cache / "builds") as folder:
            project = folder / "project"
            shutil.copytree(checkout(store.path, drafted.code.digest), project, symlinks=True)
            (project / FILE_NAME).write_bytes(drafted.lock_file)
            upgrade = (f"{name}=={version}",)
            settings = settings_of(load(project))
            lock, _ = lock_project(project, settings, engine, build=build, upgrade_packages=upgrade, write=False)
        return msgspec.structs.replace(hybrid, lock=lock)

    return make
