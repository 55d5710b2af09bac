"""What devices do at a moment, through NVML. What a device can't say, or not on this driver, is None."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import msgspec

from snapshot.document import Value
from snapshot.host.nvml import asked, processes, session

_REASONS = {
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
}
"""`nvmlClocksEventReasons` of nvml.h, in the words of `nvidia-smi --query-gpu`; 0x1 is an idle device."""


_MOST = 16
"""Errors that are taken notice of at a time: a broken device may report thousands."""


class Reading(Value, kw_only=True, frozen=True):
    """One device at one moment; all counters only grow."""

    utilization: int | None = None
    """Per cent of the last moment in which it computed anything."""
    memory: int | None = None
    """Bytes in use, by whomever."""
    processes: tuple[tuple[int, int | None], ...] = ()
    """Process ID of the host, and its bytes on the device."""
    power: int | None = None
    """mW."""
    energy: int | None = None
    """mJ since the driver was loaded."""
    temperature: int | None = None
    """Degrees Celsius."""
    clock: int | None = None
    """Of the multiprocessors, MHz."""
    throttle: tuple[str, ...] | None = None
    """What holds the clocks down."""
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    """Memory errors since the driver was loaded."""
    problem: str | None = None
    """Why it does not answer any more, or the critical errors that the driver reported of it, as in `Xid 79`."""


class Meter:
    """Reads devices, by any key that the caller likes, until it is closed. For one thread."""

    def __init__(self, devices: Mapping[str, str]) -> None:
        """`devices`: key → UUID. Raises OSError when NVML can't be initialised any more."""
        import pynvml

        self._open = ExitStack()
        try:
            self._nvml = self._open.enter_context(session())
        except pynvml.NVMLError as problem:
            raise OSError(str(problem)) from None
        self._uuids = devices
        self._handles: dict[str, Any] = {}
        self._events = asked(self._nvml.nvmlEventSetCreate)

    def close(self) -> None:
        """Let go of the driver."""
        if self._events is not None:
            asked(self._nvml.nvmlEventSetFree, self._events)
        self._open.close()

    def read(self) -> dict[str, Reading]:
        """All devices now, by their keys."""
        found = {key: self._device(key) for key in self._uuids}
        for key, error in self._errors():
            told = found[key].problem
            found[key] = msgspec.structs.replace(found[key], problem=f"{error}; {told}" if told else error)
        return found

    def _device(self, key: str) -> Reading:
        nvml = self._nvml
        try:
            if key not in self._handles:
                self._handles[key] = nvml.nvmlDeviceGetHandleByUUID(self._uuids[key].encode())
                if self._events is not None:
                    asked(
                        nvml.nvmlDeviceRegisterEvents,
                        self._handles[key],
                        nvml.nvmlEventTypeXidCriticalError,
                        self._events,
                    )
            # Every device can say this, parts of GPUs too: one that does not is out of order.
            memory = nvml.nvmlDeviceGetMemoryInfo(self._handles[key])
        except nvml.NVMLError as problem:
            return Reading(problem=str(problem))
        return self._reading(self._handles[key], memory)

    def _errors(self) -> Iterator[tuple[str, str]]:
        """Critical errors since the last time: docs.nvidia.com/deploy/xid-errors has their numbers."""
        # By handle: a device that is lost does not even tell its UUID.
        keys = {_address(handle): key for key, handle in self._handles.items()}
        for _ in range(_MOST):
            event = None if self._events is None else asked(self._nvml.nvmlEventSetWait_v2, self._events, 0)
            if event is None:
                return
            if (key := keys.get(_address(event.device))) is not None:
                yield key, f"Xid {event.eventData}"

    def _reading(self, handle: Any, memory: Any) -> Reading:
        nvml = self._nvml
        utilization = asked(nvml.nvmlDeviceGetUtilizationRates, handle)
        return Reading(
            utilization=None if utilization is None else int(utilization.gpu),
            memory=int(memory.total) - int(memory.free),
            processes=tuple((p.pid, p.usedGpuMemory) for p in processes(nvml, handle) or ()),
            power=asked(nvml.nvmlDeviceGetPowerUsage, handle),
            energy=asked(nvml.nvmlDeviceGetTotalEnergyConsumption, handle),
            temperature=asked(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            clock=asked(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
            throttle=self._throttle(handle),
            ecc_corrected=self._ecc(handle, nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED),
            ecc_uncorrected=self._ecc(handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
        )

    def _throttle(self, handle: Any) -> tuple[str, ...] | None:
        nvml = self._nvml
        bits = asked(nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
        if bits is None:
            # Its name on drivers before 535.
            bits = asked(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        return None if bits is None else tuple(name for bit, name in _REASONS.items() if bits & bit)

    def _ecc(self, handle: Any, kind: int) -> int | None:
        return asked(self._nvml.nvmlDeviceGetTotalEccErrors, handle, kind, self._nvml.NVML_VOLATILE_ECC)


def _address(handle: Any) -> int | None:
    """What a handle points to; the binding makes a new pointer each time."""
    return ctypes.cast(handle, ctypes.c_void_p).value
