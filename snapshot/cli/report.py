from __future__ import annotations

import sys
from pathlib import Path

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import UsageError
from snapshot.host.clock import now
from snapshot.record.store import Store


@click.command("report", short_help=COMMANDS["report"])
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=completing.runs)
@click.option("--all", "is_all", is_flag=True, help="All runs of the project, as a table.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=completing.files,
    help="Write it there; `-` is the standard output.",
)
@click.option("--open", "is_to_open", is_flag=True, help="Open it in the browser.")
def command(runs: tuple[str, ...], is_all: bool, output: str | None, is_to_open: bool) -> None:
    """Write all that is known of RUN, by default the latest, as one HTML file that needs no network; print its path. Of
    two runs, write how they differ, side by side; of more, or of all, a table and a scatter of parameters and metrics.

    \b
    Example:
      snap report
      snap report baseline -o baseline.html
      snap report baseline latest --open
      snap report --all -o runs.html
    """
    if is_to_open and output == "-":
        raise UsageError("`--open` needs a file", hint="name one after `-o`, or leave `-o` away")
    if is_all and runs:
        raise UsageError("`--all` and RUN exclude each other", hint="leave one of them away")
    store = Place.here().store
    with store.lock_shared():  # what is shown is not swept away meanwhile
        ids = [store.find(wanted) for wanted in runs or ([] if is_all else ["latest"])]
        with terminal.step("writing the report"):
            name, text = _of(store, None if is_all else ids)
    data = text.encode("utf-8", "backslashreplace")
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    path = _written(store, name, output, data)
    click.echo(path)
    if is_to_open and click.launch(str(path)) != 0:
        terminal.warn("no browser could be opened")


def _of(store: Store, ids: list[str] | None) -> tuple[str, str]:
    """What the page of these runs, or of all, is called, and the page."""
    from snapshot.report.html import pages

    if ids is None or len(ids) > 2:
        return "all" if ids is None else "some", pages.of_runs(store, ids, now=now())
    if len(ids) == 2:
        return "-".join(ids), pages.of_pair(store, store.read(ids[0]), store.read(ids[1]), now=now())
    return ids[0], pages.of_run(store, store.read(ids[0]), now=now())


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
