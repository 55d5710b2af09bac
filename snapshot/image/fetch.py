"""The wheels of a lock on this host, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from snapshot.host.download import Access, Progress
from snapshot.lock import files
from snapshot.lock.document import Lock


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
    progress: Progress = lambda _: None,
) -> dict[str, Fetched]:
    """Every wheel of `lock` by its name: out of the cache, a folder of the host, or its index.

    Raises IntegrityError when bytes are not those that were locked, NetworkError when they can't be had.
    """
    wanted = [files.wheel_of(package) for package in lock.packages]
    files.fetch(wanted, cache_dir=cache_dir, access=access, offline=offline, progress=progress)
    paths = {item.file.name: files.cache_path(cache_dir, item.file) for item in wanted}
    return {name: Fetched(path=path, size=path.stat().st_size) for name, path in paths.items()}
