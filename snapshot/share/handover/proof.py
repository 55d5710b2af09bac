"""What is only known by doing it: whether the lock still gives the image, and the run the same results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from snapshot.compare.verdict import IDENTICAL, WITHIN, Verdict
from snapshot.digest import short
from snapshot.errors import InterruptError, SnapshotError, StoreError
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.image import build
from snapshot.lock.document import Lock
from snapshot.project.names import display, from_text
from snapshot.record.document import Run
from snapshot.record.fsck.fault import COPY, some
from snapshot.record.store import Store
from snapshot.share.handover.document import Row, Standing, changed, missing, ok, unknown
from snapshot.share.handover.image import Locks, is_of_other_store


class Proof:
    """Tries something with a run that takes its time."""

    column = ""
    """Where in the row what came of it belongs."""

    def added(self, store: Store, row: Row) -> Row:
        """`row` with what came of it; as it is where the record can't be read."""
        try:
            run = store.read(row.run)
        except (StoreError, OSError):
            return row
        return msgspec.structs.replace(row, **{self.column: self.of(run)})

    def of(self, run: Run) -> Standing | None:
        """What came of it; None where it is not tried."""
        raise NotImplementedError


class Trainings(Proof):
    """Trains each run once more, and compares."""

    column = "train"

    def __init__(self, train: Callable[[Run], Verdict], *, reruns: bool = True) -> None:
        self._train, self._reruns = train, reruns

    def of(self, run: Run) -> Standing | None:
        """Whether it still trains to the same; None for a rerun where these are left out."""
        if run.rerun and not self._reruns:
            return None
        if run.exit is None or run.started is None:
            return unknown("there is nothing to compare with: it never ran to its end")
        try:
            verdict = self._train(run)
        except InterruptError:
            raise
        except SnapshotError as problem:
            return missing(f"it can't be trained: {problem.message}", problem.hint)
        if verdict.same:
            return ok(f"{verdict.verdict}: run {verdict.second}")
        bad = [one for one in verdict.outputs if one.verdict not in (IDENTICAL, WITHIN)]
        names = [f"`{display(from_text(one.path))}` {one.verdict}" for one in bad]
        said = f": {some(names)}" if names else ", it ended otherwise"
        return changed(f"{verdict.verdict}{said}", f"`snap diff {run.id} {verdict.second}` compares the two")


class Builds(Proof):
    """Builds the image of each lock once, from clean, under a name that is taken away again."""

    column = "build"

    def __init__(
        self, engine: Engine, locks: Locks, cache: Path, access: Access, progress: Callable[[build.Event], None]
    ) -> None:
        self._engine, self._locks, self._cache, self._access = engine, locks, cache, access
        self._progress = progress
        self._built: dict[str, str | SnapshotError] = {}

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
