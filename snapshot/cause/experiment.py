"""The hybrids of one search, on real runs: several at a time, each tried once, and written down as soon as it is."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import mean
from typing import Protocol

import msgspec

from snapshot.cause import criterion as criteria
from snapshot.cause import state
from snapshot.cause import trial as trials
from snapshot.cause.ahead import Chance, Seeking, ahead, even
from snapshot.cause.criterion import ByNumber, Criterion, Judged
from snapshot.cause.differences import Hybrid
from snapshot.cause.document import UNFINISHED, Search, Trial
from snapshot.cause.search import UNRESOLVED, Set, Test
from snapshot.cause.trial import Hands
from snapshot.document import Value
from snapshot.host.files import scratch
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.run.draft import Draft
from snapshot.run.signals import Signals

_MIXED = "bisect"
"""In the store's cache."""
Wanted = tuple[Set, int]
"""A hybrid, and how many runs of it there are to be."""
Judge = Callable[[Trial], str]


class Budget(Value, kw_only=True, frozen=True):
    """How far the search may go."""

    runs: int | None = None
    seconds: float | None = None


class Progress(Protocol):
    """Hears of it."""

    def training(self, count: int) -> AbstractContextManager[object]:
        """So many hybrids are trained as long as it is entered."""
        ...

    def tried(self, number: int, trial: Trial, search: Search, left: int) -> None:
        """One more run of a hybrid, the search's `number`th, is over; of so many candidates one may be the cause."""
        ...


class Means(Value, kw_only=True, frozen=True):
    """What a search has to work with."""

    store: Store
    base: Draft
    """The good run, as it is repeated."""
    criterion: Criterion
    hands: Hands
    progress: Progress
    jobs: int = 1
    """Hybrids at a time. What is found does not depend on it."""
    budget: Budget = Budget()


class _SpentError(Exception):
    """The budget is."""


def _outcome(trial: Trial) -> str:
    return trial.outcome


class Experiment(ABC):
    """What a search of any kind knows, and how it comes to know more."""

    def __init__(self, means: Means, ends: tuple[Run, Run], fresh: Search) -> None:
        """`ends` are runs that a hybrid has to end like; what was tried for the search `fresh` before is known."""
        self._means, self._ends = means, ends
        self._criterion = means.criterion
        self._began, self._runs = time.monotonic(), 0
        self.search = state.resumed(means.store, fresh)
        self._trials = {frozenset(trial.chosen): trial for trial in self.search.trials}
        self._preparing: dict[Set, float] = {}
        """Seconds that it took to have the image of a hybrid of which no run is known yet."""
        self._mixed = Path()
        """Where data are put together, while it looks: a folder of this search alone, others may go on beside it."""
        self._in_turn = threading.Lock()
        """Held by who puts code and data together in the store."""

    @abstractmethod
    def _find(self) -> None:
        """The search itself."""

    @abstractmethod
    def _hybrid(self, chosen: Set) -> Hybrid:
        """The hybrid; raises BuildError, ResolveError or UsageError when it can't be had."""

    @abstractmethod
    def _note(self, chosen: Set) -> str:
        """What the record of a run says of the hybrid."""

    @abstractmethod
    def _left(self, outcomes: Mapping[Set, str]) -> int:
        """How many may be the cause, if there is one alone."""

    def find(self) -> Search:
        """All that the search finds, as far as the budget goes. Raises UsageError when it can't begin.

        What was tried is written down after each run, so that the same search goes on where it was.
        """
        with scratch(self._means.store.cache / _MIXED) as self._mixed:
            try:
                self._find()
            except _SpentError:
                self._set(status=UNFINISHED)
        return self.search

    def _known(self, chosen: Set) -> Trial | None:
        """The hybrid, if it was run as often as it takes."""
        return None if self._lacking(chosen, self.search.repeats) else self._had(chosen)

    def _had(self, chosen: Set) -> Trial:
        """A hybrid that was run, judged by what is known by now."""
        return self._judged(self._trials[chosen])

    def _test(self, seeking: Seeking, *, judge: Judge = _outcome, chance: Chance = even) -> Test:
        """The outcomes that `seeking` asks for; what it may ask for next is tried at the same time."""

        def test(chosen: Set) -> str:
            while (trial := self._known(chosen)) is None:
                asked = ahead(seeking, self._outcomes(judge), self._means.jobs, chance)
                self._go_on([(one, self.search.repeats) for one in (chosen, *asked)])
            return judge(trial)

        return test

    def _outcomes(self, judge: Judge = _outcome) -> dict[Set, str]:
        return {chosen: judge(trial) for chosen in self._trials if (trial := self._known(chosen)) is not None}

    def _all(self, wanted: Sequence[Wanted]) -> None:
        """Have all of these run, the first ones first."""
        while self._go_on(wanted):
            pass

    def _go_on(self, wanted: Sequence[Wanted]) -> bool:
        """As many runs of these as go at a time; whether there was one to be made."""
        planned = plan(wanted, self._lacking)
        if planned:
            self._together(planned[: self._room()])
        return bool(planned)

    def _lacking(self, chosen: Set, repeats: int) -> int:
        """How many runs it takes until it was run so often: none more where it can't be told what it is."""
        trial = self._trials.get(chosen)
        if trial is None:
            return repeats
        return 0 if trial.outcome == UNRESOLVED else max(0, repeats - len(trial.runs))

    def _room(self) -> int:
        """How many runs may begin now; raises _SpentError when none may."""
        budget, jobs = self._means.budget, self._means.jobs
        room = jobs if budget.runs is None else min(jobs, budget.runs - self._runs)
        if room < 1 or (budget.seconds is not None and time.monotonic() - self._began >= budget.seconds):
            raise _SpentError
        return room

    def _together(self, planned: Sequence[Set]) -> None:
        """One run of each at the same time, once all have their images; what they come to is taken in their order."""
        ready = {chosen: self._ready(chosen) for chosen in dict.fromkeys(planned)}
        going = [(chosen, hybrid) for chosen in planned if (hybrid := ready[chosen]) is not None]
        self._runs += len(going)
        watched = self._means.progress.training(len(going))
        # Of a terminal that is closed, too: nobody would take what they come to.
        with watched, Signals(outlive=False) as signals, ThreadPoolExecutor(self._means.jobs) as pool:
            runs = [pool.submit(self._run, chosen, hybrid, signals) for chosen, hybrid in going]
            for (chosen, _), ended in zip(going, runs, strict=True):
                run, seconds = ended.result()
                judged = criteria.ended_alike(run, *self._ends) or self._criterion.judge(run)
                # A training that was ended says nothing of the hybrid; nor does a check that was.
                signals.check()
                self._take(chosen, run, judged, seconds)

    def _ready(self, chosen: Set) -> Hybrid | None:
        """The hybrid, with its image there; None, and that is written down, where that can't be."""
        began = time.monotonic()
        found = trials.ready(self._means.hands, lambda: self._hybrid(chosen))
        if isinstance(found, Hybrid):
            self._preparing[chosen] = time.monotonic() - began
            return found
        self._keep(msgspec.structs.replace(self._begun(chosen), outcome=UNRESOLVED, reason=found))
        return None

    def _run(self, chosen: Set, hybrid: Hybrid, signals: Signals) -> tuple[Run, float]:
        """To its end, in a thread of its own; with the seconds that it took."""
        began, means = time.monotonic(), self._means

        def drafting() -> Draft:
            with self._in_turn:
                options = means.hands.options(hybrid.settings.request.gpus, hybrid.lock)
                note = self._note(chosen)
                return trials.draft(means.store, means.base, hybrid, options, note=note, mixed=self._mixed)

        run = means.hands.train(drafting, signals)
        return run, time.monotonic() - began

    def _take(self, chosen: Set, run: Run, judged: Judged, seconds: float) -> None:
        """One more run of a hybrid; one that went on beside a run that can't be told counts no more than after it."""
        known = self._begun(chosen)
        if known.runs and known.outcome == UNRESOLVED:
            return
        is_told = judged.outcome != UNRESOLVED
        trial = msgspec.structs.replace(
            known,
            outcome=judged.outcome,
            runs=(*known.runs, run.id),
            values=known.values if judged.value is None or not is_told else (*known.values, judged.value),
            reason=None if is_told else judged.reason,
            seconds=known.seconds + self._preparing.pop(chosen, 0) + seconds,
            training=known.training + (run.seconds or 0),
        )
        self._keep(self._judged(trial) if is_told else trial)

    def _begun(self, chosen: Set) -> Trial:
        return self._trials.get(chosen) or Trial(chosen=self._sorted(chosen), outcome=UNRESOLVED, runs=())

    def _judged(self, trial: Trial) -> Trial:
        """By the values as they are measured by now."""
        values = numbers(trial)
        if trial.outcome != UNRESOLVED and isinstance(self._criterion, ByNumber) and len(values) == len(trial.values):
            return msgspec.structs.replace(trial, outcome=self._criterion.outcome(mean(values))) if values else trial
        return trial

    def _judge_by(self, criterion: Criterion) -> None:
        """From now on by another criterion, and so all that was tried before."""
        self._criterion = criterion
        self._trials = {chosen: self._judged(trial) for chosen, trial in self._trials.items()}
        self._set(trials=tuple(self._trials.values()))

    def _keep(self, trial: Trial) -> None:
        chosen = frozenset(trial.chosen)
        self._trials[chosen] = trial
        self._set(trials=tuple(self._trials.values()))
        number = 1 + list(self._trials).index(chosen)
        self._means.progress.tried(number, trial, self.search, self._left(self._outcomes()))

    def _sorted(self, chosen: Set) -> tuple[str, ...]:
        return tuple(candidate.key for candidate in self.search.candidates if candidate.key in chosen)

    def _set(self, **changes: object) -> None:
        self.search = msgspec.structs.replace(self.search, **changes)
        state.keep(self._means.store, self.search)


def plan(wanted: Sequence[Wanted], lacking: Callable[[Set, int], int]) -> list[Set]:
    """The runs that are to be made, in this order; `lacking` says how many a hybrid lacks until it has so many."""
    found: list[Set] = []
    for chosen, repeats in wanted:
        found += [chosen] * (lacking(chosen, repeats) - found.count(chosen))
    return found


def numbers(trial: Trial) -> list[float]:
    """What it came to, where that is a number."""
    return [value for value in trial.values if isinstance(value, int | float)]
