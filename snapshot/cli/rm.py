from __future__ import annotations

from contextlib import nullcontext, suppress

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place, index_of
from snapshot.errors import EngineError, StoreError, UsageError
from snapshot.record.store import Store, container_of


@click.command("rm", short_help=COMMANDS["rm"])
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=completing.runs)
@click.option("-f", "--force", is_flag=True, help="Also runs that still go on, or that other runs descend from.")
def command(runs: tuple[str, ...], force: bool) -> None:
    """Remove RUNs: record, log, outputs, tags and notes. What was put back into the project stays there.

    A run that still goes on is ended first, with `--force`. What it shares with other runs stays with them; `snap gc`
    removes what no run needs any more.

    \b
    Example:
      snap rm latest
    """
    from snapshot.record.sizes import freed
    from snapshot.report.text import size

    place = Place.here()
    store = place.store
    found = list(dict.fromkeys(store.find(text) for text in runs))
    busy = [run_id for run_id in found if run_id in store.unfinished()]
    if busy and not force:
        raise UsageError(f"run `{busy[0]}` is not finished", hint=f"`snap rm --force {busy[0]}` ends it first")
    if not force:
        _refuse_parents(store, found)
    for run_id in found:
        # Others that share its files count: what goes first gives nothing back.
        terminal.note(f"removing run {run_id}, {size(freed([store.folder(run_id)]))}")
        with terminal.step(f"removing run {run_id}"):
            if run_id in busy:
                _end(place, run_id)
            _let_go(place, run_id)
            with store.lock_shared():
                store.remove(run_id)


def _refuse_parents(store: Store, found: list[str]) -> None:
    """Raises UsageError for a run whose outputs a run had that stays."""
    index = index_of(store)
    for run_id in found:
        stay = [child for child in index.children(run_id) if child not in found]
        if stay:
            others = f" and {len(stay) - 1} more" if len(stay) > 1 else ""
            raise UsageError(
                f"run `{stay[0]}`{others} descends from run `{run_id}`: where its inputs came from would be lost",
                hint=f"`snap rm --force {run_id}` removes it all the same",
            )


def _end(place: Place, run_id: str) -> None:
    """Kill the training, and wait until whoever looks after it has finished its record."""
    from snapshot.run.finish import recover, wait_until_finished

    place.engine.kill(container_of(run_id), "SIGKILL")
    wait_until_finished(place.store, run_id)
    recover(place.store, place.engine, place.hashing)


def _let_go(place: Place, run_id: str) -> None:
    """Remove what the engine still has of a run whose record could not be finished."""
    from snapshot.run.finish import clear

    try:
        record = place.store.read(run_id)
    except StoreError:
        # Only one that is not finished is known to have something there.
        with nullcontext() if run_id in place.store.unfinished() else suppress(EngineError):
            place.engine.remove(container_of(run_id))
        return
    if record.status not in ("finished", "failed"):
        clear(record, place.engine)
    (place.store.active / run_id).unlink(missing_ok=True)
