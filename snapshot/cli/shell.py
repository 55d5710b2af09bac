from __future__ import annotations

import os
import sys
from typing import Any

import click

from snapshot.cli import check, completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.cli.ready import builder, locked, project_of
from snapshot.cli.request import options
from snapshot.cli.request import request as request_of
from snapshot.host.container import check_host


@click.command("shell", short_help=COMMANDS["shell"], context_settings={"allow_interspersed_args": False})
@options
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]...", shell_complete=completing.files)
@click.pass_context
def command(ctx: click.Context, /, argv: tuple[str, ...], **given: Any) -> None:
    """Open a shell in the project's image, or run COMMAND there; lock and build first if that is needed.

    For looking around and trying things: the project's folder itself is there, to be written to, and nothing is
    recorded. Exits with the code of the shell; 125 when something went wrong around it.

    \b
    Example:
      snap shell
      snap shell --gpus all -- python -i model.py
      echo 'python -V' | snap shell
    """
    from snapshot.run import shell
    from snapshot.run.draft import Options

    place = Place.here()
    check_host()
    check.data(given["data"], cwd=place.cwd, root=place.root)
    request = request_of(given, os.environ)
    lock, grant = locked(place, request, offline=given["offline"])
    asked = Options(
        request=request,
        grant=grant,
        data=given["data"],
        terminal=all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)),
    )

    container = shell.container(project_of(place, lock), argv, asked, os.environ)
    terminal.note(
        f"in {container.image}, with the project's own folder; nothing is recorded, and what is installed here is gone "
        "at the end: `snap lock` keeps what the requirements name"
    )
    ctx.exit(shell.enter(container, place.engine, build=builder(place, lock, offline=given["offline"])))
