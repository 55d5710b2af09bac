"""A run as portable files, the same under every way of sharing; docs/reference/kit.md lists them.

`intake` has the way back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from snapshot import digest
from snapshot.errors import StoreError, UsageError
from snapshot.lock import document as lock_document
from snapshot.lock.document import Lock
from snapshot.project.names import from_text
from snapshot.record import labels, sums
from snapshot.record.code import snapshots
from snapshot.record.code.trees import checkout
from snapshot.record.data import manifest
from snapshot.record.document import Data, Run, Taken
from snapshot.record.recall import reader
from snapshot.record.store import Store
from snapshot.resources import package_dir
from snapshot.run.command import recorded
from snapshot.share.entry import Entry

RECORD = "opt/snap"
LIBRARY = f"{RECORD}/lib"
"""What of our package a run finds in a container that `snap` did not start."""
OUTPUTS = f"{RECORD}/outputs"
LINEAGE = f"{RECORD}/lineage"
HIDDEN = f"{RECORD}/hidden"
"""Code that the run did not see, since `--from` had put another file there; by sha256."""
CODE = "workspace"
INPUTS = "inputs"
"""In the folder of a run that was taken in: its data, under the paths where it saw them."""
TAKEN = "taken"
"""In the folder of a run that was taken in: what `--from` had put in place, since the run that wrote it is not here."""


def lock(store: Store, run: Run) -> Lock:
    """The lock of `run`; raises UsageError when that has not ended."""
    if run.exit is None:
        raise UsageError(f"run `{run.id}` is not finished", hint="wait for its end, see `snap ls`")
    found = lock_document.read(store.folder(run.id) / lock_document.FILE_NAME)
    if found is None:
        raise StoreError(f"run `{run.id}` has no lock", hint="see `snap fsck`")
    return found


def record(store: Store, run: Run) -> Iterator[Entry]:
    """What is known of the run: the files of its folder, the lists of its code and data, records of its ancestors."""
    folder = store.folder(run.id)
    for name in (*sums.FILES, sums.NAME):
        if (folder / name).is_file():
            yield Entry(path=f"{RECORD}/{name}", source=folder / name)
    yield Entry(path=f"{RECORD}/code.json", source=snapshots.manifest_path(store.path, run.code.digest))
    for found in sorted({data.digest for data in run.data if data.digest and data.kind == "folder"}):
        if (source := manifest.path(store.path, found)).exists():
            yield Entry(path=f"{RECORD}/data/{digest.hex_of(found)}{manifest.SUFFIX}", source=source)
    for ancestor, source in sorted(ancestors(store, run).items()):
        yield Entry(path=f"{LINEAGE}/{ancestor}.json", source=source)


def runner(run: Run) -> Iterator[Entry]:
    """What runs the notebook, if the run is of one."""
    if recorded(run.command).is_notebook:
        name = "run/inside/notebook.py"
        yield Entry(path=f"{LIBRARY}/snapshot/{name}", source=package_dir() / name)


def code(store: Store, run: Run) -> Iterator[Entry]:
    """The code as the run saw it, what `--from` had put in place included."""
    tree = checkout(store.path, run.code.digest)
    taken = {from_text(taken.target): taken for taken in run.taken}
    for found in snapshots.manifest(store.path, run.code.digest).entries:
        path = from_text(found.path)
        if path in taken:
            if found.sha256:
                yield Entry(path=f"{HIDDEN}/{found.sha256}", source=tree / path, sha256=found.sha256)
        elif found.mode == snapshots.DIRECTORY:
            yield Entry(path=f"{CODE}/{path}", is_folder=True, mode=0o755)
        elif found.mode == snapshots.LINK:
            yield Entry(path=f"{CODE}/{path}", link=from_text(found.target))
        else:
            mode = 0o755 if found.mode == snapshots.EXECUTABLE else 0o644
            yield Entry(path=f"{CODE}/{path}", source=tree / path, mode=mode, sha256=found.sha256)
    for path, one in sorted(taken.items()):
        source = taken_file(store, run, one)
        yield Entry(path=f"{CODE}/{path}", source=source, sha256=digest.hex_of(one.sha256))


def taken_places(store: Store, run: Run, one: Taken) -> tuple[Path, Path]:
    """Where what `--from` had put in place can be: of the run that wrote it, or beside one that was taken in."""
    return (
        store.folder(one.run) / "outputs" / from_text(one.path),
        store.folder(run.id) / TAKEN / from_text(one.target),
    )


def taken_file(store: Store, run: Run, one: Taken) -> Path:
    """What `--from` had put in place; raises StoreError when it is in none of its places."""
    for place in taken_places(store, run, one):
        if place.is_file() and not place.is_symlink():
            return place
    raise StoreError(
        f"run `{run.id}` had an output of run `{one.run}` (`--from`), which the store has no more",
        hint="see `snap fsck`",
    )


def results(store: Store, run: Run) -> Iterator[Entry]:
    """What the run wrote; raises StoreError when that never came here."""
    if lacks_results(store, run):
        raise StoreError(f"run `{run.id}` was taken in without its results", hint="leave them out, or get it with them")
    folder = store.folder(run.id) / "outputs"
    for output in sorted(run.outputs, key=lambda output: os.fsencode(from_text(output.path))):
        path = from_text(output.path)
        if output.link is not None:
            yield Entry(path=f"{OUTPUTS}/{path}", link=from_text(output.link))
        else:
            sha256 = digest.hex_of(output.sha256 or "")
            yield Entry(path=f"{OUTPUTS}/{path}", source=folder / path, mode=output.mode & 0o777, sha256=sha256)


def kept_data(store: Store, run: Run, data: Data) -> Path | None:
    """Where data of the run are that were taken in with it; None when they were not."""
    path = from_text(data.target)[1:]
    place = store.folder(run.id) / INPUTS / path
    return place if is_inside(path) and os.path.lexists(place) else None


def lacks_results(store: Store, run: Run) -> bool:
    """Whether the run was taken in without what it wrote."""
    try:
        origin = labels.of(store, run.id).origin
    except StoreError:  # damaged labels are `snap fsck`'s to tell
        return False
    return origin is not None and not origin.results


def pack(store: Store, run: Run) -> Iterator[Entry]:
    """All of it, always in the same order. Raises StoreError when the store lacks some of it."""
    yield from record(store, run)
    yield from code(store, run)
    yield from results(store, run)


def ancestors(store: Store, run: Run) -> dict[str, Path]:
    """The records of the runs that it descends from, by ID, as far as they are here or came along with it."""
    read = reader(store)
    found = {path.stem: path for path in (store.folder(run.id) / "lineage").glob("*.json")}
    seen, ahead = {run.id}, [run]
    while ahead:
        one = ahead.pop()
        for name in {*(taken.run for taken in one.taken), *(parent.run for parent in one.parents)} - seen:
            seen.add(name)
            if (parent := read(name)) is not None:
                found[name] = store.folder(name) / "run.json"
                ahead.append(parent)
    return found


def is_inside(path: str) -> bool:
    """Whether a path stays in the folder that it is meant in, and is written the one way there is."""
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def parents(path: str) -> Iterator[str]:
    """The folders that `path` is in, the nearest first."""
    return (str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")
