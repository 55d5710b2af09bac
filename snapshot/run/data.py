"""The data of a run: looked at when it starts, hashed while it trains, looked at again when it ends.

Nobody waits for hashing: it goes on beside the training, at low priority. What was looked at is written down, so that
whoever finishes the run knows whether somebody changed the data meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from snapshot.document import Document, decode_json, encode_json
from snapshot.errors import HostError, StoreError
from snapshot.host.files import write_atomic
from snapshot.project.names import display, from_text
from snapshot.record.data import manifest
from snapshot.record.data.identity import Identifier, Identity, Method, edits
from snapshot.record.data.walk import Look, Summary, look
from snapshot.record.document import Data, Edit, Run
from snapshot.record.store import Store
from snapshot.run.hashing import Hashing, unseen
from snapshot.run.outside import is_inside

FILE = "data.json"
"""In the run's folder until the record is final."""

MUCH, MANY = 500 * 10**6, 20_000
"""Bytes and files whose hashing is shown; less takes no second."""


class Looks(Document, kw_only=True, frozen=True):
    """The document `data.json`: what the data of the record were at the launch, in their order."""

    method: Method
    looks: tuple[Summary, ...]


class Watch:
    """The data of one run while it goes on, in the process that launched it."""

    def __init__(self, run: Run, folder: Path, identifier: Identifier, linked: Mapping[Path, os.stat_result]) -> None:
        """`linked` are the data files that were linked into the run's view, as they were before."""
        self._run, self._folder, self._identifier, self._linked = run, folder, identifier, linked
        self._seen: list[Look] = []
        self._known: list[Identity | None] = []

    def follow(self, stopped: Callable[[], bool]) -> None:
        """Look at the data, and identify what is not known yet as far as that gets before it is `stopped`.

        To be called again where the engine turns out not to have the image, and the training starts a second time.
        """
        self.look()
        self.hash(stopped)

    def look(self) -> None:
        """See what there is, without reading it, and write it down in the run's folder."""
        for path, before in self._linked.items():
            with suppress(OSError):
                self._identifier.touched(path, before, path.lstat())
        self._seen = [look(data.place(Path(self._run.project))) for data in self._run.data]
        self._known = [None for _ in self._seen]
        looks = Looks(method=self._identifier.method, looks=tuple(seen.summary for seen in self._seen))
        write_atomic(self._folder / FILE, encode_json(looks), durable=False)

    def hash(self, stopped: Callable[[], bool]) -> None:
        """Identify what is not known yet, as far as that gets before it is `stopped`."""
        for number, seen in enumerate(self._seen):
            if self._known[number] is None:
                with suppress(HostError):  # a full disk: the end of the run will say so
                    self._known[number] = self._identifier.identify(seen, stopped=stopped)

    def told(self) -> tuple[Data, ...]:
        """The data with what is known of them by now."""
        pairs = zip(self._run.data, self._known or [None] * len(self._run.data), strict=True)
        return tuple(_with(data, found) if found and found.digest else data for data, found in pairs)

    def notes(self) -> Iterator[str]:
        """What could not be looked at, or read."""
        for data, found in zip(self._run.data, self._known, strict=False):
            yield from _problems(data, found) if found and found.digest else ()


def _problems(data: Data, found: Identity) -> Iterator[str]:
    for problem in found.problems:
        yield f"of the data `{display(from_text(data.path))}`, {problem}"


def _with(data: Data, found: Identity, edited: tuple[Edit, ...] = ()) -> Data:
    return msgspec.structs.replace(
        data,
        digest=found.digest,
        files=found.files,
        bytes=found.bytes,
        identified=found.method if found.digest else None,
        edits=edited or found.changed_since,
    )


def identified(run: Run, folder: Path, hashing: Hashing, store: Store) -> tuple[tuple[Data, ...], tuple[str, ...]]:
    """The data of `run` with their digests and what changed since the launch, and notes on what is not known.

    To be asked when the run is over and nothing was put back into the project. Ctrl-C gives up hashing, and only that.
    """
    try:
        looks = decode_json((folder / FILE).read_bytes(), Looks, where=FILE)
    except (FileNotFoundError, StoreError):
        return run.data, ()  # it has no data, or its `snap` was killed before it had looked at them
    asked = _Asked(hashing.identifier(store, looks.method), hashing)
    found = [
        asked.about(data, before, look(data.place(Path(run.project))))
        for data, before in zip(run.data, looks.looks, strict=True)
    ]
    return tuple(found), tuple(asked.notes)


class _Asked:
    """Asks what the data of one run are, now that it is over."""

    def __init__(self, identifier: Identifier, hashing: Hashing) -> None:
        self.identifier, self.hashing = identifier, hashing
        self.left = hashing.most
        self.notes: list[str] = []

    def about(self, data: Data, before: Summary, now: Look) -> Data:
        """One of its data; `data` has the digest that was found beside the training, if it was."""
        if data.digest is None:
            return self._late(data, before, now)
        if before.fingerprint == now.fingerprint and not before.racy and self._has_manifest(data):
            return data
        known = Identity(
            digest=data.digest,
            files=data.files or 0,
            bytes=data.bytes or 0,
            method=self.identifier.method,
            changed_since=data.edits,
        )
        if self._identify(data, now)[0] is not None:
            changed = edits(self.identifier.store, before, now, known, self.identifier)
        else:  # it had only just been written at the launch, or which files changed is not to be found out
            changed = () if before.fingerprint == now.fingerprint else (Edit(path="", change="changed"),)
        return _with(data, known, changed)

    def _has_manifest(self, data: Data) -> bool:
        """Whether what the digest stands for is still there: until the record is final nothing keeps it."""
        return data.kind == "file" or data.digest is None or manifest.path(self.identifier.store, data.digest).exists()

    def _late(self, data: Data, before: Summary, now: Look) -> Data:
        found, why_not = self._identify(data, now)
        shown = display(from_text(data.path))
        if found is None:
            self.notes.append(f"the data `{shown}` are not identified: {why_not}")
            return data
        self.notes += _problems(data, found)
        if before.fingerprint == now.fingerprint:
            return _with(data, found)
        self.notes.append(f"the data `{shown}` changed before they were identified: their digest is that of the end")
        return _with(data, found, (Edit(path="", change="changed" if now.fingerprint else "removed"),))

    def _identify(self, data: Data, now: Look) -> tuple[Identity | None, str]:
        """What the data are now; None, and why, where that is not to be found out."""
        if found := self.identifier.known(now):
            return found, ""
        if self.left is not None and now.bytes > self.left:
            return None, "nobody looked after the run when it ended, and they are large"
        self.left = None if self.left is None else self.left - now.bytes
        draw = self.hashing.draw if now.bytes > MUCH or now.files > MANY else unseen
        try:
            with draw(f"identifying `{display(from_text(data.path))}`") as progress:
                return self.identifier.identify(now, progress=progress), ""
        except KeyboardInterrupt:
            self.left = 0
            return None, "hashing them was interrupted"


@contextmanager
def unlinking(run: Run, identifier: Callable[[], Identifier]) -> Iterator[None]:
    """While the run's view is taken down: what is known of data files holds on though their links go."""
    files = [data.place(Path(run.project)) for data in run.data if data.kind == "file" and is_inside(data)]
    before = {}
    for path in files:
        with suppress(OSError):
            before[path] = path.lstat()
    yield
    if before:
        asked = identifier()
        for path, status in before.items():
            with suppress(OSError):
                asked.touched(path, status, path.lstat())


def discard(folder: Path) -> None:
    """Forget what was looked at, when the record is final."""
    (folder / FILE).unlink(missing_ok=True)
