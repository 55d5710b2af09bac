"""What a run that is over came to: all of its final record that the engine does not know. Can be asked for again."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snapshot.digest import of_file
from snapshot.errors import StoreError
from snapshot.project.names import from_text
from snapshot.record.code import snapshots
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.record.usage import Usage
from snapshot.run import determinism, results, workspace
from snapshot.run.capture import AtLaunch, Captured, capture
from snapshot.run.edits import OtherRuns
from snapshot.run.hashing import Hashing
from snapshot.run.launched import Launch, read_launch
from snapshot.run.observed import observed

if TYPE_CHECKING:
    from snapshot.record.index import Index


def concluded(
    store: Store,
    run: Run,
    hashing: Hashing,
    usage: Usage | None,
    written: list[workspace.Written],
    index: Index,
    *,
    write_back: bool,
) -> Run:
    """The final record; what the run wrote is kept, and put back into the project."""
    contents, damage = _contents(store, run)
    others = _left_by_others(store, run, index)
    launch = read_launch(store.folder(run.id))
    run = observed(store, run, hashing, contents, launch.moment, others)
    run = determinism.gathered(store.folder(run.id), run)
    found = _captured(store, run, launch, written, contents, others, write_back=write_back)
    run, usage = with_gpus(store.folder(run.id), run, usage)
    run = msgspec.structs.replace(
        run,
        status="finished",
        outputs=tuple(sorted(found.outputs, key=lambda o: o.path)),
        deleted=tuple(found.deleted),
        usage=usage,
        notes=(*run.notes, *damage, *found.notes),
    )
    return results.described(store, run, contents, index)


def _contents(store: Store, run: Run) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The code, as in `AtLaunch`; what the run wrote is not lost because that can't be read any more."""
    try:
        return snapshots.contents(store.path, run.code.digest), ()
    except StoreError as problem:
        return {}, (f"its code can't be read any more: {problem.message}",)


def _captured(
    store: Store,
    run: Run,
    launch: Launch,
    written: list[workspace.Written],
    contents: Mapping[str, str],
    others: OtherRuns,
    *,
    write_back: bool,
) -> Captured:
    if not written:
        return Captured()
    at = AtLaunch(
        contents=contents,
        moment=launch.moment,
        data_files={from_text(name): status for name, status in launch.data_files.items()},
    )
    return capture(
        written, project=store.project, launch=at, run_id=run.id, write_back=write_back, from_other_run=others
    )


def with_gpus(folder: Path, run: Run, usage: Usage | None) -> tuple[Run, Usage | None]:
    """The record with what the table of its GPUs says, which is there though its `snap` died."""
    if run.gpus is None:
        return run, usage
    from snapshot.run import devices

    found = devices.summary(folder / devices.TABLE)
    if not found:
        return run, usage
    usage = msgspec.structs.replace(usage or Usage(peak_memory=None, cpu_seconds=None), gpus=found)
    return msgspec.structs.replace(run, notes=(*run.notes, *devices.notes(found))), usage


def _left_by_others(store: Store, run: Run, index: Index) -> OtherRuns:
    """Tells whether a run that ended since this one was asked wrote given bytes to a path, and has them kept.

    The records are read when the first conflict asks. A run that has put its outputs back and not yet written its final
    record is asked by what lies in its folder.
    """

    @functools.cache
    def known() -> tuple[frozenset[tuple[str, str | None]], frozenset[str]]:
        ending = frozenset(store.unfinished())  # before the records, so that no run is in neither
        index.refresh()
        found = (one.id for one in index.summaries() if one.id != run.id and (one.ended or "") >= run.created)
        others = (store.read(run_id) for run_id in found)
        outputs = (o for other in others for o in other.outputs if o.kept_because is None)
        return frozenset((o.path, o.sha256 or o.link) for o in outputs), ending

    def is_left(path: str, content: str) -> bool:
        outputs, ending = known()
        others = ending.union(store.unfinished()) - {run.id}
        return (path, content) in outputs or any(
            _has(store.folder(other) / "outputs" / path, content) for other in others
        )

    return is_left


def _has(path: Path, content: str) -> bool:
    """Whether it is a file of this digest, or a link of this text."""
    try:
        return os.readlink(path) == content if path.is_symlink() else of_file(path) == content
    except OSError:
        return False
