from __future__ import annotations

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import StoreError, UsageError
from snapshot.record.store import container_of


@click.command("rm", short_help=COMMANDS["rm"])
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-f", "--force", is_flag=True, help="Also runs that still go on: they are ended first.")
def command(runs: tuple[str, ...], force: bool) -> None:
    """Remove RUNs: record, log and outputs. What was put back into the project stays there.

    \b
    Example:
      snap rm latest
    """
    place = Place.here()
    store = place.store
    found = list(dict.fromkeys(store.find(text) for text in runs))
    busy = [run_id for run_id in found if run_id in store.unfinished()]
    if busy and not force:
        raise UsageError(f"run `{busy[0]}` is not finished", hint=f"`snap rm --force {busy[0]}` ends it first")
    for run_id in found:
        if run_id in busy:
            _end(place, run_id)
        _let_go(place, run_id)
        store.remove(run_id)
        terminal.note(f"removed run {run_id}")


def _end(place: Place, run_id: str) -> None:
    """Kill the training, and wait until whoever looks after it has finished its record."""
    from snapshot.run.finish import recover, wait_until_finished

    place.engine.kill(container_of(run_id), "SIGKILL")
    wait_until_finished(place.store, run_id)
    recover(place.store, place.engine)


def _let_go(place: Place, run_id: str) -> None:
    """Remove what the engine still has of a run whose record could not be finished."""
    from snapshot.run.finish import clear

    try:
        record = place.store.read(run_id)
    except StoreError:
        place.engine.remove(container_of(run_id))
        return
    if record.status not in ("finished", "failed"):
        clear(record, place.engine)
    (place.store.active / run_id).unlink(missing_ok=True)
