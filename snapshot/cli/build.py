from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import UsageError
from snapshot.project.names import display
from snapshot.report import text

if TYPE_CHECKING:
    from snapshot.image.build import BuiltImage, Event
    from snapshot.lock.document import Lock


@click.command("build", short_help=COMMANDS["build"])
@click.option("--check", is_flag=True, help="Build once more from clean and compare; exit 1 if it comes out different.")
@click.option("--no-cache", is_flag=True, help="Build every layer anew.")
@click.option("--offline", is_flag=True, help="Download nothing: packages must be on this host.")
@click.option(
    "--run",
    metavar="RUN",
    shell_complete=completing.runs,
    help="Build the image that RUN had, by its lock; the project's is left alone.",
)
@click.option("--tag", metavar="NAME[:TAG]", help="Give the image this name too.")
@click.option(
    "--context", type=click.Path(path_type=Path), help="Write what plain Docker needs to build it to this folder."
)
def command(check: bool, no_cache: bool, offline: bool, run: str | None, tag: str | None, context: Path | None) -> None:
    """Build the image that snap.lock describes; the lock is made first if the project asks for something else now.

    The same lock gives the same image, bit for bit. If the image is there, nothing is done.

    \b
    Example:
      snap build
      snap build --check
      snap build --context /tmp/context
      snap build --run latest~3 --offline
    """
    _check_tag(tag)
    place = Place.here()
    lock = _lock_of(place, run, offline=offline)
    if context:
        _write_context(place, lock, context, offline=offline)
        return
    built = build_image(place, lock, no_cache=no_cache, offline=offline, tag=tag)
    said = "is there already" if built.was_there else f"is built in {text.duration(built.seconds)}"
    terminal.note(f"image {built.reference} {said}")
    click.echo(built.id)
    if check:
        _check(place, lock, offline=offline)


def _lock_of(place: Place, run: str | None, *, offline: bool) -> Lock:
    """The lock of the run that is asked for, else the project's."""
    if run is None:
        from snapshot.cli.lock import ensure

        return ensure(place, offline=offline)
    from snapshot.errors import StoreError
    from snapshot.lock import document

    run_id = place.store.find(run)
    lock = document.read(place.store.folder(run_id) / document.FILE_NAME)
    if lock is None:
        raise StoreError(f"run `{run_id}` has no lock", hint="see `snap fsck`")
    return lock


_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?=.{{1,255}}$)(?:[a-zA-Z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?", re.ASCII
)
"""A name and a tag; https://pkg.go.dev/github.com/distribution/reference has the grammar."""


def _check_tag(tag: str | None) -> None:
    """Raises UsageError before anything is built in vain."""
    if tag is not None and not _IMAGE.fullmatch(tag):
        raise UsageError(
            f"`--tag {display(tag)}` is not a name that an image can have",
            hint="write it in lower case without spaces, as in `--tag my-training:1`",
        )


def _write_context(place: Place, lock: Lock, target: Path, *, offline: bool) -> None:
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.image.build import write_context

    with terminal.step("fetching packages"):
        write_context(
            place.engine,
            lock,
            target,
            cache_dir=place.make_cache(),
            access=access_of(read(os.environ), place.root),
            offline=offline,
        )
    terminal.note(f"`{target}/Dockerfile` begins with the command that builds it")


def build_image(
    place: Place, lock: Lock, *, no_cache: bool = False, offline: bool = False, tag: str | None = None
) -> BuiltImage:
    """Build the image of `lock`, showing what goes on; then its framework tells the lock what GPUs it is built for."""
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.image.build import build, present

    if not no_cache and present(place.engine, lock):
        return build(place.engine, lock, cache_dir=place.cache, tag=tag)
    cache = place.make_cache()
    with terminal.step("building the image") as step:
        built = build(
            place.engine,
            lock,
            cache_dir=cache,
            access=access_of(read(os.environ), place.root),
            tag=tag,
            no_cache=no_cache,
            offline=offline,
            progress=Shown(step),
        )
    if lock.cuda:
        _note_architectures(place, lock, built.reference)
    return built


def with_architectures(place: Place, lock: Lock, *, offline: bool) -> Lock:
    """`lock` with the GPU architectures of its framework, which a missing image is built for now.

    They are noted in `snap.lock`, a file of the project: before a run sees the project, or the second run of the same
    code would find it changed.
    """
    if lock.cuda is None:
        return lock
    from snapshot.image.build import present
    from snapshot.lock import architectures, document

    if not architectures.are_to_ask(lock) or present(place.engine, lock):
        return lock
    build_image(place, lock, offline=offline)
    return document.read(place.root / document.FILE_NAME) or lock


def _note_architectures(place: Place, lock: Lock, image: str) -> None:
    from snapshot.errors import SnapshotError
    from snapshot.lock import architectures

    if not architectures.are_to_ask(lock):
        return
    with terminal.step("asking for the GPU architectures"):
        found = architectures.ask(image, lock, warn=terminal.warn)
    try:
        architectures.note(place.root, lock, found)
    except SnapshotError as problem:
        terminal.warn(f"the GPU architectures are not noted in the lock: {problem.message}")


class Shown:
    """Turns what the build says into one line."""

    def __init__(self, step: terminal.Step) -> None:
        self.step, self.total, self.here = step, 0, 0

    def __call__(self, event: Event) -> None:
        if event.step == "packages":
            if event.state == "started":
                self.total, self.here = event.size, 0
                self.step.update("fetching packages")
            elif event.state == "bytes":
                self.here += event.size
                self.step.moved(self.here, self.total)
        elif event.state == "started":
            self.step.update("writing the image" if event.step == "image" else f"installing {event.step}")


def _check(place: Place, lock: Lock, *, offline: bool) -> None:
    from snapshot.errors import DifferentError
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.image.build import check

    with terminal.step("building once more from clean") as step:
        found = check(
            place.engine,
            lock,
            cache_dir=place.make_cache(),
            access=access_of(read(os.environ), place.root),
            offline=offline,
            progress=Shown(step),
        )
    if not found.same:
        layers = ", ".join(found.differing) or "its configuration"
        raise DifferentError(f"the image came out different: {found.got}, in {layers}")
    terminal.note("built once more from clean: the same image, bit for bit")
