from __future__ import annotations

from datetime import UTC, datetime

import click

from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.report import text


@click.command("ls", short_help=COMMANDS["ls"])
@click.option("-n", "--last", type=click.IntRange(min=1), help="Only the newest N runs.")
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
        click.echo(f"warning: the record of run {run_id} can't be read", err=True)
    if not runs:
        click.echo("no runs yet; start one with `snap run train.py`", err=True)
        return
    click.echo(text.listing(runs, datetime.now(UTC)))
