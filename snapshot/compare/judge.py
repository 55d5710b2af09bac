"""The verdict on a rerun, from the two runs as the store has them; kept beside the rerun's record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snapshot.compare.outputs import Side, compare
from snapshot.compare.platform import differences
from snapshot.compare.unpickling import Unpickle
from snapshot.compare.verdict import FILE, SCHEMA, Compared, Tolerance, Verdict, overall
from snapshot.document import check_schema, decode_json, encode_json
from snapshot.host.files import write_atomic
from snapshot.record.document import Run
from snapshot.record.store import Store


def judge(
    store: Store,
    first: Run,
    second: Run,
    *,
    tolerances: tuple[Tolerance, ...],
    unpickle: Unpickle | None,
    now: str,
    remark: Callable[[Verdict], Verdict] | None = None,
) -> Verdict:
    """What came out of `second`, which repeated `first`; it is written down. Raises HostError as `write_atomic` does.

    `unpickle` is as in `compare`, `now` RFC 3339 in UTC; `remark` adds what else is known of the differences.
    """
    compared = outputs(store, first, second, tolerances=tolerances, unpickle=unpickle)
    verdict = Verdict(
        first=first.id,
        second=second.id,
        created=now,
        verdict=overall(compared, first.exit, second.exit),
        outputs=compared,
        tolerances=tolerances,
        differences=differences(first, second),
        notes=second.notes,
    )
    verdict = remark(verdict) if remark else verdict
    write_atomic(_path(store, second.id), encode_json(verdict))
    return verdict


def outputs(
    store: Store, first: Run, second: Run, *, tolerances: tuple[Tolerance, ...] = (), unpickle: Unpickle | None
) -> tuple[Compared, ...]:
    """Every output of two runs, one by one, as `compare` does it; nothing is written down."""
    return compare(_side(store, first), _side(store, second), tolerances=tolerances, unpickle=unpickle)


def known(store: Store, run: Run) -> Verdict | None:
    """The verdict on `run`, if it is a rerun that was judged. Raises StoreError when it is damaged."""
    if run.rerun is None:
        return None
    where = f"{run.id}/{FILE}"
    try:
        data = _path(store, run.id).read_bytes()
    except FileNotFoundError:
        return None
    check_schema(decode_json(data, dict, where=where), SCHEMA, where=where)
    return decode_json(data, Verdict, where=where)


def _side(store: Store, run: Run) -> Side:
    return Side(outputs=run.outputs, folder=store.folder(run.id) / "outputs", deleted=run.deleted)


def _path(store: Store, run_id: str) -> Path:
    return store.folder(run_id) / FILE
