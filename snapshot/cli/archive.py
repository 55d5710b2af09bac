from __future__ import annotations

import os
from pathlib import Path

import click

from snapshot.cli import completing, leaving, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place


@click.command("archive", short_help=COMMANDS["archive"])
@click.argument("run", shell_complete=completing.runs)
@click.argument("target", metavar="DIR|FILE.tar", type=click.Path(path_type=Path))
@click.option("--with-data", is_flag=True, help="The files of the data too, if they are still what the run had.")
def command(run: str, target: Path, with_data: bool) -> None:
    """Write all that it takes to build the image of RUN without network, and to repeat the run: the base image, every
    package, code, record and results, with a README for plain Docker.

    \b
    Example:
      snap archive latest /mnt/usb/training
      snap archive paper-v2 paper-v2.tar --with-data
    """
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.project.names import display
    from snapshot.report import text
    from snapshot.share.kit.writing import Progress, archive

    place = Place.here()
    record = place.store.read(place.store.find(run))
    with terminal.step(f"archiving run {record.id}") as step:
        size = archive(
            place.engine,
            place.store,
            record,
            target,
            cache=place.make_cache(),
            access=access_of(read(os.environ), place.root),
            with_data=with_data,
            progress=Progress(
                step=step.update,
                written=step.moved,
                warn=terminal.warn,
            ),
        )
    leaving.tell(record, with_data=with_data)
    click.echo(f"{display(str(target))}  {text.size(size)}")
