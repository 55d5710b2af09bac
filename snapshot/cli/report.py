from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import UsageError
from snapshot.record.store import Store


@click.command("report", short_help=COMMANDS["report"])
@click.argument("runs", metavar="[RUN]", nargs=-1)
@click.option("-o", "--output", metavar="FILE", help="Write it there; `-` is the standard output.")
@click.option("--open", "is_to_open", is_flag=True, help="Open it in the browser.")
def command(runs: tuple[str, ...], output: str | None, is_to_open: bool) -> None:
    """Write all that is known of RUN, by default the latest, as one HTML file that needs no network; print its path.

    \b
    Example:
      snap report
      snap report baseline -o baseline.html
      snap report latest --open
    """
    if is_to_open and output == "-":
        raise UsageError("`--open` needs a file", hint="name one after `-o`, or leave `-o` away")
    store = Place.here().store
    with store.lock_shared():  # what is shown is not swept away meanwhile
        name, text = _of_run(store, runs[0] if runs else "latest")
    data = text.encode("utf-8", "backslashreplace")
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    path = _written(store, name, output, data)
    click.echo(path)
    if is_to_open and click.launch(str(path)) != 0:
        terminal.warn("no browser could be opened")


def _of_run(store: Store, wanted: str) -> tuple[str, str]:
    """What the page is called, and the page."""
    from snapshot.report.html import gather, run
    from snapshot.report.html.render import html

    record = store.read(store.find(wanted))
    return record.id, html("run", run.page(gather.gather(store, record)), now=datetime.now(UTC).isoformat())


def _written(store: Store, name: str, output: str | None, data: bytes) -> Path:
    """Where it is now: beside what can be deleted at any time, since in the project it would be code of later runs."""
    from snapshot.host.files import make_dirs, write_atomic

    if output is None:
        folder = store.cache / "reports"
        make_dirs(folder)
        path = folder / f"{name}.html"
    else:
        path = Path(output)
        if path.is_dir():
            raise UsageError(f"`{output}` is a folder", hint="name a file in it after `-o`")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder `{path.parent}`", hint="make it, or name another file after `-o`")
    write_atomic(path, data, durable=False)
    return path
