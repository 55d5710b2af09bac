"""Who hears what goes on while a run is sent or fetched."""

from __future__ import annotations

from collections.abc import Callable

from snapshot.document import Value


class Progress(Value, kw_only=True, frozen=True):
    """What a caller may draw or say; all of it does nothing by itself."""

    step: Callable[[str], None] = lambda _: None
    """What is done now."""
    moved: Callable[[int, int], None] = lambda done, total: None
    """How many bytes of how many; the total may grow while more becomes known."""
    warn: Callable[[str], None] = lambda _: None


QUIET = Progress()
