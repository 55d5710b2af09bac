"""The board: a row for each run, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import StoreError
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.project.names import display
from snapshot.record import labels
from snapshot.record.document import Run
from snapshot.record.fsck.fault import COPY
from snapshot.record.labels import Labels
from snapshot.record.leftovers import is_bare
from snapshot.record.store import Store
from snapshot.run.hashing import Draw, unseen
from snapshot.share.handover.data import DataNow, data_now
from snapshot.share.handover.document import UNKNOWN, UNREADABLE, Row, Standing, changed, missing, ok, together, unknown
from snapshot.share.handover.image import Images, Locks, registry_of
from snapshot.share.handover.kept import Kept
from snapshot.share.handover.verdict import Parts, answer


class Asked(Value, kw_only=True, frozen=True):
    """Where to look, and what with."""

    store: Store
    engine: Engine
    cache: Path | None
    """The user's cache folder; None where she has none."""
    access: Access
    draw: Draw = unseen


def kept(store: Store) -> list[str]:
    """The runs that are to be handed over, newest first: those that still go on are not yet."""
    ids = store.ids()
    busy = set(store.unfinished())
    return [i for i in reversed(ids) if i not in busy and (store.has_record(i) or not is_bare(store.folder(i)))]


def rows(asked: Asked, run_ids: Sequence[str], told: Callable[[str], None] = lambda text: None) -> Iterator[Row]:
    """How the runs stand, in this order. Nothing is written, built or downloaded."""
    with data_now(asked.store, asked.cache, asked.draw) as data:
        board = _Board(asked, data, told)
        for number, run_id in enumerate(run_ids):
            told(f"run {number + 1:,} of {len(run_ids):,}")
            yield board.row(run_id)


class _Board:
    """What is known of store, engine and data by now."""

    def __init__(self, asked: Asked, data: DataNow, told: Callable[[str], None]) -> None:
        self._store, self._data = asked.store, data
        self._kept = Kept(asked.store, told)
        self._images = Images(asked.engine, Locks(asked.store), asked.cache, asked.access)

    def row(self, run_id: str) -> Row:
        """One run."""
        said, archived = self._labels(run_id)
        try:
            run = self._store.read(run_id)
            if run.id != run_id:
                return _unreadable(run_id, archived, changed(f"the record is that of run {display(run.id)}", COPY))
        except (StoreError, OSError) as problem:
            is_there = self._store.has_record(run_id)
            found = changed(str(problem), COPY) if is_there else missing("the record is gone", COPY)
            return _unreadable(run_id, archived, found)
        return self._row(run, said, archived)

    def _labels(self, run_id: str) -> tuple[Labels, Standing]:
        try:
            found = labels.of(self._store, run_id)
        except (StoreError, OSError) as problem:
            return labels.NONE, unknown(f"its labels can't be read: {problem}", COPY)
        return found, archived(found, run_id)

    def _row(self, run: Run, said: Labels, archived: Standing) -> Row:
        data = self._data.of(run, foreign=said.origin is not None or archived.state == UNKNOWN)
        image = self._images.of(run, said)
        finished = run.exit is not None
        record = self._kept.record(run) if finished else unknown("the run is not finished", "`snap ls` tells of it")
        parts = Parts(
            record=record,
            image=image,
            code=self._kept.code(run),
            data=together(tuple(data.values())),
            weights=self._kept.weights(run, data),
            pushed=registry_of(said) is not None,
            with_data=any(one.data for one in (*said.pushed, *([said.origin] if said.origin else ()))),
        )
        retrain, because = answer(parts)
        return Row(
            run=run.id,
            name=run.name,
            tags=tuple(sorted(said.tags)),
            created=run.created,
            record=record,
            image=image.standing,
            code=parts.code,
            data=parts.data,
            weights=parts.weights,
            results=self._kept.results(run) if finished else None,
            archived=archived,
            retrain=retrain,
            because=because,
        )


def archived(said: Labels, run_id: str) -> Standing:
    """Where else the run is, as far as was noted; the registry is not asked."""
    if said.pushed:
        last = said.pushed[-1]
        return ok(f"pushed to {display(last.reference)}@{display(last.digest)}")
    if said.origin is None:
        return missing("not pushed", f"`snap push {run_id} REF`")
    where = display(said.origin.reference)
    if registry_of(said):
        return ok(f"pulled from {where}")
    return missing(f"not pushed; it was imported from {where}", f"`snap push {run_id} REF`")


def _unreadable(run_id: str, archived: Standing, record: Standing) -> Row:
    nothing = unknown(UNREADABLE)
    return Row(
        run=run_id, record=record, image=nothing, code=nothing, archived=archived, retrain=UNKNOWN,
        because=(f"record {record.state}",),
    )  # fmt: skip
