"""What `snap bisect` has done on this machine: hybrids drafted, built and trained; and a line for each."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from snapshot.cli import terminal
from snapshot.cli.place import Place
from snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from snapshot.cause.document import Search, Trial
    from snapshot.lock.document import Lock
    from snapshot.record.document import Run
    from snapshot.run.draft import Draft, Options
    from snapshot.run.signals import Signals
    from snapshot.share.rerun import Locked, Wanted

_SLOWER, _AT_LEAST = 3, 60
"""A hybrid may take so many times as long as the slower of the two runs, and so many seconds more."""


class Hands:
    """What acts for a search."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._limit: float | None = None

    def limit(self, good: Run, bad: Run, jobs: int) -> None:
        """From now on trainings are ended that take far longer than these; side by side each may take longer."""
        self._limit = _SLOWER * jobs * max(good.seconds or 0, bad.seconds or 0) + _AT_LEAST

    def draft(self, run: Run, wanted: Wanted, locked: Locked | None = None) -> Draft:
        """The run as for a rerun, on another lock if one is given: its data are there, and what they were."""
        from snapshot.cli.data import Identifying
        from snapshot.share import rerun

        store = self._place.store
        locked = locked or rerun.lock_of(store, run)
        request = rerun.request_of(run, wanted, foreign=rerun.is_foreign(store, run))
        options = msgspec.structs.replace(
            self.options(request.gpus, locked[0]), request=request, determinism=rerun.determinism_of(run, wanted)
        )
        return rerun.draft(store, run, locked, options, wanted, Identifying(self._place, trust_cache=True))

    def build(self, lock: Lock) -> None:
        from snapshot.cli.build import build_image
        from snapshot.image.build import present

        if present(self._place.engine, lock) is None:
            build_image(self._place, lock)

    def options(self, gpus: str | None, lock: Lock) -> Options:
        from snapshot.record.document import Request
        from snapshot.run.draft import Options

        grant = None
        if gpus:
            from snapshot.cli.gpus import Asked

            asked = Asked(self._place, gpus)
            asked.check(lock)
            grant = asked.grant()
        return Options(
            request=Request(), grant=grant, write_back=False, trace=False, output="none", limit=self._limit,
            trial="bisect",
        )  # fmt: skip

    def train(self, drafting: Callable[[], Draft], signals: Signals) -> Run:
        from snapshot.run.hashing import unseen
        from snapshot.run.training import train

        place = self._place
        environment: Mapping[str, str] = {}
        return train(
            place.store,
            drafting,
            place.engine,
            build=lambda: None,
            environment=environment,
            warn=lambda said: None,
            # Several at a time can't draw on one terminal.
            hashing=msgspec.structs.replace(place.hashing, draw=unseen),
            signals=signals,
        )


def packages(place: Place, locks: list[Lock]) -> Path:
    """The cache with the packages of both, as far as they can be had."""
    from snapshot.host.download import access_of
    from snapshot.host.pip_config import read
    from snapshot.image.fetch import fetch

    cache = place.make_cache()
    if locks[0].packages != locks[1].packages:
        with terminal.step("fetching packages"):
            for lock in locks:
                try:
                    fetch(lock, cache_dir=cache, access=access_of(read(os.environ), place.root))
                except SnapshotError as problem:
                    terminal.warn(f"not all packages can be had: {problem.message}")
    return cache


class Shown:
    """A line for each run of a hybrid."""

    def __init__(self, jobs: int) -> None:
        self._jobs, self._seconds, self._tried = jobs, 0.0, 0

    def training(self, count: int) -> AbstractContextManager[object]:
        return terminal.step("training a hybrid" if count == 1 else f"training {count} hybrids at a time")

    def tried(self, number: int, trial: Trial, search: Search, left: int) -> None:
        from snapshot.cause.criterion import text
        from snapshot.report.bisect import named
        from snapshot.report.text import duration

        seconds = trial.seconds / max(len(trial.runs), 1)
        self._tried += 1
        self._seconds += seconds
        again = f", run {len(trial.runs)}" if len(trial.runs) > 1 else ""
        is_hybrid = 0 < len(trial.chosen) < len(search.candidates)
        told = text(trial.values[-1]) if trial.values else trial.reason
        # Of the two runs themselves it is not asked what they are, but how far they are apart.
        said = told if told and not is_hybrid else f"{trial.outcome} ({told})" if told else trial.outcome
        # Halving, then the last one alone, and all others without it.
        more = math.log2(left) / math.log2(self._jobs + 1) + 2 if left > 1 else 0
        about = f"; {left} left, some {duration(more * self._seconds / self._tried)} to go" if more else ""
        terminal.note(f"hybrid {number}{again}, {named(trial.chosen, search)}: {said}{about}")
