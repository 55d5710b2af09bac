"""What is to be seen of a run only between its end and the write-back: data, edits of the code, what it opened.

It is written down at once: a `snap` that dies while outputs are put back is followed by another one, to which these
would look like edits.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from snapshot.document import Document, decode_json, encode_json
from snapshot.errors import StoreError
from snapshot.host.files import write_atomic
from snapshot.record.document import Data, Edit, Reads, Run
from snapshot.record.store import Store
from snapshot.run import data, trace
from snapshot.run.edits import OtherRuns, edits
from snapshot.run.hashing import Hashing
from snapshot.run.missing import hints

FILE = "observed.json"
"""In the run's folder until the record is final."""


class Observed(Document, kw_only=True, frozen=True):
    """The document `observed.json`."""

    data: tuple[Data, ...]
    edits: tuple[Edit, ...]
    reads: Reads | None
    notes: tuple[str, ...]


def observed(
    store: Store, run: Run, hashing: Hashing, contents: Mapping[str, str], moment: int | None, others: OtherRuns
) -> Run:
    """`run` with what is to be seen; `contents` and `moment` are as in `capture.AtLaunch`."""
    folder = store.folder(run.id)
    found = _known(folder)
    if found is None:
        found = _observe(store, run, hashing, contents, moment, others)
        write_atomic(folder / FILE, encode_json(found), durable=False)
    return msgspec.structs.replace(
        run,
        data=found.data,
        code=msgspec.structs.replace(run.code, edits=found.edits),
        reads=found.reads,
        notes=(*run.notes, *found.notes),
    )


def discard(folder: Path) -> None:
    """Forget it, when the record is final."""
    (folder / FILE).unlink(missing_ok=True)


def _known(folder: Path) -> Observed | None:
    with suppress(FileNotFoundError, StoreError):
        return decode_json((folder / FILE).read_bytes(), Observed, where=FILE)
    return None


def _observe(
    store: Store, run: Run, hashing: Hashing, contents: Mapping[str, str], moment: int | None, others: OtherRuns
) -> Observed:
    found, notes = data.identified(run, store.folder(run.id), hashing, store)
    reads = _opened(store, run, contents)
    if moment is None:
        return Observed(data=found, edits=(), reads=reads, notes=notes)
    hinted = hints(reads.missing, project=store.project) if reads else ()
    changed = edits(store.project, contents, moment, others)
    return Observed(data=found, edits=changed, reads=reads, notes=(*notes, *hinted))


def _opened(store: Store, run: Run, contents: Mapping[str, str]) -> Reads | None:
    try:
        found = trace.gather(store.folder(run.id), project=store.project, code=contents, data=run.data)
    except StoreError:  # gathered by a `snap` that died, and damaged since
        return None
    # Without a process its Python has other places for site packages than ours knows, or it was none.
    return found[1] if found and found[1].processes else None
