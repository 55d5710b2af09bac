"""Fake GPU: nvidia-ml-py with a stub of the driver's library says what a driver says, or why there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snapshot.host import nvml

LOOK = """
import sys, msgspec
from pathlib import Path
from snapshot.host import nvml
print(msgspec.json.encode(nvml.look(Path(sys.argv[1]))).decode())
"""
H100 = "NVIDIA H100 80GB HBM3:9.0:81559"


@pytest.fixture
def look(fake_nvml: Path, tmp_path: Path):
    def look(library: bool = True, proc: Path = tmp_path, **settings: str) -> dict[str, Any]:
        env = {**os.environ, "LD_LIBRARY_PATH": str(fake_nvml) if library else "", **settings}
        done = subprocess.run(
            [sys.executable, "-c", LOOK, str(proc)], env=env, capture_output=True, text=True, check=True
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return look


def kernel_driver(folder: Path) -> Path:
    (folder / "driver/nvidia").mkdir(parents=True)
    (folder / "driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  12\n"
    )
    return folder


def test_driver_and_devices(look) -> None:
    found = look(
        FAKE_NVML_DRIVER="535.104.05",
        FAKE_NVML_CUDA="12020",
        FAKE_NVML_GPUS=f"{H100};Tesla V100-SXM2-16GB:7.0:16384",
        FAKE_NVML_PROCESSES="0:42:100;0:43:1;1:44:2",
        FAKE_NVML_MODE="3",
        FAKE_NVML_ECC="2",
    )
    assert (found["state"], found["message"]) == ("ok", "NVIDIA driver 535.104.05, CUDA up to 12.2, 2 GPUs")
    assert (found["gpus"]["driver"], found["gpus"]["cuda"]) == ("535.104.05", "12.2")
    first, second = found["gpus"]["devices"]
    assert first == {
        "index": 0,
        "name": "NVIDIA H100 80GB HBM3",
        "uuid": "GPU-00000000-0000-0000-0000-000000000000",
        "compute_capability": "9.0",
        "memory": 81559 << 20,
        "ecc": True,
        "mig": None,
    }
    assert (second["name"], second["compute_capability"]) == ("Tesla V100-SXM2-16GB", "7.0")
    assert found["occupancy"][0] == {
        "index": 0,
        "used": 512 << 20,
        "processes": [42, 43],
        "compute_mode": "exclusive",
        "ecc_errors": 2,
        "problem": None,
    }


def test_no_device(look) -> None:
    found = look(FAKE_NVML_GPUS="")
    assert (found["state"], found["gpus"]["devices"]) == ("ok", [])


def test_an_old_driver_has_fewer_functions(look) -> None:
    found = look(
        FAKE_NVML_DRIVER="450.80.02",
        FAKE_NVML_CUDA="11000",
        FAKE_NVML_FAIL="nvmlDeviceGetComputeRunningProcesses_v3=13",
        FAKE_NVML_PROCESSES="0:42:100",
    )
    assert (found["gpus"]["driver"], found["gpus"]["cuda"]) == ("450.80.02", "11.0")
    assert found["occupancy"][0]["processes"] == [42]


def test_a_call_that_fails_leaves_its_field_empty(look) -> None:
    calls = ("Name", "UUID", "MemoryInfo", "CudaComputeCapability", "EccMode", "MigMode", "ComputeMode")
    found = look(FAKE_NVML_FAIL=",".join(f"nvmlDeviceGet{call}=999" for call in calls))
    (device,) = found["gpus"]["devices"]
    assert device == {"index": 0, **dict.fromkeys(["name", "uuid", "compute_capability", "memory", "ecc", "mig"])}
    assert (found["occupancy"][0]["used"], found["occupancy"][0]["compute_mode"]) == (None, None)
    assert look(FAKE_NVML_FAIL="nvmlSystemGetDriverVersion=999,nvmlSystemGetCudaDriverVersion_v2=999")["gpus"] | {
        "devices": []
    } == {"driver": "", "cuda": "", "devices": []}


def test_parts_of_a_gpu_are_devices_that_can_be_asked_for(look) -> None:
    first, second = look(FAKE_NVML_GPUS=f"{H100};{H100}", FAKE_NVML_MIG="2")["gpus"]["devices"]
    assert [(part["index"], part["uuid"]) for part in first["mig"]] == [
        (0, "MIG-00000000-0000-0000-0000-000000000000"),
        (2, "MIG-00000000-0000-0000-0000-000000000001"),
    ]
    assert second["mig"] is None
    assert look(FAKE_NVML_MIG="0")["gpus"]["devices"][0]["mig"] == []


def test_a_lost_device_is_listed_with_its_problem(look) -> None:
    found = look(FAKE_NVML_GPUS=f"{H100};{H100}", FAKE_NVML_LOST="1:0")
    assert [device["name"] for device in found["gpus"]["devices"]] == ["NVIDIA H100 80GB HBM3", None]
    assert found["occupancy"][1]["problem"] == "GPU is lost"


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        ("9", "not loaded", "installed and not loaded"),
        ("18", "mismatch", "Driver/library version mismatch"),
        ("4", "no permission", "no permission"),
        ("999", "failing", "Unknown Error"),
    ],
)
def test_why_a_driver_does_not_answer(look, code: str, state: str, words: str) -> None:
    found = look(FAKE_NVML_INIT_RC=code)
    assert (found["state"], found["gpus"]) == (state, None)
    assert words in found["message"]
    assert found["remedy"]


def test_a_mismatch_names_what_the_kernel_has(look, tmp_path: Path) -> None:
    assert "535.104.05" in look(FAKE_NVML_INIT_RC="18", proc=kernel_driver(tmp_path))["message"]


@pytest.mark.skipif(nvml.look().state != "absent", reason="this machine has a driver")
def test_no_library(look, tmp_path: Path) -> None:
    assert (look(library=False)["state"], look(library=False)["message"]) == ("absent", "no NVIDIA driver on this host")
    without = look(library=False, proc=kernel_driver(tmp_path))
    assert without["state"] == "absent"
    assert "`libnvidia-ml.so.1`" in without["message"]


def test_whether_there_is_a_device_is_told_by_the_kernel(tmp_path: Path) -> None:
    assert not nvml.is_there(tmp_path)
    (tmp_path / "driver/nvidia/gpus/0000:01:00.0").mkdir(parents=True)
    assert nvml.is_there(tmp_path)
