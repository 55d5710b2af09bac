from __future__ import annotations

from contextlib import AbstractContextManager

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.cli.terminal import Step
from snapshot.document import encode_json
from snapshot.record.store import Store


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
    with terminal.step("checking the store") as step, _held(store, step, alone=repair):
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


def _held(store: Store, step: Step, *, alone: bool) -> AbstractContextManager[None]:
    """The lock of the store: who only looks can do so beside others."""
    return store.lock_exclusive(lambda: step.update("waiting for other `snap`")) if alone else store.lock_shared()
