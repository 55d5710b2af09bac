"""Whether a run can have its GPUs: every refusal and warning, all at once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from snapshot.finding import Finding
from snapshot.host.nvml import Driver, Occupancy
from snapshot.host.toolkit import Toolkit
from snapshot.lock.document import Cuda
from snapshot.run.gpus import wish
from snapshot.run.preflight import check, grant
from tests.unit.run.test_gpus import CDI, DIVIDED, ELSEWHERE, HOOK, TWO, device, host

CUDA = Cuda(runtime="12.4", because="torch 2.6.0", driver_minimum="525.60.13", architectures=("sm_80", "sm_90"))
NONE = Toolkit(hook=False, cdi=())
GB = 10**9


def busy(index: int, **changes: Any) -> Occupancy:
    free = Occupancy(index=index, used=GB // 2, processes=(), compute_mode="default", ecc_errors=0)
    return msgspec.structs.replace(free, **changes)


def driver(gpus: Any = TWO, *occupancy: Occupancy) -> Driver:
    return Driver(state="ok", message="", gpus=gpus, occupancy=occupancy or (busy(0), busy(1)))


FINE = driver()


def found(
    asked: str = "all",
    driver: Driver | None = FINE,
    toolkit: Toolkit = HOOK,
    cuda: Cuda | None = None,
    **judged: Any,
) -> list[tuple[str, str]]:
    said = check(
        wish(asked),
        driver,
        toolkit,
        cuda,
        judge=lambda version, cuda: judged.get("judge", ()),
        covers=lambda architectures, capability: judged.get("covers", True),
    )
    assert all(finding.remedy for finding in said if finding.severity != "note")
    return [(finding.severity, finding.message) for finding in said]


def test_all_is_well() -> None:
    assert found() == []
    assert found(toolkit=CDI, cuda=CUDA) == []


@pytest.mark.parametrize("state", ["absent", "not loaded", "mismatch", "no permission", "failing"])
def test_a_driver_that_does_not_answer_and_an_engine_without_a_way_are_told_together(state: Any) -> None:
    silent = Driver(state=state, message="the driver is not well", remedy="see to it")
    (first, second) = found(driver=silent, toolkit=NONE)
    assert first == ("error", "the driver is not well")
    assert second[0] == "error" and "neither NVIDIA's runtime hook nor a CDI specification" in second[1]


def test_what_the_lock_needs_is_judged_by_the_driver_and_each_device() -> None:
    old = Finding(check="driver", severity="error", message="too old", remedy="upgrade")
    fine = Finding(check="driver", severity="ok", message="new enough")
    assert found(cuda=CUDA, judge=[old])[0] == ("error", "too old")
    assert found(cuda=CUDA, judge=[fine]) == []
    said = found(cuda=CUDA, covers=False)
    assert said[0] == (
        "error",
        "GPU 0 (NVIDIA A100) has compute capability 8.0, "
        "and the packages have code for sm_80, sm_90 only (torch 2.6.0)",
    )
    assert len(said) == 2
    assert len(found("device=1", cuda=CUDA, covers=False)) == 1
    assert found(covers=False, judge=[old]) == []


@pytest.mark.parametrize(
    ("asked", "gpus", "message"),
    [
        ("3", TWO, "3 GPUs are asked for, and this host has GPU 0 (NVIDIA A100), GPU 1 (NVIDIA A100)"),
        ("device=7", TWO, "there is no GPU `7`: this host has GPU 0 (NVIDIA A100), GPU 1 (NVIDIA A100)"),
        ("device=0,GPU-x", TWO, "there is no GPU `GPU-x`: this host has GPU 0 (NVIDIA A100), GPU 1 (NVIDIA A100)"),
        ("device=0:1", DIVIDED, "there is no GPU `0:1`: this host has GPU 0:0"),
        ("all", host(), "the NVIDIA driver sees no GPU"),
        ("1", host(), "the NVIDIA driver sees no GPU"),
        ("all", host(device(0, mig=())), "GPU 0 is in MIG mode and has no instance"),
        ("device=0", host(device(0, mig=()), device(1)), "GPU 0 is in MIG mode and has no instance"),
    ],
)
def test_devices_that_are_not_there(asked: str, gpus: Any, message: str) -> None:
    (said,) = found(asked, driver(gpus))
    assert said[0] == "error"
    assert said[1].startswith(message)


def test_every_device_that_is_not_there_is_named() -> None:
    assert [severity for severity, _ in found("device=7,8")] == ["error", "error"]


@pytest.mark.parametrize(
    ("state", "severity", "message"),
    [
        ({"processes": (42, 43)}, "warning", "GPU 0 (NVIDIA A100) is in use already: process 42, 43, 0.5 GB of memory"),
        ({"used": 20 * GB}, "warning", "GPU 0 (NVIDIA A100) is in use already: 20.0 GB of memory of 42.9 GB"),
        ({"processes": (42,), "compute_mode": "exclusive"}, "error", "GPU 0 (NVIDIA A100) takes one process at a time"),
        ({"compute_mode": "prohibited"}, "error", "GPU 0 (NVIDIA A100) is closed to computing"),
        ({"ecc_errors": 3}, "warning", "GPU 0 (NVIDIA A100) had 3 memory errors"),
        ({"problem": "GPU is lost"}, "error", "GPU 0 (NVIDIA A100) does not answer: GPU is lost"),
    ],
)
def test_devices_that_are_taken_or_out_of_order(state: dict[str, Any], severity: str, message: str) -> None:
    (said,) = found("device=0", driver(TWO, busy(0, **state), busy(1)))
    assert said[0] == severity
    assert said[1].startswith(message)
    assert found("device=1", driver(TWO, busy(0, **state), busy(1))) == []


def test_a_device_that_is_full_is_said_to_be() -> None:
    said = found("device=0", driver(TWO, busy(0, used=40 * GB), busy(1)))
    assert ("warning", "GPU 0 (NVIDIA A100) has 2.9 GB of memory left of 42.9 GB") in said


def test_another_device_is_named_where_one_is_idle() -> None:
    def remedies(asked: str, *states: Occupancy) -> list[str | None]:
        said = check(wish(asked), driver(TWO, *states), HOOK, None, judge=lambda *_: (), covers=lambda *_: True)
        return [finding.remedy for finding in said]

    assert remedies("device=0", busy(0, processes=(1,)), busy(1)) == ["take another, as with `--gpus device=1`"]
    assert remedies("device=0", busy(0, processes=(1,)), busy(1, processes=(2,))) == ["wait until it is free"]


def test_what_a_device_does_not_say_is_no_finding() -> None:
    silent = busy(0, used=None, processes=None, compute_mode=None, ecc_errors=None)
    assert found("device=0", driver(TWO, silent)) == []
    nameless = msgspec.structs.replace(device(0), name=None, memory=None, compute_capability=None, uuid=None)
    assert found("all", driver(host(nameless), silent), cuda=CUDA, covers=False) == []


def test_the_ways_that_were_demanded_must_be_there() -> None:
    assert "no CDI specification" in found("all,driver=cdi")[0][1]
    assert found("device=nvidia.com/gpu=0", toolkit=CDI) == []
    (said,) = found("all", driver(host(device(0), device(5))), Toolkit(hook=False, cdi=("nvidia.com/gpu=0",)))
    assert said == ("error", "the engine has no CDI device `nvidia.com/gpu=5`; it has `nvidia.com/gpu=0`")
    assert found("all,driver=nvidia", toolkit=NONE) == []


def test_an_engine_elsewhere_is_left_to_say_itself_what_it_can() -> None:
    (said,) = found("device=7", None, ELSEWHERE, CUDA, covers=False)
    assert said[0] == "note"
    given = grant(wish("device=7"), None, ELSEWHERE)
    assert (given.way, given.options, given.units, given.host) == ("nvidia", ("--gpus=device=7",), (), None)


def test_what_is_given_is_what_was_asked_for() -> None:
    given = grant(wish("device=1"), driver(), CDI)
    assert (given.way, given.options) == ("cdi", ("--device=nvidia.com/gpu=1",))
    assert [unit.uuid for unit in given.units] == ["GPU-1aaaa"]
