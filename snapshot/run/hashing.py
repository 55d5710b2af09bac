"""How a process identifies data: what of it is known before any is needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from snapshot.document import Value
from snapshot.record.store import Store

if TYPE_CHECKING:
    from snapshot.record.data.identity import Identifier, Method
    from snapshot.record.data.survey import Progress

Draw = Callable[[str], AbstractContextManager["Callable[[Progress], None]"]]
"""Shows, under the name that it is given, how far hashing is."""


def unseen(name: str) -> AbstractContextManager[Callable[[Progress], None]]:
    """Shows nothing."""
    return nullcontext(lambda progress: None)


class Hashing(Value, frozen=True, kw_only=True):
    """How data are identified."""

    cache: Callable[[], Path | None]
    """The user's cache folder, asked for when there are data; None where she has none."""
    draw: Draw = unseen
    most: int | None = None
    """Bytes of data that are hashed when a run is finished later, by a command that is about something else."""

    def identifier(self, store: Store, method: Method = "content", *, background: bool = False) -> Identifier:
        """What identifies data for `store`."""
        from snapshot.record.data.identity import Identifier

        return Identifier(store.path, self.cache(), method=method, background=background)
