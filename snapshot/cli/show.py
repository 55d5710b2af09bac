from __future__ import annotations

import click

from snapshot.cli import completing
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.report import show


@click.command("show", short_help=COMMANDS["show"])
@click.argument("run", default="latest", shell_complete=completing.runs)
@click.option("--json", "as_json", is_flag=True, help="The record as it is stored.")
def command(run: str, as_json: bool) -> None:
    """Show the record of RUN, its tags and notes. RUN is an ID, a unique prefix, a tag, a name, `latest` (the default)
    or `latest~1`.

    \b
    Example:
      snap show
      snap show latest~1 --json
    """
    from snapshot.cause import noise
    from snapshot.compare import judge
    from snapshot.lock import document as lock
    from snapshot.record import labels

    store = Place.here().store
    record = store.read(store.find(run))
    if as_json:
        click.echo(encode_json(record), nl=False)
        return
    said = labels.every(store).get(record.id, labels.NONE)
    stack = lock.read(store.folder(record.id) / lock.FILE_NAME)
    click.echo(show.details(record, stack, said, judge.known(store, record), noise.known(store, record)))
    click.echo(f"\n{store.folder(record.id)}")
