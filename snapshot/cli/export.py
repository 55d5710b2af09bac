from __future__ import annotations

import os
from pathlib import Path

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place


@click.command("export", short_help=COMMANDS["export"])
@click.argument("run")
@click.argument("target", metavar="DIR|FILE.zip", type=click.Path(path_type=Path))
@click.option("--all-code", is_flag=True, help="All code of the run, not only what it was seen to use.")
def command(run: str, target: Path, all_code: bool) -> None:
    """Write what RUN used for the public: code, lock, Dockerfile and results, with a README whose two commands train it
    again with plain Docker. No history, other runs, names of users and hosts, paths or values of the environment.

    It is built before it is handed over.

    \b
    Example:
      snap export latest ../digits-public
    """
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.project.names import display
    from snapshot.report import text
    from snapshot.share.export.options import Options
    from snapshot.share.export.private import of
    from snapshot.share.export.target import is_in_project
    from snapshot.share.export.writing import export
    from snapshot.share.kit.writing import Progress

    place = Place.here()
    record = place.store.read(place.store.find(run))
    if is_in_project(target, place.store):
        terminal.warn(f"`{display(str(target))}` is in the project: later runs will take it for code")
    with terminal.step(f"exporting run {record.id}") as step:
        done = export(
            place.engine,
            place.store,
            record,
            target,
            cache=place.make_cache(),
            access=access_of(read(os.environ), place.root),
            private=of(record, place.root, os.environ),
            options=Options(all_code=all_code),
            progress=Progress(
                step=step.update, written=lambda size: step.update(f"writing, {text.size(size)}"), warn=terminal.warn
            ),
        )
    click.echo(f"{display(str(target))}  {text.size(done.bytes)}")
