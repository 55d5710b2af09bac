from __future__ import annotations

from pathlib import Path

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import HostError, UsageError
from snapshot.project.names import to_text
from snapshot.record.data import history
from snapshot.record.data.identity import METHODS, Identifier, Identity
from snapshot.record.data.walk import look
from snapshot.record.document import Run
from snapshot.report import data as text
from snapshot.report.text import shown


class _InOrder(click.Group):
    """A group whose commands are listed as they are defined."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group("data", cls=_InOrder, short_help=COMMANDS["data"], no_args_is_help=True)
def command() -> None:
    """Data of runs: what they were, and what has changed since.

    \b
    Example:
      snap data ls
      snap data status data/images
    """


@command.command("ls", short_help="List the data of a run.")
@click.argument("run", default="latest", shell_complete=completing.runs)
@click.option("--json", "as_json", is_flag=True, help="The data as the record has them, as a JSON list.")
def ls(run: str, as_json: bool) -> None:
    """List the data of RUN, by default of `latest`: how many files, how large, their digest, what it was made by.

    \b
    Example:
      snap data ls
      snap data ls latest~1 --json
    """
    record = _run(Place.here(), run)
    if as_json:
        click.echo(encode_json(record.data), nl=False)
    elif not record.data:
        terminal.note(f"run {record.id} had no data")
    else:
        click.echo(text.listing(record.data))


@command.command("status", short_help="Say since which run data are as they are now.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=completing.files)
@click.option("--json", "as_json", is_flag=True, help="All of it, as a JSON list.")
def status(paths: tuple[str, ...], as_json: bool) -> None:
    """Say since which run each PATH is as it is now, and which files have changed; without PATH for the data of the
    latest run. PATH may be a part of the data. Exits with 1 unless all is unchanged.

    \b
    Example:
      snap data status
      snap data status data/images /mnt/sets/faces
    """
    place = Place.here()
    asked = [(place.cwd / path, to_text(path)) for path in paths]
    if not paths:
        asked = [(data.place(place.root), data.path) for data in _run(place, "latest").data]
    identify = Identifying(place, trust_cache=True)
    found = [history.status(place.store, path, name, identify) for path, name in asked]
    if not found:
        terminal.note("the latest run had no data")
    click.echo(encode_json(found) if as_json else text.statuses(found), nl=bool(found) and not as_json)
    raise click.exceptions.Exit(0 if all(item.same for item in found) else 1)


@command.command("diff", short_help="Compare the data of two runs.")
@click.argument("old", metavar="RUN", shell_complete=completing.runs)
@click.argument("new", metavar="RUN", shell_complete=completing.runs)
@click.option("--json", "as_json", is_flag=True, help="All of it, as a JSON list.")
def diff(old: str, new: str, as_json: bool) -> None:
    """Compare the data that two runs had, file by file. Exits with 1 when they differ.

    \b
    Example:
      snap data diff latest~1 latest
    """
    place = Place.here()
    found = history.compare(place.store, _run(place, old), _run(place, new))
    click.echo(encode_json(found) if as_json else text.differences(found), nl=not as_json)
    raise click.exceptions.Exit(0 if all(item.same for item in found) else 1)


@command.command("verify", short_help="Read the data of a run again, and compare.")
@click.argument("run", default="latest", shell_complete=completing.runs)
@click.option("--json", "as_json", is_flag=True, help="All of it, as a JSON list.")
def verify(run: str, as_json: bool) -> None:
    """Read every byte of the data of RUN, by default of `latest`, and compare with the record. Exits with 1 when
    something is not as it was.

    \b
    Example:
      snap data verify
    """
    place = Place.here()
    record = _run(place, run)
    identify = Identifying(place, trust_cache=False)
    found = [history.verify(place.store, data, identify) for data in record.data]
    if not found and not as_json:
        terminal.note(f"run {record.id} had no data")
    else:
        click.echo(encode_json(found) if as_json else text.verified(found), nl=not as_json)
    raise click.exceptions.Exit(0 if all(item.same for item in found) else 1)


class Identifying:
    """Says what data are now, and shows how far it has come."""

    def __init__(self, place: Place, *, trust_cache: bool) -> None:
        self._store = place.store.path
        self._cache: Path | None = None
        if trust_cache:
            try:
                self._cache = place.cache
            except HostError as problem:
                terminal.warn(f"{problem.message}: all is read anew")
        self._known: dict[tuple[Path, str], Identity] = {}

    def __call__(self, path: Path, method: str) -> Identity:
        if (path, method) not in self._known:
            self._known[path, method] = self._identified(path, method)
        return self._known[path, method]

    def _identified(self, path: Path, method: str) -> Identity:
        if method not in METHODS:
            raise UsageError(f"the data were identified by `{method}`, which this version does not know")
        identifier = Identifier(self._store, self._cache, method=METHODS[method])
        seen = look(path)
        if found := identifier.known(seen):
            return found
        with terminal.hashing(f"reading {shown(to_text(str(path)))}") as progress:
            return identifier.identify(seen, progress=progress)


def _run(place: Place, text: str) -> Run:
    return place.store.read(place.store.find(text))
