"""What noise comes from, found by switching one source of it off at a time. Pure but for asking for the runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from snapshot.cause.noise import MetricNoise, Noise, OutputNoise, Trial
from snapshot.compare.verdict import IDENTICAL, Compared
from snapshot.document import Value
from snapshot.record.document import Determinism, Run
from snapshot.run import determinism
from snapshot.share.rerun import Wanted

SEEDS, HASH_SEED, THREADS, DETERMINISTIC, GPU = "seeds", "hash seed", "threads", "deterministic", "GPU"
HASH_VARIABLE = "PYTHONHASHSEED"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
REMEDIES: Mapping[str, str] = {
    SEEDS: "`snap run --seed 0`",
    HASH_SEED: f"`snap run -e {HASH_VARIABLE}=0`",
    THREADS: f"`snap run {' '.join(f'-e {name}=1' for name in THREAD_VARIABLES)}`",
    DETERMINISTIC: "`snap run --deterministic`",
    GPU: "`snap run` without `--gpus`",
}
"""What has the same effect, typed."""


class Switch(Value, kw_only=True, frozen=True):
    """A source of noise that a run has, and how a repeat goes without it."""

    name: str
    text: str
    """For people: `with seeds set`."""
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    determinism: Determinism | None = None
    """None for what the run had."""
    gpus: str | None = None
    part_of: str | None = None
    """The switch that does this and more: tried only to tell which of it was needed."""

    def wanted(self, wanted: Wanted, run: Run) -> Wanted:
        """What is asked for of a repeat of `run` that is `wanted` otherwise."""
        return msgspec.structs.replace(
            wanted,
            environment=self.environment,
            determinism=self.determinism,
            gpus=self.gpus,
            note=f"`snap noise` of run {run.id}, {self.text}",
        )


class Pair(Value, kw_only=True, frozen=True):
    """Two repeats with a switch, alike but for noise."""

    runs: tuple[Run, Run]
    compared: tuple[Compared, ...]


Attempt = Callable[[Switch], tuple[Trial, Pair | None]]
"""Two runs with the switch; no pair where they don't tell anything."""


def switches(run: Run, *, threads: int, cpu_flags: Collection[str]) -> tuple[Switch, ...]:
    """What can be switched off in `run`, in the order in which it is tried; the rest of it is off already.

    `threads` is how many the run may use, `cpu_flags` what this machine's processor can.
    """
    given, has = run.request.environment, run.determinism
    found = []
    if has is None:
        only_seeds = determinism.asked(None, 0, given, threads=threads, cpu_flags=cpu_flags)
        found.append(Switch(name=SEEDS, text="with seeds set", determinism=only_seeds))
    now = determinism.variables(has, given) if has else given
    if now.get(HASH_VARIABLE, "random") == "random":
        part_of = SEEDS if has is None and HASH_VARIABLE not in given else None
        environment = {HASH_VARIABLE: "0"}
        found.append(Switch(name=HASH_SEED, text="with one hash seed", environment=environment, part_of=part_of))
    if any(now.get(name) != "1" for name in THREAD_VARIABLES):
        found.append(Switch(name=THREADS, text="with one thread", environment=dict.fromkeys(THREAD_VARIABLES, "1")))
    if has is None or has.mode == determinism.SEEDS:
        seed = has.seed if has else 0
        every = determinism.asked(determinism.WARN, seed, given, threads=threads, cpu_flags=cpu_flags)
        found.append(Switch(name=DETERMINISTIC, text="with `--deterministic`", determinism=every))
    if run.request.gpus is not None:
        found.append(Switch(name=GPU, text="without GPU", gpus="none"))
    return tuple(found)


def search(noise: Noise, known: Sequence[Switch], attempt: Attempt) -> Iterator[Noise]:
    """`noise` with what makes it vanish, after each trial; those that have nothing to tell any more are left out."""
    for switch in known:
        if any(_is_asked(noise, found, switch) for found in _different(noise)):
            trial, pair = attempt(switch)
            noise = msgspec.structs.replace(noise, trials=(*noise.trials, trial))
            noise = _explained(noise, switch, pair) if pair else noise
            yield noise


def _different(noise: Noise) -> tuple[MetricNoise | OutputNoise, ...]:
    return (*noise.different_metrics, *noise.different_outputs)


def _is_asked(noise: Noise, found: MetricNoise | OutputNoise, switch: Switch) -> bool:
    """Whether the switch may tell more of something that differs than is known."""
    return noise.differs(found) and found.cause == switch.part_of


def _explained(noise: Noise, switch: Switch, pair: Pair) -> Noise:
    first, second = ({metric.name: metric.value for metric in run.metrics} for run in pair.runs)
    same_metrics = {name for name, value in first.items() if second.get(name) == value}
    same_outputs = {one.path for one in pair.compared if one.verdict == IDENTICAL}

    def told(metric: MetricNoise) -> MetricNoise:
        vanished = _is_asked(noise, metric, switch) and metric.name in same_metrics
        return msgspec.structs.replace(metric, cause=switch.name) if vanished else metric

    def told_output(output: OutputNoise) -> OutputNoise:
        vanished = _is_asked(noise, output, switch) and output.path in same_outputs
        return msgspec.structs.replace(output, cause=switch.name) if vanished else output

    return msgspec.structs.replace(
        noise, metrics=tuple(map(told, noise.metrics)), outputs=tuple(map(told_output, noise.outputs))
    )
