"""The first bad one of a package's releases, or of a history's commits, on real runs: all else is that of one run."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from snapshot.cause import criterion as criteria
from snapshot.cause import state
from snapshot.cause import trial as trials
from snapshot.cause.bisect import Progress
from snapshot.cause.criterion import Criterion
from snapshot.cause.data import Mixed
from snapshot.cause.differences import Hybrid, Side
from snapshot.cause.document import ELSEWHERE, FOUND, UNFINISHED, Cause, Difference, Search, Trial
from snapshot.cause.history import first_bad
from snapshot.cause.search import BAD, GOOD, UNRESOLVED
from snapshot.cause.settings import of
from snapshot.cause.trial import Hands
from snapshot.errors import SnapshotError
from snapshot.project.names import to_text
from snapshot.record.code.snapshots import DIRECTORY, EXECUTABLE, FILE, LINK, CodeEntry
from snapshot.record.store import Store
from snapshot.run.draft import Draft

Point = Difference
"""A release or a commit: its key, and what people call it."""
Make = Callable[[Hybrid, str], Hybrid]
"""The run as it is, with the release or commit of a key in it; raises SnapshotError when it can't be had."""


class Series:
    """One search."""

    def __init__(
        self,
        store: Store,
        side: Side,
        base: Draft,
        points: Sequence[Point],
        make: Make,
        criterion: Criterion,
        hands: Hands,
        *,
        progress: Progress,
        now: str,
    ) -> None:
        self._store, self._side, self._base, self._points, self._make = store, side, base, points, make
        self._criterion, self._hands, self._progress = criterion, hands, progress
        fresh = Search(
            good=side.run.id,
            bad=f"{points[0].text}..{points[-1].text}",
            by=criterion.name,
            created=now,
            candidates=tuple(points),
        )
        self.search = state.resumed(store, fresh)
        self._known = {trial.chosen[0]: trial for trial in self.search.trials}

    def find(self) -> Search:
        """Which is the first bad one. What was tried is written down after each, and not tried again."""
        keys = [point.key for point in self._points]
        ends = self._outcome(keys[0]), self._outcome(keys[-1])
        if ends != (GOOD, BAD):
            self._set(status=ELSEWHERE)
            return self.search
        low, high = first_bad(keys, self._outcome)
        between = tuple(keys[low + 1 : high])
        self._set(
            status=FOUND if not between else UNFINISHED,
            causes=(Cause(differences=(keys[high],), along=between, start=self._points[low].text),),
            innocent=not between,
        )
        return self.search

    def _outcome(self, key: str) -> str:
        if key not in self._known:
            self._progress.trying(len(self.search.trials) + 1, [key], len(self._points))
            trial = self._tried(key)
            self._known[key] = trial
            self._set(trials=(*self.search.trials, trial))
            self._progress.tried(trial, self._left())
        return self._known[key].outcome

    def _left(self) -> int:
        """How many may be the first bad one."""
        places = {point.key: place for place, point in enumerate(self._points)}
        bad = [places[key] for key, trial in self._known.items() if trial.outcome == BAD]
        good = [places[key] for key, trial in self._known.items() if trial.outcome == GOOD]
        return max(0, min(bad, default=len(places) - 1) - max(good, default=0))

    def _tried(self, key: str) -> Trial:
        began = time.monotonic()
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
        try:
            hybrid = self._make(hybrid, key)
        except SnapshotError as problem:
            return Trial(chosen=(key,), outcome=UNRESOLVED, runs=(), reason=problem.message)
        if (why := trials.built(self._hands, hybrid)) is not None:
            return Trial(chosen=(key,), outcome=UNRESOLVED, runs=(), reason=why)
        note = f"a hybrid of `snap bisect`: run {side.run.id} with {key}"
        run = trials.run(self._store, self._base, hybrid, self._hands, note)
        judged = criteria.ended_alike(run, side.run, side.run) or self._criterion.judge(run)
        return Trial(
            chosen=(key,),
            outcome=judged.outcome,
            runs=(run.id,),
            values=() if judged.value is None else (judged.value,),
            reason=judged.reason if judged.outcome == UNRESOLVED else None,
            seconds=time.monotonic() - began,
            training=run.seconds or 0,
        )

    def _set(self, **changes: object) -> None:
        self.search = msgspec.structs.replace(self.search, **changes)
        state.keep(self._store, self.search)


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
