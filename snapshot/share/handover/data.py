"""The data of runs, now: each place looked at once, and only what the cache does not know is read.

Nothing is written into the store: lists of what data are now go to a folder of their own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from snapshot.errors import SnapshotError
from snapshot.project.names import display, from_text
from snapshot.record.data import manifest
from snapshot.record.data.identity import METHODS, Identifier, Identity, Method
from snapshot.record.data.walk import look
from snapshot.record.document import Data, Edit, Run
from snapshot.record.fsck.fault import some
from snapshot.record.store import Store
from snapshot.run.hashing import Draw
from snapshot.run.outside import is_inside
from snapshot.share.bundle import kept_data
from snapshot.share.handover.document import Standing, changed, missing, ok, unknown

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BACK = "put back what the run had, or give its place with `snap rerun --data`"


class DataNow:
    """What the data of runs are now."""

    def __init__(self, store: Store, lists: Path, cache: Path | None, draw: Draw) -> None:
        self._store, self._lists, self._cache, self._draw = store, lists, cache, draw
        self._found: dict[tuple[Path, Method], Identity] = {}
        self._known: dict[tuple[Path, str, str | None, str], Standing] = {}

    def of(self, run: Run, *, foreign: bool) -> dict[str, Standing]:
        """How each of the data of a run stands, by path; other folders of a `foreign` record are left alone."""
        return {data.path: self._of(run, data, foreign) for data in run.data}

    def _of(self, run: Run, data: Data, foreign: bool) -> Standing:
        kept = kept_data(self._store, run, data)
        if kept is None and foreign and (data.at or not is_inside(data)):
            return _elsewhere(data)
        return self._standing(data, kept)

    def _standing(self, data: Data, kept: Path | None) -> Standing:
        try:
            place = kept or data.place(self._store.project)
        except ValueError:
            return unknown("the record names data at a place that can't be", None)
        key = place, data.kind, data.digest, data.identified or "content"
        if key not in self._known:
            self._known[key] = self._compared(data, place)
        return self._known[key]

    def _compared(self, data: Data, place: Path) -> Standing:
        name = f"`{display(from_text(data.path))}`"
        if data.digest is None:
            return unknown(f"{name} was not identified", "compare it with what you know of it")
        method = METHODS.get(data.identified or "content")
        if method is None or not _DIGEST.fullmatch(data.digest):
            return unknown(f"{name} was identified in a way that this version does not know", "upgrade `snapshot-ml`")
        if not os.path.lexists(place):
            return missing(f"{name} is not there", _BACK)
        try:
            now = self._identity(data.digest, place, method)
        except SnapshotError as problem:
            return unknown(f"{name} can't be looked at: {problem.message}", problem.hint)
        if now.digest == data.digest:
            return ok()
        if now.digest is None:
            return unknown(f"{name} can't be read: {'; '.join(now.problems[:1])}", f"see `ls -ld {name.strip('`')}`")
        return changed(f"{name} {self._told(data, now.digest)}", _BACK)

    def _identity(self, digest: str, place: Path, method: Method) -> Identity:
        # The cache knows a list only where it is at hand.
        target = manifest.path(self._lists, digest)
        with suppress(FileExistsError):
            target.symlink_to(manifest.path(self._store.path, digest).absolute())
        if (place, method) not in self._found:
            seen = look(place)
            identifier = Identifier(self._lists, self._cache, method=method)
            found = identifier.known(seen)
            if found is None:
                with self._draw(f"reading `{display(str(place))}`") as progress:
                    found = identifier.identify(seen, progress=progress)
            identifier.cache.close()
            self._found[place, method] = found
        return self._found[place, method]

    def _told(self, data: Data, now: str) -> str:
        """Which files are not as they were, as far as that can be told."""
        if data.kind != "folder" or data.digest is None:
            return "is not what it was"
        try:
            edits = list(manifest.diff(self._lists, data.digest, now))
        except SnapshotError as problem:
            return f"is not what it was; which files can't be told: {problem.message}"
        return "; ".join(_changes(edits)) or "is not what it was"


@contextmanager
def data_now(store: Store, cache: Path | None, draw: Draw) -> Iterator[DataNow]:
    """A look at data; what it notes is gone afterwards."""
    with TemporaryDirectory(prefix="snap-verify-") as folder:
        (Path(folder) / manifest.FOLDER).mkdir()
        yield DataNow(store, Path(folder), cache, draw)


def _elsewhere(data: Data) -> Standing:
    name = display(from_text(data.path))
    said = f"`{name}` lay outside of the project where the run was made; where it is here nobody has said"
    return unknown(said, f"`snap rerun --data {name}=/path/to/them` compares it")


def _changes(edits: Iterable[Edit]) -> Iterator[str]:
    by_change: dict[str, list[str]] = {}
    for edit in edits:
        by_change.setdefault(edit.change, []).append(f"`{display(from_text(edit.path))}`")
    return (f"{change} {some(names)}" for change, names in sorted(by_change.items()))
