"""What the records say of outputs and descent, by digest and by run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from snapshot.document import Value
from snapshot.record.store import Store


class Written(Value, kw_only=True, frozen=True):
    """An output that a run wrote."""

    run: str
    path: str
    size: int


class Index:
    """A stand-in that reads every record; `refresh` comes first."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._writers: defaultdict[str, list[Written]] = defaultdict(list)
        self._children: defaultdict[str, list[str]] = defaultdict(list)

    def refresh(self) -> None:
        """Read the records that are final."""
        self._writers.clear()
        self._children.clear()
        for run in sorted(self.store.all(), key=lambda run: run.id):
            if run.exit is None:
                continue
            for output in run.outputs:
                if output.sha256 and output.size:
                    self._writers[output.sha256].append(Written(run=run.id, path=output.path, size=output.size))
            for parent in dict.fromkeys(edge.run for edge in run.parents):
                self._children[parent].append(run.id)

    def writers(self, digests: Collection[str]) -> dict[str, tuple[Written, ...]]:
        """The outputs that have one of `digests`, oldest first; empty files have no origin."""
        return {digest: tuple(self._writers[digest]) for digest in digests if digest in self._writers}

    def children(self, run_id: str) -> tuple[str, ...]:
        """The runs whose record names `run_id` as a parent."""
        return tuple(self._children.get(run_id, ()))
