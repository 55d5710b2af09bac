from __future__ import annotations

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.host import clock


@click.command("tag", short_help=COMMANDS["tag"])
@click.argument("run", shell_complete=completing.runs)
@click.argument("name", shell_complete=completing.tags)
@click.option("-d", "--delete", is_flag=True, help="Take the tag away from RUN.")
def command(run: str, name: str, delete: bool) -> None:
    """Give RUN the tag NAME, which is then a RUN for every command. A run that had the tag loses it.

    The record of the run does not change.

    \b
    Example:
      snap tag latest best
      snap show best
    """
    from snapshot.record import labels, naming

    store = Place.here().store
    run_id = store.find(run)
    if delete:
        labels.untag(store, run_id, name)
        terminal.note(f"run {run_id} has no tag {name} any more")
        return
    naming.check(name, f"snap tag {run}")
    now = clock.now()
    before = labels.tag(store, run_id, name, now)
    moved = f", which run {before} had until now" if before else ""
    terminal.note(f"run {run_id} has the tag {name}{moved}")
