from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from snapshot.cli import terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.document import encode_json
from snapshot.errors import HostError

if TYPE_CHECKING:
    from snapshot.finding import Finding

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


def page(findings: Sequence[Finding]) -> str:
    """A line for each finding, its remedy below, and how many there are in the end."""
    from snapshot.report.text import harmless

    width = max((len(finding.check) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.severity:<7}  {finding.check:<{width}}  {_one_line(finding.message)}")
        if finding.remedy:
            lines.append(f"{'':<7}  {'':<{width}}  → {_one_line(finding.remedy)}")
    return harmless("\n".join([*lines, "", summary(findings)]))


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    from snapshot.report.text import count

    errors, warnings = (sum(f.severity == kind for f in findings) for kind in ("error", "warning"))
    if errors or warnings:
        found = ", ".join(count(number, kind) for number, kind in ((errors, "error"), (warnings, "warning")) if number)
        return f"{found} in {count(len({f.check for f in findings}), 'check')}"
    return f"nothing is wrong: {count(len({f.check for f in findings}), 'check')}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
