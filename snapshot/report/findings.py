"""What was looked at and what came of it, as text."""

from __future__ import annotations

from collections.abc import Sequence

from snapshot.finding import Finding
from snapshot.report.text import count, harmless


def page(findings: Sequence[Finding], last: str | None = None) -> str:
    """A line for each finding, its remedy below, and in the end `last`, or how many there are."""
    width = max((len(finding.check) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.severity:<7}  {finding.check:<{width}}  {_one_line(finding.message)}")
        if finding.remedy:
            lines.append(f"{'':<7}  {'':<{width}}  → {_one_line(finding.remedy)}")
    return harmless("\n".join([*lines, *([""] if lines else []), last or summary(findings)]))


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    errors, warnings = (sum(f.severity == kind for f in findings) for kind in ("error", "warning"))
    if errors or warnings:
        found = ", ".join(count(number, kind) for number, kind in ((errors, "error"), (warnings, "warning")) if number)
        return f"{found} in {count(len({f.check for f in findings}), 'check')}"
    return f"nothing is wrong: {count(len({f.check for f in findings}), 'check')}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
