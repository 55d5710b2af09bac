"""The first bad one of a package's releases, or of a history's commits, on real runs: all else is that of one run."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence

import msgspec

from snapshot.cause.data import Mixed
from snapshot.cause.differences import Hybrid, Side
from snapshot.cause.document import ELSEWHERE, FOUND, UNFINISHED, Cause, Difference, Search
from snapshot.cause.experiment import Experiment, Means
from snapshot.cause.history import first_bad
from snapshot.cause.search import BAD, GOOD, Set, Test
from snapshot.cause.settings import of
from snapshot.project.names import to_text
from snapshot.record.code.snapshots import DIRECTORY, EXECUTABLE, FILE, LINK, CodeEntry

Point = Difference
"""A release or a commit: its key, and what people call it."""
Make = Callable[[Hybrid, str], Hybrid]
"""The run as it is, with the release or commit of a key in it; raises as `Experiment` has it."""


class Series(Experiment):
    """One search."""

    def __init__(self, means: Means, side: Side, points: Sequence[Point], make: Make, *, now: str) -> None:
        self._side, self._points, self._make = side, points, make
        self._keys = [point.key for point in points]
        fresh = Search(
            good=side.run.id,
            bad=f"{points[0].text}..{points[-1].text}",
            by=means.criterion.name,
            created=now,
            candidates=tuple(points),
        )
        super().__init__(means, (side.run, side.run), fresh)

    def _find(self) -> None:
        first, last = (frozenset([key]) for key in (self._keys[0], self._keys[-1]))
        self._all([(first, 1), (last, 1)])
        if (self._had(first).outcome, self._had(last).outcome) != (GOOD, BAD):
            self._set(status=ELSEWHERE)
            return
        low, high = self._halve(self._test(self._halve))
        between = tuple(self._keys[low + 1 : high])
        self._set(
            status=FOUND if not between else UNFINISHED,
            causes=(Cause(differences=(self._keys[high],), along=between, start=self._points[low].text),),
            innocent=not between,
        )

    def _halve(self, test: Test) -> tuple[int, int]:
        return first_bad(self._keys, lambda key: test(frozenset([key])))

    def _left(self, outcomes: Mapping[Set, str]) -> int:
        places = {frozenset([key]): place for place, key in enumerate(self._keys)}
        bad = [places[one] for one, outcome in outcomes.items() if outcome == BAD]
        good = [places[one] for one, outcome in outcomes.items() if outcome == GOOD]
        return max(0, min(bad, default=len(places) - 1) - max(good, default=0))

    def _hybrid(self, chosen: Set) -> Hybrid:
        (key,) = chosen
        side = self._side
        hybrid = Hybrid(
            command=side.run.command,
            settings=of(side.run),
            code=side.code,
            contents={},
            lock=side.lock,
            data=tuple(Mixed(data=data) for data in side.data),
            inputs=side.inputs,
        )
        return self._make(hybrid, key)

    def _note(self, chosen: Set) -> str:
        return f"a hybrid of `snap bisect`: run {self._side.run.id} with {', '.join(chosen)}"


def with_code(hybrid: Hybrid, archive: bytes) -> Hybrid:
    """With the files of a tar archive, as `git archive` writes them, for code."""
    code, contents = _unpacked(archive)
    return msgspec.structs.replace(hybrid, code=code, contents=contents)


def _unpacked(archive: bytes) -> tuple[tuple[CodeEntry, ...], Mapping[str, bytes]]:
    entries: dict[str, CodeEntry] = {}
    contents: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = to_text(member.name.rstrip("/"))
            if member.issym():
                entries[path] = CodeEntry(path=path, mode=LINK, target=to_text(member.linkname))
            elif member.isfile() and (file := tar.extractfile(member)) is not None:
                data = file.read()
                sha256 = hashlib.sha256(data).hexdigest()
                contents[sha256] = data
                entries[path] = CodeEntry(
                    path=path, mode=EXECUTABLE if member.mode & 0o100 else FILE, size=len(data), sha256=sha256
                )
    for path in list(entries):
        while path := path.rpartition("/")[0]:
            entries.setdefault(path, CodeEntry(path=path, mode=DIRECTORY))
    return tuple(entries.values()), contents
