from __future__ import annotations

from typing import TYPE_CHECKING

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import StaleLockError, UsageError
from snapshot.lock import document
from snapshot.lock.locking import Settings, is_current, lock_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from snapshot.lock.document import Lock


@click.command("lock", short_help=COMMANDS["lock"])
@click.option("--upgrade", is_flag=True, help="Take the newest versions of everything.")
@click.option(
    "--upgrade-package",
    "packages",
    multiple=True,
    metavar="NAME",
    help="Take the newest version of NAME, keep the rest.",
)
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if snap.lock is not what the project asks for.")
def command(upgrade: bool, packages: tuple[str, ...], check: bool) -> None:
    """Write snap.lock: base image, Python, every package with file and hash, CUDA and the driver that it expects.

    With nothing changed since the last time, nothing is resolved and no byte changes.

    \b
    Example:
      snap lock
      snap lock --upgrade-package torch
    """
    if check and (upgrade or packages):
        raise UsageError(
            "`--check` changes nothing, and `--upgrade` does",
            hint="leave out `--check`, or `--upgrade` and `--upgrade-package`",
        )
    place = Place.here()
    settings = _settings(place)
    if check:
        reason = is_current(place.root, settings)
        if reason:
            raise StaleLockError(f"snap.lock is not up to date: {reason}", hint="run `snap lock`")
        terminal.note("snap.lock is up to date")
        return
    lock, changed = _lock(place, settings, upgrade=upgrade, packages=packages)
    terminal.note(f"snap.lock {'is written' if changed else 'is up to date'}: {_summary(lock)}")


def current(place: Place) -> Lock | None:
    """The lock of the project if it is what the project asks for now; nothing is made."""
    if is_current(place.root, _settings(place)) is not None:
        return None
    return document.read(place.root / document.FILE_NAME)


def ensure(place: Place, *, offline: bool = False) -> Lock:
    """The lock of the project, made if there is none or the project asks for something else now.

    Raises StaleLockError when that would be needed and `offline` forbids it.
    """
    settings = _settings(place)
    reason = is_current(place.root, settings)
    old = document.read(place.root / document.FILE_NAME)
    if old and reason is None:
        return old
    if offline:
        raise StaleLockError(f"offline, and snap.lock must be made first: {reason}", hint="run `snap lock`")
    lock, _ = _lock(place, settings)
    terminal.note(f"snap.lock is written: {_summary(lock)}")
    return lock


def _settings(place: Place) -> Settings:
    config = place.config
    return Settings(base=config.base, python=config.python, requirements=config.requirements)


def _lock(
    place: Place, settings: Settings, *, upgrade: bool = False, packages: tuple[str, ...] = ()
) -> tuple[Lock, bool]:
    said: list[tuple[Callable[[str], None], str]] = []
    with terminal.step("locking"):
        result = lock_project(
            place.root,
            settings,
            place.engine,
            upgrade=upgrade,
            upgrade_packages=packages,
            say=lambda text: said.append((terminal.note, text)),
            warn=lambda text: said.append((terminal.warn, text)),
        )
    for speak, text in said:
        speak(text)
    return result


def _summary(lock: Lock) -> str:
    cuda = f", CUDA {lock.cuda.runtime} (driver {lock.cuda.driver_minimum} or newer)" if lock.cuda else ""
    number = len(lock.packages)
    return f"Python {lock.python.version} on {lock.os.name}, {number} package{'s' * (number != 1)}{cuda}"
