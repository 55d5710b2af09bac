"""Files of packages on this host, in a cache that is addressed by content: wheels, and what wheels are built from."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from snapshot import digest
from snapshot.errors import IntegrityError, NetworkError
from snapshot.host import package_cache
from snapshot.host.download import CONNECTIONS, Access, Downloader, Progress, connections
from snapshot.host.files import disk_errors
from snapshot.lock.document import BuildPackage, Package, Sdist, Wheel


class Wanted(NamedTuple):
    """One file, and the package that it is of."""

    name: str
    version: str
    file: Wheel | Sdist

    @property
    def sha256(self) -> str:
        """The digest in OCI notation."""
        return digest.PREFIX + self.file.hashes["sha256"]


def wheel_of(package: Package | BuildPackage) -> Wanted:
    """What of `package` is installed."""
    return Wanted(package.name, package.version, package.wheel)


def sdist_of(package: Package) -> Wanted:
    """What the wheel of `package`, which has an sdist, is built from."""
    assert package.sdist
    return Wanted(package.name, package.version, package.sdist)


def cache_path(cache_dir: Path, file: Wheel | Sdist) -> Path:
    """Where `file` is kept."""
    return package_cache.path(cache_dir, digest.PREFIX + file.hashes["sha256"], file.name)


def fetch(
    wanted: Sequence[Wanted],
    *,
    cache_dir: Path,
    access: Access,
    progress: Progress = lambda _: None,
) -> None:
    """Bring every file of `wanted` into the cache: out of a folder of the host, or from its index.

    What is in the cache is hashed again (0.2 s for 300 MB): a file that has changed is fetched anew.
    Raises IntegrityError when bytes are not those that were locked, NetworkError when they can't be had.
    """
    if far := lacking(wanted, cache_dir=cache_dir, access=access, progress=progress):
        _fetch_far(far, cache_dir, access, progress)


def lacking(
    wanted: Sequence[Wanted], *, cache_dir: Path, access: Access, progress: Progress = lambda _: None
) -> list[Wanted]:
    """Those of `wanted` that this host lacks; what a folder of it has is in the cache then."""
    for item in wanted:
        _check_name(item)

    def is_near(item: Wanted) -> bool:
        target = cache_path(cache_dir, item.file)
        return is_held(target, item.sha256) or _from_disk(item, target, access, progress)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [item for item, near in zip(wanted, pool.map(is_near, wanted), strict=True) if not near]


def keep(data: Path, cache_dir: Path, name: str) -> tuple[str, int]:
    """Put a copy of the file `data` into the cache; its sha256 in hexadecimal digits, and its size in bytes."""
    with disk_errors(data), data.open("rb") as file:
        sha256, size = digest.of_stream(file), file.tell()
    _copy(data, package_cache.path(cache_dir, sha256, name), sha256, lambda _: None)
    return digest.hex_of(sha256), size


def is_held(path: Path, sha256: str) -> bool:
    """Whether the cache has the file; one that is not what it was is removed."""
    return package_cache.held(path, sha256) is not None


def _fetch_far(far: list[Wanted], cache_dir: Path, access: Access, progress: Progress) -> None:
    downloader = Downloader(access)
    # The largest first: it is what the others would be waiting for.
    far.sort(key=lambda item: -(item.file.size or 0))
    with connections() as pool:
        jobs = [pool.submit(_download, downloader, cache_path(cache_dir, item.file), item, progress) for item in far]
        package_cache.first_failure(jobs)


def _sources(item: Wanted, access: Access) -> Iterator[Path]:
    if item.file.path:
        yield access.root / item.file.path
    if item.file.url and item.file.url.startswith("file://"):
        yield Path(urllib.parse.unquote(urllib.parse.urlsplit(item.file.url).path))
    for folder in access.folders:
        yield folder / item.file.name


def _from_disk(item: Wanted, target: Path, access: Access, progress: Progress) -> bool:
    """Copy a file of the host into the cache; False when it has none and there is an index to ask."""
    wrong = None
    for source in _sources(item, access):
        got = _copy(source, target, item.sha256, progress)
        if got == item.sha256:
            return True
        wrong = _mismatch(item, got, str(source)) if got else wrong
    if wrong is not None and not _is_remote(item):
        raise wrong
    return False


def _copy(source: Path, target: Path, wanted: str, progress: Progress) -> str | None:
    """Copy `source` into the cache if it is `wanted`; its digest, or None when it can't be read."""
    try:
        original = source.open("rb")
    except OSError:
        return None
    with original, package_cache.partial(target) as file:
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
            package_cache.keep(file, target)
        else:
            progress(-original.tell())
            file.truncate(0)
    return got


def _is_remote(item: Wanted) -> bool:
    return bool(item.file.url) and not str(item.file.url).startswith("file:")


def _download(downloader: Downloader, target: Path, item: Wanted, progress: Progress) -> None:
    url, path = item.file.url, item.file.path
    if not url or not _is_remote(item):
        raise NetworkError(
            f"`{item.file.name}` is not at `{path or url}` any more, and the lock names no index for it",
            hint="put it there, or into a `find-links` folder of pip",
        )
    with package_cache.partial(target) as file:
        if file is None:
            return
        resumed = file.seek(0, os.SEEK_END)
        progress(resumed)
        got = downloader.fetch(url, file, where=target, progress=progress)
        if got != item.sha256 and resumed:
            # What an earlier attempt had left may be what is wrong.
            progress(-file.tell())
            file.truncate(0)
            got = downloader.fetch(url, file, where=target, progress=progress)
        if got != item.sha256:
            file.truncate(0)
            raise _mismatch(item, got, url)
        package_cache.keep(file, target)


def _mismatch(item: Wanted, got: str, source: str) -> IntegrityError:
    return IntegrityError(
        f"`{item.file.name}` from {source} is not the file that was locked: wanted {item.sha256}, got {got}",
        hint=f"find out who changed it; if that was meant, run `snap lock --upgrade-package {item.name}`",
    )


def _check_name(item: Wanted) -> None:
    name, what = item.file.name, "a wheel" if isinstance(item.file, Wheel) else "a file"
    is_fit = name.endswith(".whl") if isinstance(item.file, Wheel) else not name.startswith(".")
    if not name or "/" in name or not name.isprintable() or not is_fit:
        raise IntegrityError(
            f"`{item.name}` is locked to {name!r}, which is not the name of {what}", hint="run `snap lock`"
        )


def other_source(package: Package, what: str, got: str) -> IntegrityError:
    """What was packed anew is not what was packed then."""
    return IntegrityError(
        f"{what} is not what `{package.name}` was built from: it was sha256:{sdist_of(package).file.hashes['sha256']}, "
        f"and now it is sha256:{got}",
        hint=f"bring back what was there (tags of the repository count too), "
        f"or run `snap lock --upgrade-package {package.name}`",
    )
