from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import SnapshotError, StaleLockError, UsageError
from snapshot.host.files import disk_errors, make_dirs, write_atomic
from snapshot.lock import document
from snapshot.lock.export import FORMATS, export
from snapshot.lock.locking import Build, lock_project
from snapshot.lock.wanted import AUTO, Settings, difference, settings_of, want
from snapshot.project.names import display

if TYPE_CHECKING:
    from snapshot.lock.document import Lock

DEV_CONTAINER = ".devcontainer"
"""The folder where editors look for their file: made where it is not there."""
MOST = 10
"""Changes that are shown where locking is not what was asked for."""


@click.command("lock", short_help=COMMANDS["lock"])
@click.option("--upgrade", is_flag=True, help="Take the newest versions of everything.")
@click.option(
    "--upgrade-package",
    "packages",
    multiple=True,
    metavar="NAME",
    shell_complete=completing.packages,
    help="Take the newest version of NAME, keep the rest.",
)
@click.option(
    "--from",
    "source",
    metavar="FILE",
    shell_complete=completing.files,
    help="Take the requirements of FILE from now on; `auto` for what is found.",
)
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if snap.lock is not what the project asks for.")
@click.option("--export", "form", type=click.Choice(FORMATS), help="Print the lock in a format of other tools.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write what is exported to this file.")
def command(
    upgrade: bool, packages: tuple[str, ...], source: str | None, check: bool, form: str | None, output: Path | None
) -> None:
    """Write snap.lock: base image, OS packages, Python, every package with file and hash, CUDA and the driver for it.

    With nothing changed since the last time, nothing is resolved and no byte changes.

    \b
    Example:
      snap lock
      snap lock --upgrade-package torch
      snap lock --export cyclonedx -o sbom.json
    """
    if check and (upgrade or packages or source):
        raise UsageError(
            "`--check` changes nothing, and `--upgrade` and `--from` do",
            hint="leave out `--check`, or `--upgrade`, `--upgrade-package` and `--from`",
        )
    if check and form:
        raise UsageError("`--check` and `--export` are two things to do", hint="type one command for each")
    _check_output(form, output)
    place = Place.here()
    settings = settings_of(place.config, source=_named(place, source))
    if check:
        _check(place, settings)
        return
    old = document.read(place.root / document.FILE_NAME)
    lock, changed = _lock(place, settings, upgrade=upgrade, packages=packages)
    terminal.note(f"snap.lock {'is written' if changed else 'is up to date'}: {_summary(lock)}")
    _tell_changes(old, lock)
    if form:
        _export(place, lock, form, output)


def current(place: Place) -> Lock | None:
    """The lock of the project if it is what the project asks for now; nothing is made."""
    lock, reason = _found(place, settings_of(place.config))
    return None if reason else lock


def _found(place: Place, settings: Settings) -> tuple[Lock | None, str | None]:
    """The lock of the project, read once, and why it is not what the project asks for now; None when it is."""
    lock = document.read(place.root / document.FILE_NAME)
    if lock is None:
        return None, f"there is no `{document.FILE_NAME}`"
    return lock, difference(lock, want(place.root, settings, lock), place.root)


def ensure(place: Place, *, offline: bool = False, notebook: bool = False) -> Lock:
    """The lock of the project, made if there is none or the project asks for something else now.

    With `notebook` one that runs notebooks. Raises StaleLockError when the lock would have to be made and `offline`
    forbids it.
    """
    settings = settings_of(place.config, notebook=notebook)
    old, reason = _found(place, settings)
    if old and reason is None:
        return old
    if offline:
        raise StaleLockError(f"offline, and snap.lock must be made first: {reason}", hint="run `snap lock`")
    lock, _ = _lock(place, settings)
    terminal.note(f"snap.lock is written: {_summary(lock)}")
    _tell_changes(old, lock, most=MOST)
    return lock


def _check(place: Place, settings: Settings) -> None:
    """Raises StaleLockError, with what locking would change shown before, where that can be told."""
    old, reason = _found(place, settings)
    if reason is None:
        terminal.note("snap.lock is up to date")
        return
    if old:
        # Without an engine or an index it is as stale.
        with suppress(SnapshotError):
            with terminal.step("resolving") as step:
                new, _ = lock_project(
                    place.root, settings, place.engine, build=image_for(place), write=False, step=step.update
                )
            if not _tell_changes(old, new):
                terminal.note("nothing of the stack would change")
    raise StaleLockError(f"snap.lock is not up to date: {reason}", hint="run `snap lock`")


def _tell_changes(old: Lock | None, new: Lock, *, most: int | None = None) -> bool:
    """Whether there are any."""
    from snapshot.compare.lock import changes
    from snapshot.report.lock import table

    found = changes(old, new)
    if found:
        terminal.say(table(found, most=most))
    return bool(found)


def _check_output(form: str | None, output: Path | None) -> None:
    """Raises UsageError for a place that nothing can be exported to, before anything is locked in vain."""
    if output is None:
        return
    if not form:
        raise UsageError("`--output` is where an export goes", hint=f"name a format: `--export {FORMATS[0]}`")
    shown = display(str(output))
    if output.is_dir():
        raise UsageError(f"`--output {shown}` is a folder", hint="name a file in it")
    if not output.parent.is_dir() and output.parent.name != DEV_CONTAINER:
        raise UsageError(f"`--output {shown}` is in a folder that does not exist", hint="make it, or name another")
    if form == "pylock" and not re.fullmatch(r"pylock\.(?:[^.]+\.)?toml", output.name):
        terminal.warn(f"`{shown}` is not a name by which other tools know a `pylock.toml` (PEP 751)")


def _export(place: Place, lock: Lock, form: str, output: Path | None) -> None:
    text = export(lock, form, root=place.root)
    if output is None:
        click.echo(text, nl=False)
        return
    if output.parent.name == DEV_CONTAINER:
        make_dirs(output.parent)
    if output.exists() and not output.is_file():
        with disk_errors(output):
            output.write_text(text, encoding="utf-8")  # a pipe, a device: never replaced
    else:
        write_atomic(output.resolve(), text.encode())
    terminal.note(f"`{display(str(output))}` is written")


def _named(place: Place, source: str | None) -> str | None:
    """The file of `--from` as seen from the project; raises UsageError where the configuration says otherwise."""
    if source is None or source == AUTO:
        return source
    if place.config.requirements is not None:
        raise UsageError(
            "`--from` names a file, and the configuration lists `requirements`", hint="keep one of the two"
        )
    return Path(os.path.relpath(place.cwd / source, place.root)).as_posix()


def image_for(place: Place) -> Build:
    """Builds the image that Python packages are resolved on where there are OS packages."""

    def build(lock: Lock) -> str:
        from snapshot.cli.build import build_image

        return build_image(place, lock).reference

    return build


def _lock(
    place: Place, settings: Settings, *, upgrade: bool = False, packages: tuple[str, ...] = ()
) -> tuple[Lock, bool]:
    with terminal.step("locking") as step:
        return lock_project(
            place.root,
            settings,
            place.engine,
            build=image_for(place),
            upgrade=upgrade,
            upgrade_packages=packages,
            say=terminal.note,
            warn=terminal.warn,
            step=step.update,
        )


def _summary(lock: Lock) -> str:
    cuda = f", CUDA {lock.cuda.runtime} (driver {lock.cuda.driver_minimum} or newer)" if lock.cuda else ""
    number, system = len(lock.packages), len(lock.os_packages)
    of_system = f", {system} OS package{'s' * (system != 1)}" if system else ""
    packages = f"{number} package{'s' * (number != 1)}{of_system}"
    return f"Python {lock.python.version} on {lock.os.name}, {packages}{cuda}"
