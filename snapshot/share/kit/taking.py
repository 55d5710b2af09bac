"""What an opened kit brings, put where `snap` looks for it: packages into the cache, the base into the engine, and then
the run into the store. The lock says what each must be, and nothing of it is executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from snapshot.digest import PREFIX
from snapshot.document import Value
from snapshot.errors import IntegrityError
from snapshot.host.engine import Engine
from snapshot.image import debs
from snapshot.lock import document as lock_document
from snapshot.lock import files, old_tools
from snapshot.lock.document import Lock
from snapshot.share.kit import base
from snapshot.share.kit.document import BASE, LOCK
from snapshot.share.kit.reading import Opened


class _Wanted(Value, frozen=True):
    """A file of the package cache."""

    name: str
    sha256: str
    """64 hexadecimal digits."""
    needed: bool
    """Whether the image can't be built without."""


def read_lock(opened: Opened) -> Lock:
    """The lock of the run; raises IntegrityError when it is not the one that the kit names."""
    lock = lock_document.loads(opened.read(LOCK).decode(errors="replace"), where=LOCK)
    if lock.digest != opened.kit.lock:
        raise IntegrityError(f"`{LOCK}` of the kit is not the lock that it names", hint="get another copy of the kit")
    return lock


def packages(opened: Opened, lock: Lock, cache: Path) -> int:
    """Put into the package cache what `lock` names; how many files there were.

    Raises IntegrityError when the kit lacks one that the image is built of.
    """
    found = opened.by_content()
    wanted = list(_wanted(lock))
    lacking = [item.name for item in wanted if item.needed and item.sha256 not in found]
    if lacking:
        raise IntegrityError(f"the kit lacks `{lacking[0]}`, which its lock names", hint="get another copy of the kit")
    there = [item for item in wanted if item.sha256 in found]
    for item in there:
        got, _ = files.keep(found[item.sha256], cache, item.name)
        if got != item.sha256:
            raise IntegrityError(f"`{item.name}` of the kit changed while it was read", hint="try again")
    return len(there)


def load_base(engine: Engine, opened: Opened, lock: Lock) -> bool:
    """Give the engine the base of `lock`; False when it is there. Raises IntegrityError when the kit has another."""
    for entry in base.entries(opened.folder / BASE, f"{BASE}/"):
        opened.file(entry.path)
    return base.load(engine, opened.folder / BASE, lock)


def _wanted(lock: Lock) -> Iterator[_Wanted]:
    for package in lock.packages:
        yield _Wanted(package.wheel.name, package.wheel.hashes["sha256"], True)
        for item in (*([files.sdist_of(package)] if package.sdist else ()), *map(files.wheel_of, package.build)):
            yield _Wanted(item.file.name, item.file.hashes["sha256"], False)
    for os_package in lock.os_packages:
        yield _Wanted(debs.file_name(os_package), os_package.sha256, True)
    for name, sha256 in old_tools.pinned().items():
        yield _Wanted(name, sha256.removeprefix(PREFIX), False)
