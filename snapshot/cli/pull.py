from __future__ import annotations

from typing import TYPE_CHECKING

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import NetworkError

if TYPE_CHECKING:
    from snapshot.record.document import Run


@click.command("pull", short_help=COMMANDS["pull"])
@click.argument("reference", metavar="REF")
@click.option("--no-image", is_flag=True, help="Leave the platform where it is: the engine gets nothing.")
@click.option("--no-data", is_flag=True, help="Leave the data where they are, if they were pushed.")
def command(reference: str, no_image: bool, no_data: bool) -> None:
    """Take in what `snap push` put into a registry: the run into this project, its image into the engine.

    All of it is checked against its digests first, and nothing of it is executed.

    \b
    Example:
      snap pull registry.example.com/team/digits:best
    """
    run = pulled(Place.here(), reference, image=not no_image, with_data=not no_data)
    terminal.note(f"`snap show {run.id}` tells what it was")
    click.echo(run.id)


def pulled(place: Place, reference: str, *, image: bool = True, with_data: bool = True) -> Run:
    """Pull, showing how far it is."""
    from snapshot.share.pull import pull

    place.make_cache()
    with terminal.transfer(f"pulling {reference}") as progress:
        return pull(
            place.store,
            place.engine if image else None,
            reference,
            image=image,
            with_data=with_data,
            progress=progress,
        )


def fetched_platform(place: Place, run: Run) -> bool:
    """Whether the engine got the image of `run` from a registry that has the run: where it came from, or was pushed."""
    from snapshot.record import labels
    from snapshot.share.pull import fetch_platform

    said = labels.of(place.store, run.id)
    places = [f"{pushed.reference.partition('@')[0]}@{pushed.digest}" for pushed in reversed(said.pushed)]
    if said.origin and "@sha256:" in said.origin.reference:
        places.append(said.origin.reference)
    for reference in places:
        place.make_cache()
        with terminal.transfer(f"pulling the image from {reference}") as progress:
            try:
                fetch_platform(place.engine, run, reference, progress=progress)
            except NetworkError as problem:
                terminal.warn(f"the image can't be had from `{reference}`: {problem.message}")
                continue
        return True
    return False
