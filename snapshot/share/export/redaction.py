"""What keeps an export back, and what it says of itself: left out, changed, found and let through. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from snapshot import resources
from snapshot.errors import LeakError, UsageError
from snapshot.project.names import display
from snapshot.share.export.content import Content
from snapshot.share.export.findings import Finding
from snapshot.share.export.options import Options

FILE = "REDACTION.md"
_MOST = 40
"""Findings that an error names."""


def check(findings: Iterable[Finding], allowed: Iterable[str]) -> tuple[Finding, ...]:
    """The findings that are let through, if there are no others.

    Raises LeakError that tells where the others are, UsageError when one is allowed that there is not.
    """
    findings, wanted = tuple(findings), set(allowed)
    if keeping := [one for one in findings if one.fingerprint not in wanted]:
        raise LeakError(
            f"{_count(len(keeping))} the export back:\n" + "\n".join(map(_line, keeping[:_MOST])) + _rest(keeping),
            hint="take it out and train again; `--allow FINDING` lets through what is harmless, FINDING as it is above",
        )
    if unknown := sorted(wanted - {one.fingerprint for one in findings}):
        raise UsageError(
            f"there is no finding `{unknown[0]}`", hint="leave out `--allow`: what is found is told with its name"
        )
    return findings


def _count(number: int) -> str:
    return "one finding keeps" if number == 1 else f"{number} findings keep"


def _line(one: Finding) -> str:
    said = ", ".join(filter(None, (one.masked, f"{one.count} lines" if one.count > 1 else "")))
    return f"  {one.fingerprint}" + (f"  {said}" if said else "")


def _rest(keeping: list[Finding]) -> str:
    return f"\n  and {len(keeping) - _MOST} more" if len(keeping) > _MOST else ""


def report(content: Content, options: Options, let_through: Iterable[Finding]) -> str:
    """The text of REDACTION.md."""
    public = content.public
    text = resources.render(
        "redaction.md.j2",
        traced=public.traced,
        reason=content.selection.reason,
        left_out=len(content.left_out),
        data=[display(one.target) for one in public.data if not one.included],
        with_data=options.with_data,
        unset=public.unset,
        published=sorted(options.environment),
        notebooks=[display(path) for path in content.notebooks],
        carried=content.carried,
        base_private=not content.is_base_known,
        allowed=[(one.fingerprint, one.count) for one in let_through],
        looked_at=sum(entry.is_file for entry in content.looked_at()),
    )
    return text.rstrip("\n") + "\n"
