"""The cause of what differs between two runs: the smallest set of differences, found by hybrids of the two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapshot.cause import noise
from snapshot.cause import odds as chances
from snapshot.cause.candidate import Candidate, closed
from snapshot.cause.criterion import ByNumber, ByOutput
from snapshot.cause.differences import Differences, Hybrid
from snapshot.cause.document import ELSEWHERE, FOUND, NOISE, Cause, Difference, Search, Trial
from snapshot.cause.experiment import Experiment, Means, numbers
from snapshot.cause.odds import MOST
from snapshot.cause.search import BAD, GOOD, UNRESOLVED, Set, Test, independent, left, smallest
from snapshot.cause.spread import Spread, spread
from snapshot.errors import UsageError
from snapshot.record.document import Run

SAMPLE = 4
"""Runs of each side, where these are not the same each time; MOST, where so few leave it in doubt."""
NONE: Set = frozenset()
"""The good run itself."""


class Bisection(Experiment):
    """One search."""

    def __init__(
        self, means: Means, good: Run, bad: Run, differences: Differences, *, unswappable: tuple[str, ...], now: str
    ) -> None:
        self._good, self._bad, self._differences = good, bad, differences
        found = differences.candidates()
        self._candidates = {candidate.key: candidate for candidate in found}
        order = sorted(found, key=lambda one: len(self._closed(one.key)))
        self._order = [
            candidate.key
            for kind in dict.fromkeys(c.kind for c in found)
            for candidate in order
            if candidate.kind == kind
        ]
        fresh = Search(
            good=good.id,
            bad=bad.id,
            by=means.criterion.name,
            good_value=getattr(means.criterion, "good", None),
            bad_value=getattr(means.criterion, "bad", None),
            created=now,
            candidates=tuple(map(_told, found)),
            unswappable=unswappable,
        )
        super().__init__(means, (good, bad), fresh)

    def _find(self) -> None:
        status = self._measure()
        if status is not None:
            self._set(status=status)
            return
        found: list[Cause] = []
        causes: Set = NONE
        for cause in self._independent(self._test(self._independent, chance=self._chance)):
            causes |= cause
            found.append(self._cause(cause, NONE))
            self._set(causes=tuple(found))
        rest = frozenset(key for key in self._order if not self._closed(key) & causes)
        trial = self._known(self._bound(rest))
        innocent = not rest or (trial is not None and trial.outcome == GOOD)
        while (further := self._further(causes)) is not None:
            found.append(self._cause(further, causes))
            self._set(causes=tuple(found))
            causes |= further
        self._set(status=FOUND, innocent=innocent)

    def _independent(self, test: Test) -> Iterator[Set]:
        return independent(self._order, lambda chosen: test(self._bound(chosen)), self._closed)

    def _further(self, causes: Set) -> Set | None:
        """What only makes a difference once `causes` are there, where these do not lead all the way."""
        criterion, bound = self._criterion, self._bound(causes)
        rest = [key for key in self._order if key not in bound]
        if not isinstance(criterion, ByNumber) or criterion.is_noisy or not rest:
            return None
        self._all([(bound, self.search.repeats)])
        reached = self._had(bound).values[-1:]
        if not reached or criterion.is_there(reached[0]):
            return None
        on = criterion.between(reached[0], criterion.bad, is_noisy=False)

        def goes_on(trial: Trial) -> str:
            return trial.outcome if trial.outcome == UNRESOLVED or not trial.values else on.outcome(trial.values[-1])

        def seek(test: Test) -> Iterator[Set]:
            def with_more(chosen: Set) -> str:
                return test(self._bound(causes | chosen))

            if with_more(frozenset(rest)) == BAD:
                yield smallest(rest, with_more)

        return next(seek(self._test(seek, judge=goes_on)), None)

    def _measure(self) -> str | None:
        """Whether the two can be told from each other here: None if so, else how it ends."""
        everything = frozenset(self._order)
        self._all([(side, 1) for side in dict.fromkeys((NONE, everything))])
        first, last = self._had(NONE), self._had(everything) if everything else None
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
        good, bad = self._spreads(criterion, everything, SAMPLE)
        if good and bad and chances.odds(good, bad).is_in_doubt:
            good, bad = self._spreads(criterion, everything, MOST)
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
        self._judge_by(criterion.between(odds.good, odds.bad, is_noisy=True))
        self._set(
            noise=odds.deviation,
            repeats=odds.repeats,
            confidence=odds.confidence if odds.deviation else None,
            good_value=odds.good,
            bad_value=odds.bad,
        )
        return None

    def _spreads(self, criterion: ByNumber, everything: Set, runs: int) -> tuple[Spread | None, Spread | None]:
        """Of both sides, run so often: in turns, so that whatever else the machine does hits both alike."""
        measured = self._measured(criterion)
        sides = [side for side in dict.fromkeys((NONE, everything)) if side or not measured]
        self._all([(side, number) for number in range(2, runs + 1) for side in sides])
        bad = spread(numbers(self._had(everything))) if everything else None
        return measured or spread(numbers(self._had(NONE))), bad

    def _measured(self, criterion: ByNumber) -> Spread | None:
        """What `snap noise` has found of the good run, where it was repeated here."""
        found = noise.known(self._means.store, self._good)
        name = criterion.name.removeprefix("metric ")
        measured = found.spread(name) if found and criterion.name != name else None
        return measured if measured and measured.n >= SAMPLE else None

    def _cause(self, cause: Set, after: Set) -> Cause:
        bound = self._bound(cause | after)
        start, end = self._trials.get(self._bound(after)), self._trials.get(bound)
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

    def _chance(self, chosen: Set, outcomes: Mapping[Set, str]) -> float:
        """As if there were one cause alone."""
        suspects = left(self._order, outcomes)
        return len(suspects & chosen) / len(suspects) if suspects else 0.5

    def _left(self, outcomes: Mapping[Set, str]) -> int:
        return len(left(self._order, outcomes))

    def _hybrid(self, chosen: Set) -> Hybrid:
        return self._differences.hybrid(chosen)

    def _note(self, chosen: Set) -> str:
        names = self._sorted(chosen)
        more = f", and {len(names) - 5} more" if len(names) > 5 else ""
        said = f"with {', '.join(names[:5])}{more} of run {self._bad.id}" if names else "unchanged"
        return f"a hybrid of `snap bisect`: run {self._good.id} {said}"


def _told(candidate: Candidate) -> Difference:
    needs = tuple(sorted(candidate.needs))
    return Difference(key=candidate.key, kind=candidate.kind, text=candidate.text, needs=needs)
