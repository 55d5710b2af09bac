"""The image of a run: in the engine, in a registry, or to be built again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from snapshot.digest import short
from snapshot.errors import EngineError, IntegrityError, SnapshotError, StoreError
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.host.engine import Image as Found
from snapshot.image import bases, tools
from snapshot.image.dockerfile import LOCK_LABEL
from snapshot.image.fetch import lacking
from snapshot.lock import document as lock_document
from snapshot.lock.document import Lock
from snapshot.project.names import display
from snapshot.record.document import Run
from snapshot.record.fsck.fault import COPY, some
from snapshot.record.labels import Labels
from snapshot.record.store import Store
from snapshot.share.handover.document import UNKNOWN, changed, missing, ok, unknown
from snapshot.share.handover.verdict import FETCH, NEVER, NOW, Image

T = TypeVar("T")


class Locks:
    """The locks of runs, each read once however many runs have it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Lock] = {}

    def of(self, run: Run) -> Lock:
        """The lock of a run; raises StoreError when it is gone or not the one that the record names."""
        identity = run.platform.lock
        if identity not in self._known:
            lock = lock_document.read(self._store.folder(run.id) / lock_document.FILE_NAME)
            if lock is None or lock.digest != identity:
                said = "gone" if lock is None else "another than its record names"
                raise StoreError(f"the lock is {said}", hint=COPY)
            self._known[identity] = lock
        return self._known[identity]


class Images:
    """What the engine and the package cache have, each asked once about one thing."""

    def __init__(self, engine: Engine, locks: Locks, cache: Path | None, access: Access) -> None:
        self._engine, self._locks, self._cache, self._access = engine, locks, cache, access
        self._found: dict[str, Found | None] = {}
        self._again: dict[str, tuple[str, str, str | None]] = {}
        self._silent: EngineError | None = None
        self._driver: str | None = None

    def of(self, run: Run, labels: Labels) -> Image:
        """The image of a run; nothing is built, pulled or downloaded."""
        try:
            found = self._image(run.platform.reference)
            if found is not None:
                return self._named(run, found)
            if self._image(run.platform.image) is not None:
                said = ok(f"it has lost its name `{display(run.platform.reference)}`")
                return Image(standing=said, again=NOW)
        except EngineError as problem:
            return Image(standing=unknown(problem.message, problem.hint), again=UNKNOWN)
        return self._absent(run, labels)

    def _named(self, run: Run, found: Found) -> Image:
        if found.id == run.platform.image:
            return Image(standing=ok(), again=NOW)
        if found.labels.get(LOCK_LABEL) == run.platform.lock and self._is_of_other_store(run):
            said = "by its lock: the run's engine had another kind of image store, which gives another ID"
            return Image(standing=ok(said), again=NOW)
        said = f"the engine has another image of that name, {short(found.id)} instead of {short(run.platform.image)}"
        hint = f"`snap verify --build {run.id}` tells whether the lock still gives the recorded one"
        return Image(standing=changed(said, hint), again=UNKNOWN)

    def _is_of_other_store(self, run: Run) -> bool:
        if self._driver is None:
            self._driver = str(self._asked(self._engine.info).get("Driver", ""))
        return is_of_other_store(run, self._driver)

    def _absent(self, run: Run, labels: Labels) -> Image:
        try:
            if run.platform.lock not in self._again:
                self._again[run.platform.lock] = self._rebuilt(self._locks.of(run))
        except EngineError as problem:
            return Image(standing=missing("not in the engine", problem.hint), again=UNKNOWN)
        except (StoreError, OSError) as problem:
            said = f"not in the engine, and {problem}"
            return Image(standing=missing(said, _pull(labels) or COPY), again=NEVER)
        again, said, hint = self._again[run.platform.lock]
        hint = hint or f"`snap build --run {run.id}`"
        if pull := _pull(labels):
            hint = f"{pull}, or {hint}"
        return Image(standing=missing(f"not in the engine; {said}", hint), again=again)

    def _rebuilt(self, lock: Lock) -> tuple[str, str, str | None]:
        """Whether it can be built, in words too, and what to do if it can't."""
        base = self._asked(lambda: bases.at_hand(self._engine, lock))
        if base is None and lock.base.digest is None:
            said = f"its base `{display(lock.base.reference)}` is not there either, and of no registry"
            return NEVER, said, "make it with `scripts/build-base`, or bring it with `docker load` or `snap import`"
        try:
            if base is not None:
                bases.check_layers(lock, base)
            far = self._far(lock)
        except IntegrityError as problem:
            return NEVER, problem.message, problem.hint
        except SnapshotError as problem:
            return FETCH, problem.message, None
        if base is None:
            far.insert(0, f"the base `{display(lock.base.reference)}`")
        if far:
            return FETCH, f"to be built it lacks {some(far)}, which may be there to be downloaded", None
        return NOW, "all that it is built of is here", None

    def _far(self, lock: Lock) -> list[str]:
        if self._cache is None:
            return ["all packages"] if lock.packages or lock.os_packages else []
        tools.wheels(self._cache, lock.python.version, offline=True)
        return lacking(lock, cache_dir=self._cache, access=self._access)

    def _image(self, reference: str) -> Found | None:
        if reference not in self._found:
            self._found[reference] = self._asked(lambda: self._engine.image(reference)) if reference else None
        return self._found[reference]

    def _asked(self, ask: Callable[[], T]) -> T:
        """The engine's answer; one that has not answered once is not waited for again."""
        if self._silent:
            raise self._silent
        try:
            return ask()
        except EngineError as problem:
            self._silent = problem
            raise


def registry_of(labels: Labels) -> str | None:
    """What a registry has the run as, as far as was noted."""
    if labels.pushed:
        return labels.pushed[-1].reference
    origin = labels.origin.reference if labels.origin else ""
    return origin if "@sha256:" in origin else None


def _pull(labels: Labels) -> str | None:
    reference = registry_of(labels)
    return f"`snap pull {display(reference)}`" if reference else None


def is_of_other_store(run: Run, driver: str) -> bool:
    """Whether an engine with that storage `driver` gives the run's image another ID than the run's own engine did."""
    return run.host is not None and bool(run.host.store) and run.host.gives_other_ids(driver)
