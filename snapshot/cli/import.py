from __future__ import annotations

from pathlib import Path

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.host import clock


@click.command("import", short_help=COMMANDS["import"])
@click.argument("kit", metavar="DIR|FILE.tar", type=click.Path(path_type=Path))
def command(kit: Path) -> None:
    """Take in what `snap archive` wrote: the run into this project, its packages into the cache, its base image into
    the engine.

    All of it is checked against its digests first, and nothing of it is executed.

    \b
    Example:
      snap import /mnt/usb/training
      snap import paper-v2.tar
    """
    from snapshot.project.names import display
    from snapshot.record.labels import Origin
    from snapshot.share import intake
    from snapshot.share.kit import taking
    from snapshot.share.kit.reading import opened

    place = Place.here()
    cache = place.make_cache()
    with (
        terminal.step(f"importing {display(kit.name)}") as step,
        opened(kit, cache / "builds", step.moved) as found,
    ):
        lock = taking.read_lock(found)
        step.update("packages")
        taking.packages(found, lock, cache)
        step.update("the base image")
        is_new_base = taking.load_base(place.engine, found, lock)
        step.update("the run")
        now = clock.now()
        run, is_new = intake.take_in(place.store, found, Origin(reference=display(str(kit.resolve())), time=now))
    if is_new_base:
        terminal.note(f"the engine has the base image {display(found.kit.base.name)} now")
    terminal.note(f"run {run.id} is in this project" + ("" if is_new else " already"))
    if found.kit.data:
        terminal.note(f"its data stay where they are, in `{display(str(kit))}` under `data`")
    terminal.note(f"`snap build --run {run.id} --offline` builds its image, `snap show {run.id}` tells what it was")
    click.echo(run.id)
