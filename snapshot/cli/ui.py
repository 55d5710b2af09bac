from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.errors import UsageError
from snapshot.host.files import scratch
from snapshot.record.store import Store


def _port(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A port; click's own words would be of an integer range."""
    if value is None:
        return None
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise UsageError(f"`--port {value}` is no port", hint="name one from 1 to 65535, or leave it away")
    return int(value)


@click.command("ui", short_help=COMMANDS["ui"])
@click.option("--port", metavar="N", callback=_port, help="Listen there; by default at 8790, or where it is free.")
@click.option("--open", "is_to_open", is_flag=True, help="Open it in the browser.")
def command(port: int | None, is_to_open: bool) -> None:
    """Show the runs of this project in the browser, and follow those that go on: metrics, devices, log. Prints the
    address, which nobody else can use without the token in it; only this machine is listened to. Ctrl-C ends it.

    \b
    Example:
      snap ui
      snap ui --open
      snap ui --port 9000
    """
    from snapshot.ui.serve import listen, serve

    store = Place.here().store
    with listen(port) as listening, _opener(store, is_to_open) as opened:

        def ready(address: str) -> None:
            click.echo(address)
            opened(address)

        serve(store, listening, ready)


@contextmanager
def _opener(store: Store, is_to_open: bool) -> Iterator[Callable[[str], None]]:
    """What opens an address in the browser, by a file that nobody else can read: arguments of programs, all can."""
    if not is_to_open:
        yield lambda address: None
        return
    # Not in /tmp, where browsers that Ubuntu packs as snaps see another one.
    with scratch(store.cache / "ui") as folder:
        path = folder / "open.html"

        def opened(address: str) -> None:
            text = f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(address)}">'
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            if click.launch(str(path)) != 0:
                terminal.warn("no browser could be opened")

        yield opened
