"""What is only known by doing it: whether the lock still gives the image, and the run the same results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from snapshot.digest import short
from snapshot.errors import InterruptError, SnapshotError, StoreError
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.image import build
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.record.fsck.fault import COPY
from snapshot.record.store import Store
from snapshot.share.handover.document import Row, Standing, changed, missing, ok, unknown
from snapshot.share.handover.image import Locks, is_of_other_store


class Builds:
    """Builds the image of each lock once, from clean, under a name that is taken away again."""

    def __init__(
        self, engine: Engine, locks: Locks, cache: Path, access: Access, progress: Callable[[build.Event], None]
    ) -> None:
        self._engine, self._locks, self._cache, self._access = engine, locks, cache, access
        self._progress = progress
        self._built: dict[str, str | SnapshotError] = {}

    def added(self, store: Store, row: Row) -> Row:
        """`row` with what came of it; as it is where the record can't be read."""
        try:
            return msgspec.structs.replace(row, build=self.of(store.read(row.run)))
        except (StoreError, OSError):
            return row

    def of(self, run: Run) -> Standing:
        """Whether its lock still gives the image that the run had."""
        try:
            lock = self._locks.of(run)
        except (StoreError, OSError) as problem:
            return missing(str(problem), COPY)
        found = self._id(lock)
        if isinstance(found, SnapshotError):
            return missing(f"it can't be built: {found.message}", found.hint)
        if found == run.platform.image:
            return ok("the same image, bit for bit")
        try:
            if is_of_other_store(run, str(self._engine.info().get("Driver", ""))):
                return unknown("it builds; the run's engine had another kind of image store, which gives another ID")
        except SnapshotError as problem:
            return unknown(problem.message, problem.hint)
        said = f"the lock gives another image now, {short(found)} instead of {short(run.platform.image)}"
        return changed(said, f"`snap build --run {run.id} --check` names the layers that differ")

    def _id(self, lock: Lock) -> str | SnapshotError:
        if lock.digest not in self._built:
            try:
                image = build.anew(
                    self._engine, lock, cache_dir=self._cache, access=self._access, progress=self._progress
                )
                self._built[lock.digest] = image.id
            except InterruptError:
                raise
            except SnapshotError as problem:
                self._built[lock.digest] = problem
        return self._built[lock.digest]
