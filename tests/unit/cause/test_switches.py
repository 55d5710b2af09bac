"""What noise comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from snapshot.cause.noise import MetricNoise, Noise, Numbers, OutputNoise, Trial
from snapshot.cause.switches import Pair, Switch, search, switches
from snapshot.compare.verdict import Compared
from snapshot.record.document import Determinism, Metric, Request, Run
from snapshot.share.rerun import Wanted
from tests.unit.record.records import a_run, run_id

ONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
EVERY = ("seeds", "hash seed", "threads", "deterministic", "GPU")


def names(run: Run) -> list[str]:
    return [switch.name for switch in switches(run, threads=4, cpu_flags=("avx2",))]


def seeded(mode: str, **environment: str) -> Determinism:
    return Determinism(mode=mode, seed=7, environment={"PYTHONHASHSEED": "7", **environment})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["seeds", "hash seed", "threads", "deterministic"]),
        ({"request": Request(gpus="all")}, [*EVERY]),
        ({"request": Request(environment={"PYTHONHASHSEED": "3"})}, ["seeds", "threads", "deterministic"]),
        (
            {"request": Request(environment={"PYTHONHASHSEED": "random"})},
            ["seeds", "hash seed", "threads", "deterministic"],
        ),
        ({"request": Request(environment=ONE)}, ["seeds", "hash seed", "deterministic"]),
        ({"determinism": seeded("seeds")}, ["threads", "deterministic"]),
        ({"determinism": seeded("warn", OMP_NUM_THREADS="4")}, ["threads"]),
        ({"determinism": seeded("strict", **ONE)}, []),
    ],
)
def test_only_what_is_on_can_be_switched_off(changes: dict[str, Any], expected: list[str]) -> None:
    assert names(a_run(**changes)) == expected


def test_a_switch_changes_one_thing() -> None:
    run = a_run(request=Request(gpus="all", environment={"A": "b"}), determinism=None)
    found = {
        switch.name: switch.wanted(Wanted(data={}, network="none"), run)
        for switch in switches(run, threads=4, cpu_flags=())
    }
    assert dict(found["threads"].environment) == ONE
    assert dict(found["hash seed"].environment) == {"PYTHONHASHSEED": "0"}
    assert found["seeds"].determinism == Determinism(mode="seeds", seed=0, environment={"PYTHONHASHSEED": "0"})
    every = found["deterministic"].determinism
    assert every is not None and (every.mode, every.environment["OMP_NUM_THREADS"]) == ("warn", "4")
    assert [name for name, wanted in found.items() if wanted.gpus] == ["GPU"]
    assert found["GPU"].gpus == "none"
    assert {wanted.network for wanted in found.values()} == {"none"}
    assert found["threads"].note == f"`snap noise` of run {run.id}, with one thread"


def test_the_seed_of_the_run_stays() -> None:
    (_, every) = switches(a_run(determinism=seeded("seeds")), threads=4, cpu_flags=())
    assert every.determinism is not None and every.determinism.seed == 7


def noise(metrics: Mapping[str, int], outputs: Mapping[str, int]) -> Noise:
    """Of three runs; how many of the other two are identical."""
    return Noise(
        run=run_id(0),
        created="now",
        runs=(run_id(0), run_id(1), run_id(2)),
        metrics=tuple(
            MetricNoise(name=name, path="m.json", values=3, identical=same, is_time=name == "time")
            for name, same in metrics.items()
        ),
        outputs=tuple(OutputNoise(path=p, kind="bytes", identical=same, verdicts={}) for p, same in outputs.items()),
        seconds=Numbers(values=3),
    )


class Machine:
    """Runs whose results depend on what is switched off: under each switch, what is the same twice."""

    def __init__(self, **same: str) -> None:
        self.same = {name.replace("_", " "): set(words.split()) for name, words in same.items()}
        self.tried: list[str] = []

    def __call__(self, switch: Switch) -> tuple[Trial, Pair | None]:
        self.tried.append(switch.name)
        same = self.same.get(switch.name, set())
        if "fails" in same:
            return Trial(switch=switch.name, runs=("x",), problem="it ended with exit 1"), None
        runs = tuple(a_run(n, metrics=tuple(_metrics(same, n))) for n in (8, 9))
        compared = tuple(
            Compared(path=path, verdict="identical" if path in same else "different", kind="bytes") for path in "ab"
        )
        return Trial(switch=switch.name, runs=("x", "y")), Pair(runs=(runs[0], runs[1]), compared=compared)


def _metrics(same: set[str], number: int) -> Iterator[Metric]:
    for name in ("acc", "loss", "time"):
        yield Metric(name=name, value=0 if name in same else number, points=1, path="m.json")


def causes(found: Noise) -> dict[str, str | None]:
    return {m.name: m.cause for m in found.metrics} | {o.path: o.cause for o in found.outputs}


def searched(machine: Machine, start: Noise, **changes: Any) -> Noise:
    found = start
    for found in search(start, switches(a_run(**changes), threads=4, cpu_flags=()), machine):  # noqa: B007
        pass
    return found


def test_seeds_are_the_cause_and_nothing_else_is_tried() -> None:
    machine = Machine(seeds="acc a")
    found = searched(machine, noise({"acc": 0, "loss": 2, "time": 0}, {"a": 0, "b": 2}))
    assert causes(found) == {"acc": "seeds", "loss": None, "time": None, "a": "seeds", "b": None}
    assert machine.tried == ["seeds", "hash seed"]


def test_of_seeds_the_hash_seed_alone_may_do() -> None:
    machine = Machine(seeds="acc a", hash_seed="a")
    found = searched(machine, noise({"acc": 0}, {"a": 1}))
    assert causes(found) == {"acc": "seeds", "a": "hash seed"}
    assert [trial.switch for trial in found.trials] == ["seeds", "hash seed"]


def test_where_seeds_change_nothing_the_hash_seed_is_not_tried() -> None:
    machine = Machine(threads="acc")
    assert causes(searched(machine, noise({"acc": 0}, {}))) == {"acc": "threads"}
    assert machine.tried == ["seeds", "threads"]


def test_none_of_them() -> None:
    machine = Machine()
    found = searched(machine, noise({"acc": 0}, {"a": 0}), request=Request(gpus="all"))
    assert causes(found) == {"acc": None, "a": None}
    assert machine.tried == ["seeds", "threads", "deterministic", "GPU"]


def test_a_trial_that_fails_tells_nothing_and_the_next_is_made() -> None:
    machine = Machine(seeds="fails", threads="acc")
    found = searched(machine, noise({"acc": 0}, {}))
    assert causes(found) == {"acc": "threads"}
    assert [trial.problem for trial in found.trials] == ["it ended with exit 1", None]


def test_where_nothing_differs_nothing_is_tried() -> None:
    machine = Machine()
    start = noise({"acc": 2, "time": 0}, {"a": 2})
    assert searched(machine, start) == start
    assert machine.tried == []


def test_what_neither_of_the_two_wrote_did_not_become_the_same() -> None:
    machine = Machine(seeds="acc")
    assert causes(searched(machine, noise({"other": 0}, {"c": 0}))) == {"other": None, "c": None}
