"""The OS packages of a lock on this host, in the same cache as the wheels, before anything is built.

Of each file the cache is asked first, then the archive, then its dated snapshot, which keeps what the archive drops.
Any order gives the same bytes, since the sha256 of the lock decides.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from snapshot.errors import IntegrityError, NetworkError, SnapshotError
from snapshot.host import package_cache
from snapshot.host.download import ATTEMPTS, CONNECTIONS, Access, Downloader, Progress, RefusedError, connections
from snapshot.lock.document import OsPackage

_TOLD = 5
"""Of how many packages an error tells; of the others it says how many they are."""


def file_name(package: OsPackage) -> str:
    """As Debian names the file: the version without its epoch."""
    return f"{package.name}_{package.version.partition(':')[2] or package.version}_{package.architecture}.deb"


def cache_path(cache_dir: Path, package: OsPackage) -> Path:
    """Where the file of `package` is kept."""
    return package_cache.path(cache_dir, package.sha256, file_name(package))


def fetch(
    packages: Sequence[OsPackage],
    *,
    cache_dir: Path,
    access: Access,
    progress: Progress = lambda _: None,
) -> dict[str, Path]:
    """The file of each package by its name, checked.

    Raises NetworkError that names what can't be had anywhere, IntegrityError when all that is there has other bytes.
    """
    paths = {file_name(package): cache_path(cache_dir, package) for package in packages}
    missing = lacking(packages, cache_dir=cache_dir)
    if missing:
        archive = _Archive(access, cache_dir, progress)
        # The largest first: it is what the others would be waiting for.
        missing.sort(key=lambda package: -package.size)
        with connections() as pool:
            failures = [failure for failure in pool.map(archive.fetch, missing) if failure]
        if failures:
            raise _failure(failures)
    return paths


def lacking(packages: Sequence[OsPackage], *, cache_dir: Path) -> list[OsPackage]:
    """Those of `packages` that this host lacks."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        held = pool.map(lambda package: package_cache.held(cache_path(cache_dir, package), _digest(package)), packages)
        return [package for package, size in zip(packages, held, strict=True) if size is None]


class _Archive:
    """Where packages come from; remembers which servers can't be reached, so that nobody waits for them twice."""

    def __init__(self, access: Access, cache_dir: Path, progress: Progress) -> None:
        self.downloader = Downloader(access)
        self.cache_dir = cache_dir
        self.progress = progress
        self.dead: dict[str, NetworkError] = {}

    def fetch(self, package: OsPackage) -> tuple[OsPackage, list[SnapshotError]] | None:
        """Put the file of `package` into the cache; what is wrong with each of its places when none has it."""
        places = [url for url in (package.url, package.snapshot) if url]
        problems: list[SnapshotError] = []
        for number, url in enumerate(places, start=1):
            host = urllib.parse.urlsplit(url).netloc
            if host in self.dead:
                problems.append(self.dead[host])
                continue
            try:
                self._from(url, package, ATTEMPTS if number == len(places) else 2)
                return None
            except RefusedError as problem:
                problems.append(problem)
            except NetworkError as problem:
                self.dead[host] = problem
                problems.append(problem)
            except IntegrityError as problem:
                problems.append(problem)
        return package, problems

    def _from(self, url: str, package: OsPackage, attempts: int) -> None:
        target = cache_path(self.cache_dir, package)
        with package_cache.partial(target) as file:
            if file is None:
                return
            # What an earlier attempt has left is gone on with, but it may be what is wrong.
            for resumed in (file.seek(0, os.SEEK_END), 0):
                self.progress(resumed)
                try:
                    got = self.downloader.fetch(url, file, where=target, progress=self.progress, attempts=attempts)
                except NetworkError:
                    self.progress(-file.tell())
                    raise
                if got == _digest(package):
                    package_cache.keep(file, target)
                    return
                self.progress(-file.tell())
                file.truncate(0)
                if not resumed:
                    break
        raise IntegrityError(f"{urllib.parse.urlsplit(url).netloc} has other bytes: {got}")


def _digest(package: OsPackage) -> str:
    return f"sha256:{package.sha256}"


def _failure(failures: Sequence[tuple[OsPackage, list[SnapshotError]]]) -> SnapshotError:
    """One error for all that can't be had."""
    packages = [package for package, _ in failures]
    problems = dict.fromkeys(problem.message for _, each in failures[:_TOLD] for problem in each)
    message = f"{named(packages)} can't be had, neither from this host's cache nor elsewhere: {'; '.join(problems)}"
    if all(isinstance(problem, IntegrityError) for _, each in failures for problem in each):
        return IntegrityError(
            f"{named(packages)} is not the file that was locked: {'; '.join(problems)}",
            hint="find out who changed it; if that was meant, run `snap lock --upgrade`",
        )
    names = " ".join(f"--upgrade-package {package.name}" for package in packages[:_TOLD])
    return NetworkError(
        message,
        hint=f"check the network; if they are gone for good, bring the cache of a machine that has them, "
        f"or take newer ones with `snap lock {names}`",
    )


def named(packages: Sequence[OsPackage]) -> str:
    """For an error: some of `packages`, and how many more."""
    said = ", ".join(f"`{package.name}={package.version}`" for package in packages[:_TOLD])
    return said + (f" and {len(packages) - _TOLD} more" if len(packages) > _TOLD else "")
