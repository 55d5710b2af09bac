from __future__ import annotations

import shutil
import sys

import click

from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import StoreError


@click.command("logs", short_help=COMMANDS["logs"])
@click.argument("run", default="latest")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
def command(run: str, follow: bool) -> None:
    """Print what RUN printed, both streams in their order, byte for byte.

    \b
    Example:
      snap logs
      snap logs -f latest
    """
    place = Place.here()
    run_id = place.store.find(run)
    log = place.store.folder(run_id) / "log"
    if log.exists():
        with log.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        return
    record = place.store.read(run_id)
    if place.engine.container(record.container) is None:
        if record.status in ("finished", "failed"):
            raise StoreError(f"run `{run_id}` has no log: {(record.exit and record.exit.error) or 'it never ran'}")
        raise StoreError(f"run `{run_id}` is just starting", hint="try again in a moment")
    for chunk in place.engine.logs(record.container, follow=follow):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
