"""What is said of a run that leaves this machine whole."""

from __future__ import annotations

from snapshot.cli import terminal
from snapshot.record.document import Run


def tell(run: Run, *, with_data: bool) -> None:
    """What others can read in it, and what is not in it."""
    if run.request.environment:
        names = ", ".join(f"`{name}`" for name in sorted(run.request.environment))
        terminal.warn(f"whoever gets it can read the values of {names} (`--env`)")
    if run.data and not with_data:
        terminal.note("the data are not in it: `--with-data` adds them")
