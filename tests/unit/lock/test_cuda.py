"""The CUDA runtime that the pins tell, and the driver that it expects."""

import pytest

from snapshot.lock.cuda import driver_floor, frameworks, runtime
from snapshot.lock.document import Package, Wheel


def package(name: str, version: str) -> Package:
    return Package(name=name, version=version, wheels=(Wheel(name=f"{name}.whl", hashes={"sha256": "0" * 64}),))


@pytest.mark.parametrize(
    ("pins", "cuda", "driver"),
    [
        ([("nvidia-cuda-runtime-cu11", "11.7.99"), ("torch", "2.0.1")], "11.7", "450.80.02"),
        ([("nvidia-cuda-runtime-cu12", "12.8.90")], "12.8", "525.60.13"),
        ([("cuda-toolkit", "13.0.2"), ("nvidia-cuda-runtime", "13.0.96")], "13.0", "580.65.06"),
        ([("torch", "2.4.1+cu124")], "12.4", "525.60.13"),
        ([("torch", "1.13.1+cu117")], "11.7", "450.80.02"),
        ([("nvidia-cuda-runtime-cu12", "12.8.90"), ("cuda-toolkit", "13.2.2")], "13.2", "580.65.06"),
    ],
)
def test_the_runtime_and_its_driver(pins: list[tuple[str, str]], cuda: str, driver: str) -> None:
    found = runtime(package(*pin) for pin in pins)
    assert found and (found.runtime, found.driver_minimum) == (cuda, driver)


def test_the_reason_is_named() -> None:
    found = runtime([package("numpy", "2.0"), package("torch", "2.4.1+cu124")])
    assert found and found.because == "torch 2.4.1+cu124"


@pytest.mark.parametrize("version", ["2.13.0+cpu", "2.13.0", "2.13.0+rocm6.2"])
def test_no_cuda(version: str) -> None:
    assert runtime([package("torch", version), package("numpy", "2.4.6")]) is None


def test_an_unknown_newer_major_has_the_newest_known_floor() -> None:
    assert driver_floor(14) == driver_floor(13)


def test_frameworks_among_packages() -> None:
    assert frameworks([package("torch", "2.13.0+cpu"), package("numpy", "2.4.6")]) == {"torch": "2.13.0+cpu"}
