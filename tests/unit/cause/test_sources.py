"""What noise comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from snapshot.cause.noise import MetricNoise, Noise, Numbers, OutputNoise
from snapshot.cause.sources import Trials
from snapshot.cause.switches import Switch, switches
from snapshot.compare.verdict import Compared
from snapshot.record.document import Determinism, Exit, Metric, Request, Run
from snapshot.report.text import outcome
from snapshot.share.rerun import Wanted
from tests.unit.record.records import a_run, run_id

ONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
EVERY = ("seeds", "hash seed", "all together", "threads", "deterministic")


def names(run: Run) -> list[str]:
    return [switch.name for switch in switches(run, threads=4, cpu_flags=("avx2",))]


def seeded(mode: str, **environment: str) -> Determinism:
    return Determinism(mode=mode, seed=7, environment={"PYTHONHASHSEED": "7", **environment})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [*EVERY]),
        ({"request": Request(gpus="all")}, [*EVERY, "GPU"]),
        ({"request": Request(environment={"PYTHONHASHSEED": "3"})}, ["seeds", *EVERY[2:]]),
        (
            {"request": Request(environment={"PYTHONHASHSEED": "random"})},
            [*EVERY],
        ),
        ({"request": Request(environment=ONE)}, ["seeds", "hash seed", "deterministic"]),
        ({"determinism": seeded("seeds")}, [*EVERY[2:]]),
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
    assert (found["all together"].determinism, dict(found["all together"].environment)) == (every, ONE)
    assert (found["GPU"].determinism, dict(found["GPU"].environment)) == (every, ONE)
    assert [name for name, wanted in found.items() if wanted.gpus] == ["GPU"]
    assert found["GPU"].gpus == "none"
    assert {wanted.network for wanted in found.values()} == {"none"}
    assert found["threads"].note == f"`snap noise` of run {run.id}, with one thread"


def test_the_seed_of_the_run_stays() -> None:
    (*_, every) = switches(a_run(determinism=seeded("seeds")), threads=4, cpu_flags=())
    assert every.determinism is not None and every.determinism.seed == 7


def noise(metrics: Mapping[str, int], outputs: Mapping[str, int], repeats: int = 2) -> Noise:
    """How many of the repeats are identical."""
    return Noise(
        run=run_id(0),
        created="now",
        runs=tuple(map(run_id, range(repeats + 1))),
        metrics=tuple(
            MetricNoise(name=name, path="m.json", values=3, identical=same, is_time=name == "time")
            for name, same in metrics.items()
        ),
        outputs=tuple(OutputNoise(path=p, kind="bytes", identical=same, verdicts={}) for p, same in outputs.items()),
        seconds=Numbers(values=3),
    )


class Machine:
    """Runs whose results depend on what is switched off: under each switch, what is always the same.

    `rare` differs in every fourth run unless it is.
    """

    def __init__(self, **same: str) -> None:
        self.same = {name.replace("_", " "): set(words.split()) for name, words in same.items()}
        self.runs: list[str] = []
        """The switch of each."""

    @property
    def tried(self) -> list[str]:
        return list(dict.fromkeys(self.runs))

    def attempt(self, switch: Switch) -> Run:
        number = len(self.runs)
        self.runs.append(switch.name)
        same = self.same.get(switch.name, set())
        values = dict.fromkeys(("acc", "loss", "time"), number) | {"rare": number % 4 // 3}
        metrics = (
            Metric(name=name, value=0 if name in same else value, points=1, path="m.json")
            for name, value in values.items()
        )
        return a_run(number, metrics=tuple(metrics), exit=Exit(code=int("fails" in same)))

    def compare(self, first: Run, second: Run) -> tuple[Compared, ...]:
        same = self.same.get(self.runs[-1], set())
        return tuple(
            Compared(path=path, verdict="identical" if path in same else "different", kind="bytes") for path in "ab"
        )


def causes(found: Noise) -> dict[str, str | None]:
    return {m.name: m.cause for m in found.metrics} | {o.path: o.cause for o in found.outputs}


def searched(machine: Machine, start: Noise, **changes: Any) -> Noise:
    run, found = a_run(**changes), start
    trials = Trials(run=run, attempt=machine.attempt, compare=machine.compare, end=outcome)
    for found in trials.search(start, switches(run, threads=4, cpu_flags=())):  # noqa: B007
        pass
    return found


def test_seeds_are_the_cause_and_nothing_else_is_tried() -> None:
    machine = Machine(seeds="acc a")
    found = searched(machine, noise({"acc": 0, "loss": 2, "time": 0}, {"a": 0, "b": 2}))
    assert causes(found) == {"acc": "seeds", "loss": None, "time": None, "a": "seeds", "b": None}
    assert machine.tried == ["seeds", "hash seed"]


def test_of_seeds_the_hash_seed_alone_may_do() -> None:
    machine = Machine(seeds="acc a", hash_seed="a")
    found = searched(machine, noise({"acc": 0}, {"a": 0}))
    assert causes(found) == {"acc": "seeds", "a": "hash seed"}
    assert [len(trial.runs) for trial in found.trials] == [2, 2]
    assert (found.metrics[0].chance, found.outputs[0].chance) == (0, 0)
    assert [trial.switch for trial in found.trials] == ["seeds", "hash seed"]


def test_where_seeds_change_nothing_the_hash_seed_is_not_tried() -> None:
    machine = Machine(all_together="acc", threads="acc")
    assert causes(searched(machine, noise({"acc": 0}, {}))) == {"acc": "threads"}
    assert machine.tried == ["seeds", "all together", "threads"]


def test_what_all_together_does_not_change_is_not_looked_at_one_by_one() -> None:
    machine = Machine()
    found = searched(machine, noise({"acc": 0}, {"a": 0}), request=Request(gpus="all"))
    assert causes(found) == {"acc": None, "a": None}
    assert machine.tried == ["seeds", "all together", "GPU"]


def test_two_causes_at_once_need_all_together() -> None:
    machine = Machine(seeds="loss", all_together="acc loss", deterministic="loss")
    found = searched(machine, noise({"acc": 0, "loss": 0}, {"a": 2}))
    assert causes(found) == {"acc": "all together", "loss": "seeds", "a": None}
    assert machine.tried == ["seeds", "hash seed", "all together", "threads", "deterministic"]


def test_a_trial_that_fails_tells_nothing_and_its_parts_are_tried() -> None:
    machine = Machine(seeds="fails", all_together="fails", threads="acc")
    found = searched(machine, noise({"acc": 0}, {}))
    assert causes(found) == {"acc": "threads"}
    assert [(trial.switch, trial.problem is None) for trial in found.trials] == [
        ("seeds", False),
        ("hash seed", True),
        ("all together", False),
        ("threads", True),
    ]


def test_where_nothing_differs_nothing_is_tried() -> None:
    machine = Machine()
    start = noise({"acc": 2, "time": 0}, {"a": 2})
    assert searched(machine, start) == start
    assert machine.tried == []


def test_what_neither_of_the_two_wrote_did_not_become_the_same() -> None:
    machine = Machine(seeds="acc")
    assert causes(searched(machine, noise({"other": 0}, {"c": 0}))) == {"other": None, "c": None}


def test_what_differs_now_and_then_is_not_explained_by_a_switch_that_does_nothing_for_the_rest() -> None:
    machine = Machine(seeds="rare", all_together="acc rare", threads="acc rare")
    found = searched(machine, noise({"acc": 0, "rare": 4}, {}, repeats=5))
    assert causes(found) == {"acc": "threads", "rare": "threads"}
    assert [metric.chance for metric in found.metrics] == [0, 0.8]
    assert len(machine.runs) == 6


def test_what_comes_from_a_switch_is_found_beside_what_comes_from_none() -> None:
    """As an accuracy, of which there are few values, beside a number of a generator without a seed."""
    machine = Machine(seeds="acc", hash_seed="")
    found = searched(machine, noise({"acc": 1, "loss": 0}, {}, repeats=4))
    assert causes(found) == {"acc": "seeds", "loss": None}
    assert found.metrics[0].chance == 0.25**2
    assert [(trial.switch, len(trial.runs)) for trial in found.trials] == [
        ("seeds", 3),
        ("hash seed", 2),
        ("all together", 2),
    ]


def test_what_differs_now_and_then_alone_takes_more_runs() -> None:
    machine = Machine(all_together="rare", threads="rare")
    found = searched(machine, noise({"rare": 4}, {}, repeats=5))
    assert causes(found) == {"rare": "threads"}
    assert [(trial.switch, len(trial.runs)) for trial in found.trials] == [
        ("seeds", 4),
        ("all together", 5),
        ("threads", 5),
    ]
    assert found.metrics[0].chance == pytest.approx(0.8**4)
    many = searched(Machine(seeds="rare", hash_seed="rare"), noise({"rare": 32}, {}, repeats=40))
    assert [len(trial.runs) for trial in many.trials] == [12, 12]
    assert many.metrics[0].chance is not None and many.metrics[0].chance < 0.1
