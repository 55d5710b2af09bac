from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place, index_of
from snapshot.document import encode_json

if TYPE_CHECKING:
    from snapshot.report.select import Row


def _count(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A number of runs; click's own words would be of an integer range."""
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"'{value}' is not a number of runs, 1 or more")
    return int(value)


@click.command("ls", short_help=COMMANDS["ls"])
@click.argument("repository", metavar="[REPO]", required=False)
@click.option("-n", "--last", metavar="N", callback=_count, help="Only the first N of the list: the newest N runs.")
@click.option(
    "--filter",
    "filters",
    metavar="EXPR",
    multiple=True,
    shell_complete=completing.keys,
    help="Only runs that fit, as in 'lr<0.1'.",
)
@click.option(
    "--sort", metavar="KEY", shell_complete=completing.keys, help="Order by KEY, smallest first; by -KEY the other way."
)
@click.option("--reverse", is_flag=True, help="Turn the order round.")
@click.option(
    "--columns",
    metavar="KEYS",
    shell_complete=completing.keys,
    help="Show these columns: keys with commas between them.",
)
@click.option("--json", "as_json", is_flag=True, help="The whole records, as a JSON list.")
def command(
    repository: str | None,
    last: int | None,
    filters: tuple[str, ...],
    sort: str | None,
    reverse: bool,
    columns: str | None,
    as_json: bool,
) -> None:
    """List the runs of this project, newest first; or those that are in REPO, a repository of a registry.

    A KEY is id, name, tag, for (bisect, noise, verify), status, created, time (seconds), outputs, command, a metric or
    a parameter. EXPR is a key, one of < <= > >= = !=, and a value.

    \b
    Example:
      snap ls --sort -accuracy --filter 'lr<0.1' --filter status=ok
      snap ls --columns id,lr,accuracy,loss
      snap ls --json | jq '.[0].outputs'
      snap ls registry.example.com/team/digits
    """
    from snapshot.report import select
    from snapshot.report.listing import listing, usual

    conditions = [select.parse(text) for text in filters]
    asked = [key.strip() for key in columns.split(",")] if columns else []
    by = sort.removeprefix("-") if sort else None
    rows, documents = _of_registry(repository) if repository is not None else _of_project()
    if rows:
        select.check([*(condition.key for condition in conditions), *asked, *filter(None, [by])], rows)
    for condition in conditions:
        rows = [row for row in rows if condition.fits(row)]
    if by:
        rows = select.ordered(rows, by, descending=by != sort)
    rows = (rows[::-1] if reverse else rows)[:last]
    if as_json:
        click.echo(encode_json([documents(row) for row in rows]), nl=False)
    elif rows:
        width = None if asked else _width()  # what is asked for is shown
        click.echo(listing(rows, asked or usual(rows, width), datetime.now(UTC), width))
    elif conditions:
        terminal.say("no run fits")
    elif repository is not None:
        terminal.say(f"there are no runs in `{repository}`; `snap push` puts one there")
    else:
        terminal.say("no runs yet; start one with `snap run train.py`")


def _of_project() -> tuple[list[Row], Callable[[Row], object]]:
    """The runs of the project, and what `--json` says of each."""
    from snapshot.record import labels
    from snapshot.report.select import Row

    store = Place.here().store
    index = index_of(store)
    for run_id in index.damaged:
        terminal.warn(f"the record of run {run_id} can't be read; see `snap fsck`")
    said = labels.every(store)
    rows = [Row(run, said.get(run.id, labels.NONE)) for run in index.summaries()]
    return rows, lambda row: store.read(row.run.id)


def _of_registry(repository: str) -> tuple[list[Row], Callable[[Row], object]]:
    """The same of a repository; nobody has looked at more than what is told of them."""
    from snapshot.record.labels import Labels
    from snapshot.report.select import Row
    from snapshot.share.remote import listing as remote

    with terminal.step(f"looking into {repository}") as step:
        found = remote(repository, lambda done, total: step.update(f"tag {done + 1:,} of {total:,}"))
    if found.others:
        terminal.note(f"{len(found.others):,} of its tags are no runs, as `{found.others[0]}`")
    rows = {one.digest: Row(one.summary, Labels(tags=dict.fromkeys(one.tags, ""))) for one in found.runs}
    told = {
        id(rows[one.digest]): {"digest": one.digest, "tags": one.tags, "annotations": one.annotations}
        for one in found.runs
    }
    return list(rows.values()), lambda row: told[id(row)]


def _width() -> int | None:
    """Of the terminal; None where the list goes elsewhere, as through a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
