"""What there is before a container of the project starts: its lock, its GPUs, and what builds its image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from snapshot.errors import UsageError

if TYPE_CHECKING:
    from snapshot.cli.gpus import Asked
    from snapshot.cli.place import Place
    from snapshot.lock.document import Lock
    from snapshot.record.document import Request
    from snapshot.run.draft import Project
    from snapshot.run.preflight import Grant


def locked(place: Place, request: Request, *, offline: bool, notebook: bool = False) -> tuple[Lock, Grant | None]:
    """The lock of the project, made if that is needed, and how the container gets the GPUs that are asked for.

    With `notebook` the lock has what runs one. Raises HostError when the container can't have the GPUs, UsageError when
    the lock can't have what runs a notebook, and what locking raises.
    """
    from snapshot.cli.build import with_architectures
    from snapshot.cli.lock import current, ensure
    from snapshot.lock.wanted import lacks

    asked = _gpus(place, request)
    lock = current(place)
    if lock and notebook and lacks(lock):
        lock = None
    if asked:
        asked.check(lock)
    if lock is None:
        lock = ensure(place, offline=offline, notebook=notebook)
        if notebook:
            _check_runs_notebooks(lock)
        if asked:
            asked.check(lock)  # before its image is built
    lock = with_architectures(place, lock, offline=offline)
    _tell_gpus(asked, lock)
    return lock, asked.grant() if asked else None


def project_of(place: Place, lock: Lock) -> Project:
    """The project with its lock, which `locked` has brought."""
    from snapshot.lock.document import FILE_NAME
    from snapshot.run.draft import Project

    return Project(
        root=place.root,
        cwd=place.cwd,
        config=place.config,
        lock=lock,
        lock_file=(place.root / FILE_NAME).read_bytes(),
    )


def builder(place: Place, lock: Lock, *, offline: bool) -> Callable[[], None]:
    """Makes the image of the lock, when it turns out not to be there."""

    def build() -> None:
        from snapshot.cli.build import build_image

        build_image(place, lock, offline=offline)

    return build


def _check_runs_notebooks(lock: Lock) -> None:
    """Raises UsageError for pins of another tool that lack what a notebook takes: nothing is added to those."""
    from snapshot.lock.wanted import lacks

    if missing := lacks(lock):
        raise UsageError(
            f"running a notebook takes {' and '.join(f'`{name}`' for name in missing)}, which "
            f"{lock.sources.source} does not pin",
            hint=f"add `{' '.join(missing)}` to what it is made of, and make it anew",
        )


def _gpus(place: Place, request: Request) -> Asked | None:
    """What there is of the GPUs that are asked for; nothing is imported or asked when none are."""
    if request.gpus is None:
        return None
    from snapshot.cli.gpus import Asked

    return Asked(place, request.gpus)


def _tell_gpus(asked: Asked | None, lock: Lock) -> None:
    """What is to be said once the lock is there; refuses what it shows to be impossible."""
    if asked or lock.cuda:
        from snapshot.cli import gpus

        if asked:
            gpus.tell(asked.check(lock))
        else:
            gpus.tell_unused(lock)
