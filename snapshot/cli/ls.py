from __future__ import annotations

from datetime import UTC, datetime

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.report import text


def _count(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A number of runs; click's own words would be of an integer range."""
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"'{value}' is not a number of runs, 1 or more")
    return int(value)


@click.command("ls", short_help=COMMANDS["ls"])
@click.option("-n", "--last", metavar="N", callback=_count, help="Only the newest N runs.")
@click.option("--json", "as_json", is_flag=True, help="The whole records, as a JSON list.")
def command(last: int | None, as_json: bool) -> None:
    """List the runs of this project, newest first.

    \b
    Example:
      snap ls
      snap ls --json | jq '.[0].outputs'
    """
    import itertools

    store = Place.here().store
    runs = list(itertools.islice(store.all(), last))
    if as_json:
        click.echo(encode_json(runs), nl=False)
        return
    for run_id in store.damaged():
        terminal.warn(f"the record of run {run_id} can't be read")
    if not runs:
        terminal.say("no runs yet; start one with `snap run train.py`")
        return
    click.echo(text.listing(runs, datetime.now(UTC)))
