from __future__ import annotations

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place, held
from snapshot.document import encode_json


@click.command("fsck", short_help=COMMANDS["fsck"])
@click.option("--repair", is_flag=True, help="Make anew what can be, and remove what processes that died have left.")
@click.option("--json", "as_json", is_flag=True, help="The findings, as a JSON list.")
@click.pass_context
def command(ctx: click.Context, repair: bool, as_json: bool) -> None:
    """Check every digest of the store: records, outputs, code, data, labels and the index; exit 1 if anything is wrong.

    Reads all of it. What is wrong is named with its path and what to do; everything else stays usable.

    \b
    Example:
      snap fsck
      snap fsck --repair
    """
    from snapshot.record import fsck
    from snapshot.report.findings import page
    from snapshot.report.text import count

    store = Place.here().store
    if not store.exists():
        click.echo("[]" if as_json else "this folder has no runs yet")
        return
    with held(store, alone=repair), terminal.step("checking the store") as step:
        faults = list(fsck.examine(store, step.update))
        mended, rest = fsck.repair(faults) if repair else ([], [fault.finding for fault in faults])
    if as_json:
        click.echo(encode_json(rest), nl=False)
    else:
        for finding in mended:
            terminal.note(f"mended: {finding.message}")
        runs = count(len(store.ids()), "run")
        click.echo(page(rest, None if rest else f"nothing is wrong: every digest of {runs} is as it was"))
    ctx.exit(1 if any(finding.severity == "error" for finding in rest) else 0)
