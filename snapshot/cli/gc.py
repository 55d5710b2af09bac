from __future__ import annotations

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place, held


@click.command("gc", short_help=COMMANDS["gc"])
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
def command(dry_run: bool) -> None:
    """Remove what no run needs any more: code, lists of data, what processes that died have left.

    Says first how much that is. Runs that are there, finished or not, keep everything that they need.

    \b
    Example:
      snap gc --dry-run
    """
    from snapshot.record import gc
    from snapshot.report.gc import page
    from snapshot.report.text import size

    store = Place.here().store
    if not store.exists():
        terminal.say("no runs yet, and nothing to remove")
        return
    with held(store, alone=not dry_run):
        with terminal.step("looking for what no run needs") as step:
            plan = gc.plan(store, step.moved)
        click.echo(page(plan))
        if plan.waste and not dry_run:
            with terminal.step(f"removing {size(plan.bytes)}"):
                gc.carry_out(store, plan)
            terminal.note(f"removed, {size(plan.bytes)} are free again")
