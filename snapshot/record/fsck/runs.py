"""The records of the runs, and the files in their folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from snapshot import digest as digests
from snapshot.errors import StoreError
from snapshot.project.names import display, from_text
from snapshot.record import labels
from snapshot.record.document import Output, Run
from snapshot.record.fsck.fault import COPY, Fault, Uses, error, shown
from snapshot.record.leftovers import is_bare
from snapshot.record.store import Store
from snapshot.record.sums import check_sums


def check(store: Store, uses: Uses, told: Callable[[str], None]) -> Iterator[Fault]:
    """Each record, what it says of its files, and what it needs, which is put into `uses`."""
    ids = store.ids()
    busy = set(store.unfinished())  # after the IDs: whoever begins now is not taken for dead
    hashes = Hashes()
    for number, run_id in enumerate(ids):
        told(f"run {number + 1:,} of {len(ids):,}")
        try:
            run = store.read(run_id)
        except (StoreError, OSError) as problem:
            if run_id not in busy:
                yield from _unreadable(store, run_id, problem)
            continue
        _note(uses, run)
        if run.id != run_id:
            said = f"{shown(store, store.folder(run_id))} has the record of run {display(run.id)}"
            yield error("run", said, f"move it where it belongs, or `snap rm {run_id}`")
        elif run_id not in busy and run.exit is not None:
            found = list(_files(store, run, hashes))
            if store.has_record(run_id):  # and was not removed meanwhile
                yield from found


class Hashes:
    """sha256 of files, each content read once however many names it has."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def of(self, path: Path) -> str:
        """The digest of a file; raises OSError."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            key = status.st_dev, status.st_ino
            if status.st_nlink == 1:
                return digests.of_stream(file)
            if key not in self._known:
                self._known[key] = digests.of_stream(file)
            return self._known[key]


def _unreadable(store: Store, run_id: str, problem: Exception) -> Iterator[Fault]:
    folder = store.folder(run_id)
    path = shown(store, folder / "run.json")
    if not store.has_record(run_id):
        if not is_bare(folder):
            yield error("run", f"{path} is gone", f"{COPY}, or `snap rm {run_id}`")
    else:
        yield error("run", f"{path} can't be read: {problem}", f"{COPY}, or `snap rm {run_id}`")


def _note(uses: Uses, run: Run) -> None:
    uses.code.setdefault(run.code.digest, []).append(run.id)
    for data in run.data:
        if data.digest and data.kind == "folder":
            uses.data.setdefault(data.digest, []).append(run.id)


def _files(store: Store, run: Run, hashes: Hashes) -> Iterator[Fault]:
    folder = store.folder(run.id)
    for broken in check_sums(folder):
        yield error("run", f"in {shown(store, folder)} {broken}", COPY)
    for output in run.outputs if _has_results(store, run) else ():
        path = folder / "outputs" / from_text(output.path)
        if said := wrong(path, output, hashes):
            yield error("output", f"{shown(store, path)} {said}", remedy(store, output, hashes))


def _has_results(store: Store, run: Run) -> bool:
    """Whether what the run wrote ever was here: it may have been taken in without."""
    try:
        origin = labels.of(store, run.id).origin
    except StoreError:  # which is told elsewhere
        return True
    return origin is None or origin.results


def wrong(path: Path, output: Output, hashes: Hashes) -> str | None:
    """What is wrong with a file that a run wrote; None when it is as it was."""
    try:
        if output.link is not None:
            return None if str(path.readlink()) == from_text(output.link) else "is another link than it was"
        if path.is_symlink() or not path.is_file():
            return "is not a file any more" if os.path.lexists(path) else "is gone"
        if path.stat().st_size != output.size or hashes.of(path) != output.sha256:
            return f"is not what the run wrote, {output.sha256}"
    except (OSError, ValueError) as problem:
        return f"can't be read: {getattr(problem, 'strerror', None) or problem}".lower()
    return None


def remedy(store: Store, output: Output, hashes: Hashes) -> str:
    """Where the right bytes are, if they are where the run put them."""
    path = store.project / from_text(output.path)
    try:
        if output.sha256 and path.is_file() and path.stat().st_size == output.size and hashes.of(path) == output.sha256:
            return f"copy it from `{display(from_text(output.path))}` in the project, which is still what the run wrote"
    except (OSError, ValueError):
        pass
    return COPY
