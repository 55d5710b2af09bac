from __future__ import annotations

import os

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import UsageError
from snapshot.host import clock


@click.command("note", short_help=COMMANDS["note"])
@click.argument("run", shell_complete=completing.runs)
@click.argument("text")
def command(run: str, text: str) -> None:
    """Write TEXT about RUN; `snap show` shows it with its date. The record of the run does not change.

    \b
    Example:
      snap note latest 'diverged after 3 epochs, the rate is too high'
    """
    from snapshot.record import labels

    text = os.fsencode(text).decode(errors="backslashreplace").strip()
    if not text:
        raise UsageError("the note is empty", hint=f"write something, as in `snap note {run} 'the best so far'`")
    store = Place.here().store
    run_id = store.find(run)
    now = clock.now()
    labels.add_note(store, run_id, text, now)
    terminal.note(f"run {run_id} has one more note")
