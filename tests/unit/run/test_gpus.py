"""`--gpus`: what it asks for, which devices that means, and how the engine is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.errors import UsageError
from snapshot.host.nvml import Device, Gpus, MigDevice
from snapshot.host.toolkit import Toolkit
from snapshot.run.gpus import Wish, cdi_names, chosen, options, way, wish

HOOK = Toolkit(hook=True, cdi=())
CDI = Toolkit(hook=False, cdi=("nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"))
ELSEWHERE = Toolkit(hook=None, cdi=(), is_here=False)


def device(index: int, mig: tuple[MigDevice, ...] | None = None) -> Device:
    return Device(
        index=index, name="NVIDIA A100", uuid=f"GPU-{index}aaaa", compute_capability="8.0", memory=40 << 30, mig=mig
    )


def host(*devices: Device) -> Gpus:
    return Gpus(driver="580.95.05", cuda="13.0", devices=devices)


TWO = host(device(0), device(1))
PARTS = (
    MigDevice(index=0, name="1g", uuid="MIG-x", memory=5 << 30),
    MigDevice(index=2, name="1g", uuid="MIG-y", memory=5 << 30),
)
DIVIDED = host(device(0, mig=PARTS), device(1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("all", Wish(count=-1)),
        ("2", Wish(count=2)),
        ("count=2", Wish(count=2)),
        ("device=0", Wish(count=None, devices=("0",))),
        ("device=0,1", Wish(count=None, devices=("0", "1"))),
        ('"device=0,1"', Wish(count=None, devices=("0", "1"))),
        ("device=GPU-1a2b-3c", Wish(count=None, devices=("GPU-1a2b-3c",))),
        ("device=0:1", Wish(count=None, devices=("0:1",))),
        ("device=nvidia.com/gpu=0", Wish(count=None, devices=("nvidia.com/gpu=0",), way="cdi")),
        (
            "device=nvidia.com/gpu=0,nvidia.com/gpu=1",
            Wish(count=None, devices=("nvidia.com/gpu=0", "nvidia.com/gpu=1"), way="cdi"),
        ),
        ("all,driver=cdi", Wish(count=-1, way="cdi")),
        ("driver=cdi,device=1", Wish(count=None, devices=("1",), way="cdi")),
        ("driver=nvidia", Wish(count=1, way="nvidia")),
        ('all,"capabilities=utility,video"', Wish(count=-1, capabilities=("utility", "video"))),
    ],
)  # fmt: skip
def test_what_is_understood(text: str, found: Wish) -> None:
    assert wish(text) == found


@pytest.mark.parametrize(
    "text",
    ["", " ", "none", "-1", "0", "1,device=0", "device=", "all,all", "driver=amd", "size=1", '"', "99999",
     "device=0,nvidia.com/gpu=1", "driver=nvidia,device=nvidia.com/gpu=0", "device=0\n1"],
)  # fmt: skip
def test_what_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        wish(text)
    assert "--gpus" in caught.value.message
    assert caught.value.hint


@given(st.text(max_size=40) | st.from_regex(r'"?(device|driver|count|all)[=,\d:a-z".\/]*', fullmatch=True))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        found = wish(text)
    except UsageError:
        return
    for toolkit in (HOOK, CDI, ELSEWHERE):
        said = options(found, way(found, toolkit) or "nvidia", toolkit, DIVIDED)
        assert all(option.startswith(("--gpus=", "--device=nvidia.com/gpu=")) for option in said)


@pytest.mark.parametrize(
    ("text", "gpus", "labels"),
    [
        ("all", TWO, ["0", "1"]),
        ("1", TWO, ["0"]),
        ("device=1", TWO, ["1"]),
        ("device=1,0,1", TWO, ["1", "0"]),
        ("device=GPU-1aaaa", TWO, ["1"]),
        ("device=GPU-1", TWO, ["1"]),
        ("device=GPU-", TWO, []),
        ("device=7", TWO, []),
        ("device=nvidia.com/gpu=1", TWO, ["1"]),
        ("device=nvidia.com/gpu=all", TWO, ["0", "1"]),
        ("all", DIVIDED, ["0:0", "0:2", "1"]),
        ("device=0", DIVIDED, ["0:0", "0:2"]),
        ("device=0:2", DIVIDED, ["0:2"]),
        ("device=0:1", DIVIDED, []),
        ("device=MIG-y", DIVIDED, ["0:2"]),
        ("device=GPU-0aaaa", DIVIDED, ["0:0", "0:2"]),
        ("all", host(), []),
    ],
)
def test_the_devices_that_are_meant(text: str, gpus: Gpus, labels: list[str]) -> None:
    assert [unit.label for unit in chosen(wish(text), gpus)] == labels


@pytest.mark.parametrize(
    ("text", "toolkit", "expected"),
    [
        ("all", HOOK, "nvidia"),
        ("all", CDI, "cdi"),
        ("all", Toolkit(hook=True, cdi=CDI.cdi), "nvidia"),
        ("all,driver=cdi", Toolkit(hook=True, cdi=CDI.cdi), "cdi"),
        ("device=nvidia.com/gpu=0", HOOK, "cdi"),
        ("all,driver=nvidia", CDI, "nvidia"),
        ("all", Toolkit(hook=False, cdi=()), None),
        ("all", ELSEWHERE, "nvidia"),
        ("all", Toolkit(hook=None, cdi=CDI.cdi, is_here=False), "cdi"),
    ],
)
def test_the_way_is_the_one_that_the_engine_has(text: str, toolkit: Toolkit, expected: str | None) -> None:
    assert way(wish(text), toolkit) == expected


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("all", "--gpus=all"),
        ("2", "--gpus=2"),
        ("device=1", "--gpus=device=1"),
        ("device=0,1", '--gpus="device=0,1"'),
        ("device=0,0", "--gpus=device=0"),
        ("device=GPU-1a", "--gpus=device=GPU-1aaaa"),
        ("device=GPU-none", "--gpus=device=GPU-none"),
        ("all,driver=nvidia,capabilities=utility,video", '--gpus=driver=nvidia,all,"capabilities=utility,video"'),
    ],
)
def test_a_device_request_as_docker_reads_it(text: str, option: str) -> None:
    assert options(wish(text), "nvidia", HOOK, TWO) == (option,)


def test_a_part_of_a_gpu_is_asked_for_by_its_uuid() -> None:
    assert options(wish("device=0:2,1"), "nvidia", HOOK, DIVIDED) == ('--gpus="device=MIG-y,1"',)
    assert options(wish("device=0:2"), "nvidia", ELSEWHERE, None) == ("--gpus=device=0:2",)


def test_cdi_devices_are_named_as_the_specification_names_them() -> None:
    by_uuid = Toolkit(hook=False, cdi=("nvidia.com/gpu=GPU-0aaaa", "nvidia.com/gpu=GPU-1aaaa"))
    assert options(wish("all"), "cdi", CDI, TWO) == ("--device=nvidia.com/gpu=all",)
    assert options(wish("2"), "cdi", CDI, TWO) == ("--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=1")
    assert cdi_names(wish("all"), by_uuid, TWO) == by_uuid.cdi
    assert cdi_names(wish("device=1"), by_uuid, TWO) == by_uuid.cdi[1:]
    assert cdi_names(wish("device=GPU-1aaaa"), CDI, TWO) == ("nvidia.com/gpu=1",)
    assert cdi_names(wish("device=nvidia.com/gpu=x"), CDI, TWO) == ("nvidia.com/gpu=x",)
    assert cdi_names(wish("2"), ELSEWHERE, None) == ("nvidia.com/gpu=0", "nvidia.com/gpu=1")
    assert cdi_names(wish("device=0:2"), CDI, DIVIDED) == ("nvidia.com/gpu=0:2",)
