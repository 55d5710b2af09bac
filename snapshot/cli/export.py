from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place

if TYPE_CHECKING:
    from snapshot.share.export.content import Content

_MOST = 10
"""Names of files that are told."""


@click.command("export", short_help=COMMANDS["export"])
@click.argument("run", shell_complete=completing.runs)
@click.argument("target", metavar="DIR|FILE.zip", type=click.Path(path_type=Path))
@click.option("--all-code", is_flag=True, help="All code of the run, not only what it was seen to use.")
@click.option("--prove", is_flag=True, help="Train it again, too, and hand it over only if the results are the same.")
@click.option("--with-data", is_flag=True, help="The files of the data too, if they are still what the run had.")
@click.option("--with-packages", is_flag=True, help="Every package too: it is built without an index.")
@click.option("--allow", "allowed", multiple=True, metavar="FINDING", help="Let a finding through, as it was told.")
@click.option("--env", "published", multiple=True, metavar="NAME", help="Publish the value of this variable too.")
def command(
    run: str,
    target: Path,
    all_code: bool,
    prove: bool,
    with_data: bool,
    with_packages: bool,
    allowed: tuple[str, ...],
    published: tuple[str, ...],
) -> None:
    """Write what RUN used for the public: code, lock, Dockerfile and results, with a README whose two commands train it
    again with plain Docker. No history, other runs, names of users and hosts, paths or values of the environment.

    It is looked through for secrets, and for what tells of users and machines: what is found keeps it back. It is
    built before it is handed over.

    \b
    Example:
      snap export latest ../digits-public
      snap export latest digits.zip --prove --with-data
      snap export paper-v2 ../public --allow workspace/train.py:generic-api-key:12
    """
    from snapshot.compare.tolerance import configured
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
            private=of(record, place.root, os.environ, frozenset(published)),
            options=Options(
                all_code=all_code,
                with_data=with_data,
                with_packages=with_packages,
                allowed=allowed,
                environment=published,
            ),
            tolerances=configured(place.config) if prove else None,
            progress=Progress(step=step.update, written=step.moved, warn=terminal.warn),
        )
    _tell(done.content)
    if done.verdict:
        terminal.note(f"plain Docker has trained it again: {done.verdict}")
    click.echo(f"{display(str(target))}  {text.size(done.bytes)}")


def _tell(content: Content) -> None:
    """What the one who exports should know and the public need not."""
    from snapshot.lock.document import FILE_NAME
    from snapshot.project.names import display
    from snapshot.share.export.document import CODE

    if not content.public.traced:
        terminal.note(f"all code is in it: {content.selection.reason}")
    elif content.left_out:
        names = [display(path.removeprefix(f"{CODE}/")) for path in content.left_out if path != f"{CODE}/{FILE_NAME}"]
        rest = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        terminal.note(f"not in it, since the run did not open them: {', '.join(names[:_MOST])}{rest}")
    if content.carried:
        terminal.warn(f"packages that no public index has are in it: {', '.join(content.carried)}")
    for data in content.public.data:
        if not data.included:
            terminal.note(f"the data {display(data.target)} are not in it")
