from __future__ import annotations

import click

from snapshot.cli import completing, leaving, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place


@click.command("push", short_help=COMMANDS["push"])
@click.argument("run", shell_complete=completing.runs)
@click.argument("reference", metavar="REF")
@click.option("--no-results", is_flag=True, help="Leave out what the run wrote; its record names it all the same.")
@click.option("--with-data", is_flag=True, help="The files of the data too, if they are still what the run had.")
def command(run: str, reference: str, no_results: bool, with_data: bool) -> None:
    """Put RUN into a registry as one image that is the whole archive: platform, code, results and record.

    REF is a name as docker has it; without a tag the run's ID is the tag. `docker run REF` repeats the run.

    \b
    Example:
      snap push latest registry.example.com/team/digits
      snap push best registry.example.com/team/digits:best --with-data
    """
    from snapshot.report import text
    from snapshot.share.push import push

    place = Place.here()
    record = place.store.read(place.store.find(run))
    with terminal.transfer(f"pushing run {record.id}") as progress:
        sent = push(
            place.store,
            place.engine,
            record,
            reference,
            cache=place.make_cache(),
            results=not no_results,
            with_data=with_data,
            progress=progress,
        )
    leaving.tell(record, with_data=with_data)
    terminal.note(f"{text.size(sent.bytes)} were new to the registry")
    click.echo(f"{sent.reference}@{sent.digest}")
