from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import HostError

_PATIENCE = 4
"""Seconds that the engine may take for one answer."""


@click.command("doctor", short_help=COMMANDS["doctor"])
@click.option("--json", "as_json", is_flag=True, help="The findings, as a JSON list.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check this machine and this folder, and say for all that is wrong what to do; exit 1 if anything is.

    Asks engine, disks, package indexes, proxies and GPUs, side by side. Changes nothing; works in any folder.

    \b
    Example:
      snap doctor
      snap doctor --json
    """
    from snapshot.doctor.examination import examine
    from snapshot.doctor.site import Site
    from snapshot.host.engine import Engine
    from snapshot.report.findings import page

    place, cache = Place.here(), None
    with suppress(HostError):
        cache = place.cache
    site = Site(
        root=place.root,
        environment=os.environ,
        cache=cache,
        engine=Engine(timeout=_PATIENCE),
        now=datetime.now(UTC),
    )
    with terminal.step("looking at this machine"):
        findings = examine(site)
    click.echo(encode_json(findings) if as_json else page(findings), nl=not as_json)
    ctx.exit(1 if any(finding.severity == "error" for finding in findings) else 0)
