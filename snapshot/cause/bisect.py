"""The search, on real runs: hybrids are built and run until the smallest set of differences is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from statistics import mean
from typing import Protocol

import msgspec

from snapshot.cause import criterion as criteria
from snapshot.cause import noise, state
from snapshot.cause import odds as chances
from snapshot.cause import trial as trials
from snapshot.cause.candidate import Candidate, closed
from snapshot.cause.criterion import ByNumber, ByOutput, Criterion
from snapshot.cause.differences import Differences
from snapshot.cause.document import ELSEWHERE, FOUND, NOISE, UNFINISHED, Cause, Difference, Search, Trial
from snapshot.cause.search import BAD, GOOD, UNRESOLVED, Set, independent, smallest
from snapshot.cause.spread import Spread, spread
from snapshot.cause.trial import Hands
from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.run.draft import Draft

SAMPLE = 4
"""Runs of each side, where these are not the same each time."""


class Budget(Value, kw_only=True, frozen=True):
    """How far the search may go."""

    runs: int | None = None
    seconds: float | None = None


class Progress(Protocol):
    """Hears of it."""

    def trying(self, number: int, chosen: Collection[str], candidates: int) -> None:
        """A hybrid begins, which has this many of the candidates."""
        ...

    def tried(self, trial: Trial, left: int) -> None:
        """It is over, and so many candidates are left if there is one cause."""
        ...


class _SpentError(Exception):
    """The budget is."""


class Bisection:
    """One search."""

    def __init__(
        self,
        store: Store,
        good: Run,
        bad: Run,
        base: Draft,
        differences: Differences,
        criterion: Criterion,
        hands: Hands,
        *,
        budget: Budget,
        progress: Progress,
        unswappable: tuple[str, ...],
        now: str,
    ) -> None:
        self._store, self._good, self._bad, self._base = store, good, bad, base
        self._differences, self._criterion, self._hands = differences, criterion, hands
        self._budget, self._progress = budget, progress
        self._began, self._runs = time.monotonic(), 0
        found = differences.candidates()
        self._candidates = {candidate.key: candidate for candidate in found}
        order = sorted(found, key=lambda one: len(closed([one.key], self._candidates)))
        self._order = [
            candidate.key
            for kind in dict.fromkeys(c.kind for c in found)
            for candidate in order
            if candidate.kind == kind
        ]
        fresh = Search(
            good=good.id,
            bad=bad.id,
            by=criterion.name,
            good_value=getattr(criterion, "good", None),
            bad_value=getattr(criterion, "bad", None),
            created=now,
            candidates=tuple(map(_told, found)),
            unswappable=unswappable,
        )
        self.search = state.resumed(store, fresh)
        self._known = {frozenset(trial.chosen): trial for trial in self.search.trials}

    def find(self) -> Search:
        """All causes, as far as the budget goes. Raises UsageError when one of the runs can't be repeated here.

        What was tried is written down after each hybrid, so that the same search goes on where it was.
        """
        try:
            self._find()
        except _SpentError:
            self._set(status=UNFINISHED)
        finally:
            trials.clear(self._store)
        return self.search

    def _find(self) -> None:
        everything = frozenset(self._order)
        status = self._measure(everything)
        if status is not None:
            self._set(status=status)
            return
        causes: list[Cause] = []

        def found(cause: Set, after: Set = frozenset()) -> None:
            causes.append(self._cause(cause, after))
            self._set(causes=tuple(causes))

        sets = independent(self._order, self._outcome, found, self._closed)
        rest = self._rest(frozenset().union(*sets))
        innocent = not rest or self._outcome(frozenset(rest)) == GOOD
        self._follow(frozenset().union(*sets), found)
        self._set(status=FOUND, innocent=innocent)

    def _rest(self, causes: Set) -> list[str]:
        """The candidates that can be swapped without any of `causes`."""
        return [key for key in self._order if not self._closed(key) & causes]

    def _follow(self, causes: Set, found: Callable[[Set, Set], None]) -> None:
        """What only makes a difference once `causes` are there: as long as these do not lead all the way."""
        criterion = self._criterion
        while isinstance(criterion, ByNumber) and not criterion.is_noisy:
            reached = self._trial(self._bound(causes)).values[-1:]
            rest = [key for key in self._order if key not in self._bound(causes)]
            if not reached or not rest or criterion.is_there(reached[0]):
                return
            on = criterion.between(reached[0], criterion.bad, is_noisy=False)

            def goes_on(chosen: Set, on: ByNumber = on, causes: Set = causes) -> str:
                trial = self._trial(self._bound(causes | chosen))
                return (
                    trial.outcome if trial.outcome == UNRESOLVED or not trial.values else on.outcome(trial.values[-1])
                )

            if goes_on(frozenset(rest)) != BAD:
                return
            further = smallest(rest, goes_on)
            found(further, causes)
            causes |= further

    def _measure(self, everything: Set) -> str | None:
        """Whether the two can be told from each other here: None if so, else how it ends."""
        first, last = self._trial(frozenset()), self._trial(everything) if everything else None
        for trial, run in ((first, self._good), (last, self._bad)):
            if trial is not None and trial.outcome == UNRESOLVED:
                raise UsageError(
                    f"run `{run.id}` can't be repeated here: {trial.reason}", hint=f"see `snap rerun {run.id}`"
                )
        criterion = self._criterion
        is_exact = isinstance(criterion, ByNumber) and first.values[:1] == (criterion.good,)
        if isinstance(criterion, ByNumber) and not (is_exact and (last is None or last.values[:1] == (criterion.bad,))):
            return self._sampled(criterion, everything)
        if first.outcome == BAD:
            return NOISE if isinstance(criterion, ByOutput) else ELSEWHERE
        return ELSEWHERE if last is None or last.outcome != BAD else None

    def _sampled(self, criterion: ByNumber, everything: Set) -> str | None:
        """The same where results differ by themselves: by several runs of each side."""
        measured = self._measured(criterion)
        for number in range(2, SAMPLE + 1):
            # In turns, so that whatever else the machine does hits both alike.
            if not measured:
                self._trial(frozenset(), number)
            if everything:
                self._trial(everything, number)
        good = measured or spread(self._numbers(self._trial(frozenset(), SAMPLE)))
        bad = spread(self._numbers(self._trial(everything, SAMPLE))) if everything else None
        if good is None:
            return ELSEWHERE
        if bad is None:
            self._set(noise=good.deviation)
            far = criterion.bad
            return NOISE if good.deviation and isinstance(far, int | float) and good.holds(far) else ELSEWHERE
        odds = chances.odds(good, bad)
        if odds.is_noise:
            self._set(noise=odds.deviation)
            return NOISE if odds.deviation else ELSEWHERE
        self._criterion = criterion.between(odds.good, odds.bad, is_noisy=True)
        self._set(
            noise=odds.deviation,
            repeats=odds.repeats,
            confidence=odds.confidence if odds.deviation else None,
            good_value=odds.good,
            bad_value=odds.bad,
        )
        return None

    def _measured(self, criterion: ByNumber) -> Spread | None:
        """What `snap noise` has found of the good run, where it was repeated here."""
        found = noise.known(self._store, self._good)
        name = criterion.name.removeprefix("metric ")
        measured = found.spread(name) if found and criterion.name != name else None
        return measured if measured and measured.n >= SAMPLE else None

    def _numbers(self, trial: Trial) -> list[float]:
        return [value for value in trial.values if isinstance(value, int | float)]

    def _cause(self, cause: Set, after: Set) -> Cause:
        bound = self._bound(cause | after)
        start, end = self._known.get(self._bound(after)), self._known.get(bound)
        return Cause(
            differences=self._sorted(cause),
            along=self._sorted(bound - cause - self._bound(after)),
            after=self._sorted(after),
            start=self.search.good_value if not after or start is None else next(iter(start.values), None),
            values=end.values if end else (),
        )

    def _closed(self, key: str) -> Set:
        return closed([key], self._candidates)

    def _bound(self, chosen: Set) -> Set:
        return closed(chosen, self._candidates)

    def _outcome(self, chosen: Set) -> str:
        return self._trial(self._bound(chosen)).outcome

    def _trial(self, chosen: Set, repeats: int | None = None) -> Trial:
        """The hybrid tried, as often as it takes, unless it was already."""
        repeats = repeats or self.search.repeats
        known = self._known.get(chosen)
        if known is not None and (known.outcome == UNRESOLVED or len(known.runs) >= repeats):
            return self._judged_again(known)
        if known is None:
            self._check_budget()
            self._progress.trying(len(self.search.trials) + 1, chosen, len(self._order))
        trial = self._tried(chosen, repeats, known)
        self._known[chosen] = trial
        kept = tuple(one for one in self.search.trials if frozenset(one.chosen) != chosen)
        self._set(trials=(*kept, trial))
        self._progress.tried(trial, len(self._left()))
        return trial

    def _left(self) -> Set:
        """The candidates that are in all bad hybrids, and in no good one."""
        left = frozenset(self._order)
        for chosen, trial in self._known.items():
            left = left & chosen if trial.outcome == BAD else left - chosen if trial.outcome == GOOD else left
        return left

    def _judged_again(self, trial: Trial) -> Trial:
        """By the values as they are measured by now."""
        values = self._numbers(trial)
        if isinstance(self._criterion, ByNumber) and len(values) == len(trial.values) and values:
            return msgspec.structs.replace(trial, outcome=self._criterion.outcome(mean(values)))
        return trial

    def _tried(self, chosen: Set, repeats: int, known: Trial | None) -> Trial:
        began = time.monotonic()
        runs, values = (list(known.runs), list(known.values)) if known else ([], [])
        outcome, reason = (known.outcome if known else UNRESOLVED), None
        training, before = (known.training, known.seconds) if known else (0.0, 0.0)
        hybrid = self._differences.hybrid(chosen)
        if (problem := trials.built(self._hands, hybrid)) is not None:
            return Trial(chosen=self._sorted(chosen), outcome=UNRESOLVED, runs=(), reason=problem)
        while len(runs) < repeats:
            if runs:
                self._check_budget()
            self._runs += 1
            run = trials.run(self._store, self._base, hybrid, self._hands, self._note(chosen))
            judged = criteria.ended_alike(run, self._good, self._bad) or self._criterion.judge(run)
            runs.append(run.id)
            training += run.seconds or 0
            outcome, reason = judged.outcome, judged.reason
            if outcome == UNRESOLVED:
                break
            if judged.value is not None:
                values.append(judged.value)
        trial = Trial(
            chosen=self._sorted(chosen),
            outcome=outcome,
            runs=tuple(runs),
            values=tuple(values),
            reason=reason if outcome == UNRESOLVED else None,
            seconds=before + time.monotonic() - began,
            training=training,
        )
        return trial if outcome == UNRESOLVED else self._judged_again(trial)

    def _sorted(self, chosen: Set) -> tuple[str, ...]:
        return tuple(key for key in self._order if key in chosen)

    def _note(self, chosen: Set) -> str:
        """What the record of the hybrid says of it."""
        names = self._sorted(chosen)
        more = f", and {len(names) - 5} more" if len(names) > 5 else ""
        said = f"with {', '.join(names[:5])}{more} of run {self._bad.id}" if names else "unchanged"
        return f"a hybrid of `snap bisect`: run {self._good.id} {said}"

    def _check_budget(self) -> None:
        runs, seconds = self._budget.runs, self._budget.seconds
        if (runs is not None and self._runs >= runs) or (
            seconds is not None and time.monotonic() - self._began >= seconds
        ):
            raise _SpentError

    def _set(self, **changes: object) -> None:
        self.search = msgspec.structs.replace(self.search, **changes)
        state.keep(self._store, self.search)


def _told(candidate: Candidate) -> Difference:
    needs = tuple(sorted(candidate.needs))
    return Difference(key=candidate.key, kind=candidate.kind, text=candidate.text, needs=needs)
