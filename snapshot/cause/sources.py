"""What makes noise vanish, found by runs with one source of it switched off. Pure but for asking for the runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from snapshot.cause.measure import Compare, Describe
from snapshot.cause.noise import MetricNoise, Noise, OutputNoise, Trial
from snapshot.cause.switches import Switch
from snapshot.compare.verdict import IDENTICAL, ending
from snapshot.document import Value
from snapshot.record.document import Run

Attempt = Callable[[Switch], Run]
"""One more run, with the switch."""
Found: TypeAlias = MetricNoise | OutputNoise
DOUBT = 0.1
"""More than this much chance that it would have been the same anyhow makes a cause doubtful."""


class Trials(Value, kw_only=True, frozen=True):
    """The means of a search."""

    run: Run
    """The run whose noise it is."""
    attempt: Attempt
    compare: Compare
    end: Describe

    def search(self, noise: Noise, switches: Sequence[Switch]) -> Iterator[Noise]:
        """`noise` with what makes it vanish, after each trial; a switch that can't tell anything more is left out."""
        failed: set[str | None] = set()
        for switch in switches:
            part_of = None if switch.part_of in failed else switch.part_of
            asked = [found for found in _different(noise) if found.cause == part_of]
            if not asked:
                continue
            trial, same = self._trial(noise, switch, asked)
            if trial.problem:
                failed.add(switch.name)
            yield (noise := _explained(noise, trial, same))

    def _trial(self, noise: Noise, switch: Switch, asked: Sequence[Found]) -> tuple[Trial, Sequence[Found]]:
        """Runs with the switch, and what of `asked` is the same in all of them.

        What differs in every repeat is asked first, by two runs; if the switch does nothing for that, what differs now
        and then must be the same so often that this is no chance. Where all of it is of that kind it takes more runs.
        """
        runs: list[Run] = []
        same = list(asked)
        sure = [found for found in asked if not found.identical]
        while same and len(runs) < _enough(noise, same, sure):
            runs.append(self.attempt(switch))
            if ending(runs[-1].exit) != ending(self.run.exit):
                problem = f"it ended with {self.end(runs[-1])}"
                return Trial(switch=switch.name, runs=tuple(run.id for run in runs), problem=problem), ()
            if len(runs) > 1:
                stay = self._same(runs[0], runs[-1])
                same = [found for found in same if stay(found)]
        if sure and not any(found in same for found in sure):
            same = [found for found in same if _chance(noise, found, len(runs)) <= DOUBT]
        return Trial(switch=switch.name, runs=tuple(run.id for run in runs)), same

    def _same(self, first: Run, second: Run) -> Callable[[Found], bool]:
        """Says of a metric or an output whether it is there, and the same, in both."""
        was, now = ({metric.name: metric.value for metric in run.metrics} for run in (first, second))
        metrics = {name for name, value in was.items() if now.get(name) == value}
        outputs = {one.path for one in self.compare(first, second) if one.verdict == IDENTICAL}
        return lambda found: found.name in metrics if isinstance(found, MetricNoise) else found.path in outputs


def _different(noise: Noise) -> list[Found]:
    return [*noise.different_metrics, *noise.different_outputs]


def _share(noise: Noise, found: Found) -> float:
    """How often one more run had the same as the first."""
    return found.identical / (len(noise.runs) - 1)


def _chance(noise: Noise, found: Found, runs: int) -> float:
    """How likely it is the same in so many runs where the switch does nothing for it."""
    return _share(noise, found) ** (runs - 1)


def _enough(noise: Noise, same: Sequence[Found], sure: Sequence[Found]) -> int:
    """How many runs it takes to tell, of what was the same up to now, by what it comes from."""
    most = len(noise.runs) - 1
    if not sure:
        return max(_needed(noise, found) for found in same)
    if any(found in same for found in sure):
        return 2
    return max((_needed(noise, found) for found in same if _chance(noise, found, most) <= DOUBT), default=0)


def _needed(noise: Noise, found: Found) -> int:
    """How many runs that are the same leave little doubt, though no more than were made to see the noise."""
    share = _share(noise, found)
    wanted = 1 + math.ceil(math.log(DOUBT) / math.log(share)) if share else 2
    return max(2, min(wanted, len(noise.runs) - 1))


def _explained(noise: Noise, trial: Trial, same: Sequence[Found]) -> Noise:
    def told(found: Found) -> Found:
        chance = _chance(noise, found, len(trial.runs))
        return msgspec.structs.replace(found, cause=trial.switch, chance=chance) if found in same else found

    return msgspec.structs.replace(
        noise,
        metrics=tuple(map(told, noise.metrics)),
        outputs=tuple(map(told, noise.outputs)),
        trials=(*noise.trials, trial),
    )
