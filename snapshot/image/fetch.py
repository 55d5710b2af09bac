"""The wheels of a lock on this host, before anything is built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from snapshot.errors import NetworkError
from snapshot.host.download import Access, Progress
from snapshot.image import debs
from snapshot.lock import files
from snapshot.lock.document import Lock, Package


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One wheel that is here, checked."""

    path: Path
    size: int


def fetch(
    lock: Lock,
    *,
    cache_dir: Path,
    access: Access,
    offline: bool = False,
    platform: Callable[[], str] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Fetched]:
    """Every wheel of `lock` by its name: out of the cache, a folder of the host, or its index.

    One that was built for the lock, and is nowhere, is built anew of what the lock pins, in the image that `platform`
    names: the base with the OS packages. Raises IntegrityError when bytes are not those that were locked, NetworkError
    when they can't be had, BuildError when a wheel can't be built. `offline` nothing is downloaded, and the error names
    all that would have to be, OS packages too.
    """
    if offline:
        _check_is_here(lock, cache_dir, access, progress)
    wanted = [files.wheel_of(package) for package in lock.packages]
    missing = [package for package in lock.packages if is_built(package) and not _is_here(package, cache_dir, access)]
    if missing:
        _rebuild(missing, lock, cache_dir, access, platform)
    files.fetch(wanted, cache_dir=cache_dir, access=access, progress=progress)
    paths = {item.file.name: files.cache_path(cache_dir, item.file) for item in wanted}
    return {name: Fetched(path=path, size=path.stat().st_size) for name, path in paths.items()}


def _check_is_here(lock: Lock, cache_dir: Path, access: Access, progress: Progress) -> None:
    if names := lacking(lock, cache_dir=cache_dir, access=access, progress=progress):
        raise NetworkError(
            f"offline, and not on this host: {', '.join(names)}", hint="run `snap build` once without `--offline`"
        )


def lacking(lock: Lock, *, cache_dir: Path, access: Access, progress: Progress = lambda _: None) -> list[str]:
    """What would have to be downloaded to build the image, the base not counted, for people.

    Raises IntegrityError as `fetch` does.
    """
    wanted: dict[str, files.Wanted] = {}
    for package in lock.packages:
        if is_built(package) and not _is_here(package, cache_dir, access):
            from snapshot.lock import wheels

            wanted.update((item.file.name, item) for item in wheels.inputs(package, access))
        else:
            wanted[package.wheel.name] = files.wheel_of(package)
    os_packages = debs.lacking(lock.os_packages, cache_dir=cache_dir)
    far = files.lacking(tuple(wanted.values()), cache_dir=cache_dir, access=access, progress=progress)
    names = [debs.named(os_packages)] if os_packages else []
    return [*names, *dict.fromkeys(f"`{item.name}=={item.version}`" for item in far)]


def is_built(package: Package) -> bool:
    """Whether the wheel of `package` was built for the lock, and so is nowhere else."""
    return package.sdist is not None and not package.wheel.url and not package.wheel.path


def _is_here(package: Package, cache_dir: Path, access: Access) -> bool:
    item = files.wheel_of(package)
    places = (files.cache_path(cache_dir, package.wheel), *(folder / package.wheel.name for folder in access.folders))
    return files.is_held(places[0], item.sha256) or any(place.is_file() for place in places[1:])


def _rebuild(
    missing: Sequence[Package],
    lock: Lock,
    cache_dir: Path,
    access: Access,
    platform: Callable[[], str] | None,
) -> None:
    from snapshot.lock import wheels

    if platform is None:
        names = ", ".join(f"`{package.wheel.name}`" for package in missing)
        raise NetworkError(
            f"not on this host, and made for this lock: {names}", hint="run `snap build`, which builds them anew"
        )
    image = platform()
    for package in missing:
        wheels.rebuild(
            image,
            package,
            python=lock.python.version,
            cache=cache_dir,
            access=access,
            epoch=lock.source_date_epoch,
        )
