"""The data of two runs, apart into files and data sets that can be swapped alone. Pure but for the lists of files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from snapshot.cause.candidate import Candidate
from snapshot.document import Value
from snapshot.project.names import display, from_text
from snapshot.record.document import Data, Edit

MOST_FILES = 50
"""That differ in a data set; of more, all are swapped together."""

Edits = Callable[[Data, Data], tuple[Edit, ...]]
"""What was changed to make the second folder of the first."""


class Mixed(Value, kw_only=True, frozen=True):
    """A data set, with some files of another."""

    data: Data
    other: Data | None = None
    paths: tuple[str, ...] = ()
    """Of the other, in it, as documents hold names; what it does not have is not there."""


class DataSets:
    """What differs between the data of two runs."""

    def __init__(self, old: Sequence[Data], new: Sequence[Data], edits: Edits) -> None:
        self._was, self._now = ({data.target: data for data in side} for side in (old, new))
        self._targets = sorted({*self._was, *self._now})
        self._files = {target: self._apart(target, edits) for target in self._targets}

    def candidates(self) -> Iterator[Candidate]:
        """One for each file where two folders differ in a few, else one for the data set."""
        for target in self._targets:
            old, new = self._was.get(target), self._now.get(target)
            named = new or old
            if named is None or (old and new and old.digest == new.digest):
                continue
            name = display(from_text(named.path))
            for edit in self._files[target]:
                text = f"{name}/{display(from_text(edit.path))} ({edit.change})"
                yield Candidate(key=f"data {target}/{edit.path}", kind="data", text=text)
            if not self._files[target]:
                word = "added" if old is None else "removed" if new is None else "changed"
                yield Candidate(key=f"data {target}", kind="data", text=f"{name} ({word})")

    def mixed(self, chosen: Collection[str]) -> Iterator[Mixed]:
        """The data of the first run with what was `chosen` from those of the second."""
        for target in self._targets:
            old, new = self._was.get(target), self._now.get(target)
            paths = tuple(e.path for e in self._files[target] if f"data {target}/{e.path}" in chosen)
            all_of_it = f"data {target}" in chosen or (paths and len(paths) == len(self._files[target]))
            if (found := new if all_of_it else old) is not None:
                yield Mixed(data=found) if all_of_it or not paths else Mixed(data=found, other=new, paths=paths)

    def _apart(self, target: str, edits: Edits) -> tuple[Edit, ...]:
        old, new = self._was.get(target), self._now.get(target)
        if old is None or new is None or not (old.kind == new.kind == "folder") or not (old.digest and new.digest):
            return ()
        found = edits(old, new) if old.digest != new.digest else ()
        return found if len(found) <= MOST_FILES else ()
