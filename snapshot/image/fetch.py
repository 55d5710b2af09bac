"""The packages of a lock on this host, in a cache that is addressed by content, before anything is built."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from snapshot import digest
from snapshot.errors import IntegrityError, NetworkError
from snapshot.host.download import CONNECTIONS, Access, Downloader, Progress
from snapshot.host.files import disk_errors
from snapshot.image import cache
from snapshot.lock.document import Lock, Package


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One wheel that is here, checked."""

    path: Path
    size: int


def cache_path(cache_dir: Path, package: Package) -> Path:
    """Where the wheel of `package` is kept."""
    return cache.path(cache_dir, package.wheel.sha256, package.wheel.name)


def fetch(
    lock: Lock,
    *,
    cache_dir: Path,
    access: Access,
    offline: bool = False,
    progress: Progress = lambda _: None,
) -> dict[str, Fetched]:
    """Every wheel of `lock` by its name: out of the cache, a folder of the host, or its index.

    What is in the cache is hashed again (0.2 s for 300 MB): a file that has changed is fetched anew.
    Raises IntegrityError when bytes are not those that were locked, NetworkError when they can't be had.
    """
    for package in lock.packages:
        _check_name(package)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        held = list(
            pool.map(lambda package: cache.held(cache_path(cache_dir, package), package.wheel.sha256), lock.packages)
        )
        missing = [package for package, size in zip(lock.packages, held, strict=True) if size is None]
        if missing:
            _fetch_missing(pool, missing, cache_dir, access, offline, progress)
    paths = {package.wheel.name: cache_path(cache_dir, package) for package in lock.packages}
    return {name: Fetched(path=path, size=path.stat().st_size) for name, path in paths.items()}


def _fetch_missing(
    pool: ThreadPoolExecutor,
    missing: list[Package],
    cache_dir: Path,
    access: Access,
    offline: bool,
    progress: Progress,
) -> None:
    def near(package: Package) -> bool:
        return _from_disk(package, cache_path(cache_dir, package), access, progress)

    far = [package for package, found in zip(missing, pool.map(near, missing), strict=True) if not found]
    if not far:
        return
    if offline:
        names = ", ".join(f"`{package.name}=={package.version}`" for package in far)
        raise NetworkError(f"offline, and not on this host: {names}", hint="run `snap build` once without `--offline`")
    downloader = Downloader(access)
    # The largest first: it is what the others would be waiting for.
    far.sort(key=lambda package: -(package.wheel.size or 0))
    jobs = [pool.submit(_download, downloader, cache_path(cache_dir, package), package, progress) for package in far]
    cache.first_failure(jobs)


def _sources(package: Package, access: Access) -> Iterator[Path]:
    wheel = package.wheel
    if wheel.path:
        yield Path(wheel.path)
    if wheel.url and wheel.url.startswith("file://"):
        yield Path(urllib.parse.unquote(urllib.parse.urlsplit(wheel.url).path))
    for folder in access.folders:
        yield folder / wheel.name


def _from_disk(package: Package, target: Path, access: Access, progress: Progress) -> bool:
    """Copy a file of the host into the cache; False when it has none and there is an index to ask."""
    wrong = None
    for source in _sources(package, access):
        got = _copy(source, target, package.wheel.sha256, progress)
        if got == package.wheel.sha256:
            return True
        wrong = _mismatch(package, got, str(source)) if got else wrong
    if wrong is not None and not _is_remote(package):
        raise wrong
    return False


def _copy(source: Path, target: Path, wanted: str, progress: Progress) -> str | None:
    """Copy `source` into the cache if it is `wanted`; its digest, or None when it can't be read."""
    try:
        original = source.open("rb")
    except OSError:
        return None
    with original, cache.partial(target) as file:
        if file is None:
            return wanted
        file.truncate(0)
        hasher = hashlib.sha256()
        while chunk := original.read(digest.CHUNK):
            with disk_errors(target):
                file.write(chunk)
            hasher.update(chunk)
            progress(len(chunk))
        got = digest.PREFIX + hasher.hexdigest()
        if got == wanted:
            cache.keep(file, target)
        else:
            progress(-original.tell())
            file.truncate(0)
    return got


def _is_remote(package: Package) -> bool:
    return bool(package.wheel.url) and not str(package.wheel.url).startswith("file:")


def _download(downloader: Downloader, target: Path, package: Package, progress: Progress) -> None:
    wheel = package.wheel
    if not wheel.url or not _is_remote(package):
        raise NetworkError(
            f"`{wheel.name}` is not at `{wheel.path or wheel.url}` any more, and the lock names no index for it",
            hint="put it there, or into a `find-links` folder of pip",
        )
    with cache.partial(target) as file:
        if file is None:
            return
        resumed = file.seek(0, os.SEEK_END)
        progress(resumed)
        got = downloader.fetch(wheel.url, file, where=target, progress=progress)
        if got != wheel.sha256 and resumed:
            # What an earlier attempt had left may be what is wrong.
            progress(-file.tell())
            file.truncate(0)
            got = downloader.fetch(wheel.url, file, where=target, progress=progress)
        if got != wheel.sha256:
            file.truncate(0)
            raise _mismatch(package, got, wheel.url)
        cache.keep(file, target)


def _mismatch(package: Package, got: str, source: str) -> IntegrityError:
    return IntegrityError(
        f"`{package.wheel.name}` from {source} is not the file that was locked: "
        f"wanted {package.wheel.sha256}, got {got}",
        hint=f"find out who changed it; if that was meant, run `snap lock --upgrade-package {package.name}`",
    )


def _check_name(package: Package) -> None:
    name = package.wheel.name
    if name in ("", ".", "..") or "/" in name or not name.isprintable() or not name.endswith(".whl"):
        raise IntegrityError(
            f"`{package.name}` is locked to {name!r}, which is not the name of a wheel", hint="run `snap lock`"
        )
