"""The pages that there are, from the store to HTML."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing

from snapshot.errors import StoreError
from snapshot.project.names import display
from snapshot.record import labels, summary
from snapshot.record.document import Run
from snapshot.record.index import Index
from snapshot.record.store import Store
from snapshot.record.summary import Summary
from snapshot.report.html import between, gather, pair, run, runs
from snapshot.report.html.render import Live, html
from snapshot.report.html.so_far import so_far
from snapshot.report.lineage import Names
from snapshot.report.select import Row
from snapshot.report.text import count


def of_run(store: Store, record: Run, *, now: str, live: Live | None = None) -> str:
    """All that is known of a run; `now` as documents have it."""
    return html("run", run.page(gather.gather(store, record), now), now=now, live=live)


def of_pair(store: Store, old: Run, new: Run, *, now: str, live: Live | None = None) -> str:
    """How two runs differ."""
    return html("pair", pair.page(between.between(store, old, new)), now=now, live=live)


def of_runs(store: Store, ids: Collection[str] | None, *, now: str, live: Live | None = None) -> str:
    """The runs `ids`, or all of the project: those that go on first, then the newest."""
    with closing(Index(store)) as index:
        index.refresh()
        found, damaged = index.summaries(), index.damaged if ids is None else ()
    said = labels.every(store)
    chosen = sorted((one for one in found if ids is None or one.id in ids), key=lambda one: one.exit is not None)
    rows = [Row(one, said.get(one.id, labels.NONE)) for one in _up_to_date(store, chosen)]
    title = f"{count(len(rows), 'run')} of {display(store.project.name)}"
    return html("runs", runs.page(title, rows, Names(store.ids()), damaged, now=now), now=now, live=live)


def _up_to_date(store: Store, found: Collection[Summary]) -> Iterator[Summary]:
    for one in found:
        yield _by_now(store, one) if one.exit is None else one


def _by_now(store: Store, found: Summary) -> Summary:
    try:
        with so_far(store, store.read(found.id)) as (known, _):
            return summary.of(known)
    except StoreError:  # removed meanwhile
        return found
