"""Which tolerance holds for a file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snapshot.compare.verdict import Tolerance
from snapshot.project.config import Configuration
from snapshot.project.ignore import Rules
from snapshot.project.names import from_text

EXACT = Tolerance()


def configured(configuration: Configuration) -> tuple[Tolerance, ...]:
    """Those of the project, in the order in which they are written."""
    return tuple(
        Tolerance(pattern=pattern, rtol=allowed.rtol, atol=allowed.atol)
        for pattern, allowed in configuration.tolerance.items()
    )


def chooser(tolerances: Sequence[Tolerance]) -> Callable[[str], Tolerance]:
    """Says for the path of an output which of `tolerances` holds: the last one that fits, or none."""
    rules = [(Rules().extended(tolerance.pattern.encode(), ""), tolerance) for tolerance in reversed(tolerances)]

    def choose(path: str) -> Tolerance:
        steps = from_text(path).split("/")
        return next((tolerance for rule, tolerance in rules if _fits(rule, steps)), EXACT)

    return choose


def _fits(rules: Rules, steps: Sequence[str]) -> bool:
    """Whether the pattern names the file, or a folder that it is in."""
    return any(
        rules.ignores("/".join(steps[:number]), steps[number - 1], number < len(steps))
        for number in range(1, len(steps) + 1)
    )
