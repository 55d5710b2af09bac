"""One thing that is wrong in a store, and how it is mended if it can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snapshot.document import Value
from snapshot.finding import Finding
from snapshot.project.names import display
from snapshot.record.store import Store

COPY = "restore it from a copy of `.snap`"


class Fault(Value, frozen=True):
    """What was found."""

    finding: Finding
    mend: Callable[[], None] | None = None
    """Makes it right without losing anything that can't be made again."""


class Uses:
    """What the records name, with the runs that do; filled while they are read."""

    def __init__(self) -> None:
        self.code: dict[str, list[str]] = {}
        """Digest of a code snapshot → runs."""
        self.data: dict[str, list[str]] = {}
        """Digest of a data folder → runs."""


def error(check: str, message: str, remedy: str, *, mend: Callable[[], None] | None = None) -> Fault:
    """Something that is not as it was kept."""
    return Fault(Finding(check=check, severity="error", message=message, remedy=remedy), mend)


def note(check: str, message: str, remedy: str, *, mend: Callable[[], None] | None = None) -> Fault:
    """Something that is in nobody's way."""
    return Fault(Finding(check=check, severity="note", message=message, remedy=remedy), mend)


def shown(store: Store, path: Path) -> str:
    """A path of the store for people, from the project on."""
    return f"`{display(str(path.relative_to(store.project)))}`"


def some(names: list[str]) -> str:
    """The first few of these."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
