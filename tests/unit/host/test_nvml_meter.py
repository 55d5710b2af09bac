"""Fake GPU: what devices do, as nvidia-ml-py reads it from a stub of the driver's library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

READ = """
import msgspec
from snapshot.host.nvml_meter import Meter
zeros = "00000000-0000-0000-0000"
meter = Meter({"0": f"GPU-{zeros}-000000000000", "1": f"GPU-{zeros}-000000000001", "0:0": f"MIG-{zeros}-000000000000"})
print(msgspec.json.encode([meter.read() for _ in range(3)]).decode())
meter.close()
"""


@pytest.fixture
def read(fake_nvml: Path):
    def read(**settings: str) -> list[dict[str, dict[str, Any]]]:
        env = {**os.environ, "LD_LIBRARY_PATH": str(fake_nvml), "FAKE_NVML_GPUS": "A:8.0:8192;B:9.0:8192", **settings}
        done = subprocess.run([sys.executable, "-c", READ], env=env, capture_output=True, text=True, check=True)
        found: list[dict[str, dict[str, Any]]] = json.loads(done.stdout)
        return found

    return read


def test_everything_that_a_device_says(read) -> None:
    first, second, _ = read(
        FAKE_NVML_LOAD="10,60", FAKE_NVML_THROTTLE="0x25", FAKE_NVML_PROCESSES="0:42:100", FAKE_NVML_ECC="1"
    )
    assert first["0"] == {
        "utilization": 10,
        "memory": 512 << 20,
        "processes": [[42, 100 << 20]],
        "power": 160_000,
        "energy": 1_005_000,
        "temperature": 34,
        "clock": 1410,
        "throttle": ["sw_power_cap", "sw_thermal_slowdown"],
        "ecc_corrected": 0,
        "ecc_uncorrected": 1,
        "problem": None,
    }
    assert (second["0"]["utilization"], second["0"]["energy"], second["1"]["processes"]) == (60, 1_010_000, [])


def test_what_a_device_does_not_say_is_none(read) -> None:
    calls = ("UtilizationRates", "PowerUsage", "TotalEnergyConsumption", "Temperature", "ClockInfo", "TotalEccErrors",
             "CurrentClocksEventReasons", "CurrentClocksThrottleReasons", "ComputeRunningProcesses_v3",
             "ComputeRunningProcesses_v2")  # fmt: skip
    last = read(FAKE_NVML_FAIL=",".join(f"nvmlDeviceGet{call}=3" for call in calls))[-1]["0"]
    assert last.pop("memory") == 512 << 20
    assert last.pop("processes") == []
    assert set(last.values()) == {None}


def test_an_old_driver_knows_other_names(read) -> None:
    old = "nvmlDeviceGetCurrentClocksEventReasons=13,nvmlDeviceGetComputeRunningProcesses_v3=13"
    last = read(FAKE_NVML_FAIL=old, FAKE_NVML_THROTTLE="8", FAKE_NVML_PROCESSES="0:42:1")[-1]["0"]
    assert (last["throttle"], last["processes"]) == (["hw_slowdown"], [[42, 1 << 20]])


def test_a_part_of_a_gpu_says_its_memory(read) -> None:
    part = read(FAKE_NVML_MIG="1")[0]["0:0"]
    assert (part["memory"], part["utilization"], part["power"], part["problem"]) == (512 << 20, None, None, None)


def test_devices_that_are_lost_or_not_there_say_why_and_the_others_go_on(read) -> None:
    _, _, last = read(FAKE_NVML_LOST="1:1", FAKE_NVML_XID="1:79:1")
    assert (last["0"]["utilization"], last["0"]["problem"]) == (7, None)
    assert (last["1"]["utilization"], last["1"]["problem"]) == (None, "GPU is lost")
    assert last["0:0"]["problem"]


def test_a_critical_error_is_told_once_though_the_device_is_lost(read) -> None:
    problems = [reading["1"]["problem"] for reading in read(FAKE_NVML_LOST="1:1", FAKE_NVML_XID="1:79:1")]
    assert [problem for problem in problems if problem and "Xid" in problem] == ["Xid 79"]
