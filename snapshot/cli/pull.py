from __future__ import annotations

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place


@click.command("pull", short_help=COMMANDS["pull"])
@click.argument("reference", metavar="REF")
@click.option("--no-image", is_flag=True, help="Leave the platform where it is: the engine gets nothing.")
def command(reference: str, no_image: bool) -> None:
    """Take in what `snap push` put into a registry: the run into this project, its image into the engine.

    All of it is checked against its digests first, and nothing of it is executed.

    \b
    Example:
      snap pull registry.example.com/team/digits:best
    """
    from snapshot.share.progress import Progress
    from snapshot.share.pull import pull

    place = Place.here()
    place.make_cache()
    with terminal.progress(f"pulling {reference}") as bar:
        run = pull(
            place.store,
            None if no_image else place.engine,
            reference,
            image=not no_image,
            progress=Progress(moved=bar.update, warn=terminal.warn),
        )
    terminal.note(f"`snap show {run.id}` tells what it was")
    click.echo(run.id)
