"""The sources of noise that can be switched off. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from snapshot.document import Value
from snapshot.record.document import Determinism, Run
from snapshot.run import determinism
from snapshot.share.rerun import Wanted

SEEDS, HASH_SEED, TOGETHER = "seeds", "hash seed", "all together"
THREADS, DETERMINISTIC, GPU = "threads", "deterministic", "GPU"
PARTS: Mapping[str, tuple[str, ...]] = {SEEDS: (HASH_SEED,), TOGETHER: (THREADS, DETERMINISTIC)}
"""Switches that do a part of what another does."""
HASH_VARIABLE = "PYTHONHASHSEED"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_ONE_THREAD = " ".join(f"-e {name}=1" for name in THREAD_VARIABLES)
REMEDIES: Mapping[str, str] = {
    SEEDS: "`snap run --seed 0`",
    HASH_SEED: f"`snap run -e {HASH_VARIABLE}=0`",
    THREADS: f"`snap run {_ONE_THREAD}`",
    DETERMINISTIC: "`snap run --deterministic`",
    TOGETHER: f"`snap run --deterministic {_ONE_THREAD}`",
    GPU: f"`snap run --deterministic {_ONE_THREAD}` without `--gpus`",
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


def switches(run: Run, *, threads: int, cpu_flags: Collection[str]) -> tuple[Switch, ...]:
    """What can be switched off in `run`, in the order in which it is tried; the rest of it is off already.

    `threads` is how many the run may use, `cpu_flags` what this machine's processor can.
    """
    given, has = run.request.environment, run.determinism

    def asked(mode: str | None) -> Determinism | None:
        seed = has.seed if has else 0
        return determinism.asked(mode, seed, given, threads=threads, cpu_flags=cpu_flags)

    found = []
    if has is None:
        found.append(Switch(name=SEEDS, text="with seeds set", determinism=asked(None)))
    now = determinism.variables(has, given) if has else given
    if now.get(HASH_VARIABLE, "random") == "random":
        part_of = SEEDS if has is None and HASH_VARIABLE not in given else None
        environment = {HASH_VARIABLE: "0"}
        found.append(Switch(name=HASH_SEED, text="with one hash seed", environment=environment, part_of=part_of))
    many = any(now.get(name) != "1" for name in THREAD_VARIABLES)
    one_thread = dict.fromkeys(THREAD_VARIABLES, "1") if many else {}
    every = asked(determinism.WARN) if has is None or has.mode == determinism.SEEDS else None
    whole = TOGETHER if one_thread and every else None
    if whole:
        text = "with `--deterministic` and one thread"
        found.append(Switch(name=TOGETHER, text=text, environment=one_thread, determinism=every))
    if one_thread:
        found.append(Switch(name=THREADS, text="with one thread", environment=one_thread, part_of=whole))
    if every:
        found.append(Switch(name=DETERMINISTIC, text="with `--deterministic`", determinism=every, part_of=whole))
    if run.request.gpus is not None:
        found.append(Switch(name=GPU, text="without GPU", environment=one_thread, determinism=every, gpus="none"))
    return tuple(found)
