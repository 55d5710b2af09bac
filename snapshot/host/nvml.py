"""NVIDIA driver and devices through nvidia-ml-py (whose module is `pynvml`).

What a driver or a device does not say, because it is too old, not that kind of device, or out of order, is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

from snapshot.document import Document, Value

T = TypeVar("T")

_PROC = Path("/proc")
_ABSENT = "no NVIDIA driver on this host"
_INSTALL = "install the driver, and see that `nvidia-smi` works"


class MigDevice(Document, kw_only=True, frozen=True):
    """A part of a GPU that is a device of its own (NVIDIA, Multi-Instance GPU User Guide)."""

    index: int
    """Its place in its GPU; places are left empty where instances were destroyed."""
    name: str | None
    uuid: str | None
    memory: int | None
    """Bytes."""


class Device(Document, kw_only=True, frozen=True):
    """One GPU."""

    index: int
    name: str | None
    uuid: str | None
    compute_capability: str | None
    """Major and minor, as in `9.0`."""
    memory: int | None
    """Bytes."""
    ecc: bool | None = None
    """Whether its memory corrects errors."""
    mig: tuple[MigDevice, ...] | None = None
    """The parts that it is divided into; None when it is not in MIG mode."""


class Gpus(Document, kw_only=True, frozen=True):
    """The NVIDIA driver of the host and its devices."""

    driver: str
    cuda: str
    """Newest CUDA version that the driver supports, as in `13.0`."""
    devices: tuple[Device, ...]


class Occupancy(Value, kw_only=True, frozen=True):
    """What is going on on a device at the moment."""

    index: int
    used: int | None
    """Bytes of memory that are not free."""
    processes: tuple[int, ...] | None
    """Process IDs, of the host, of those that compute."""
    compute_mode: str | None
    """default, exclusive (one process at a time) or prohibited."""
    ecc_errors: int | None
    """Memory errors since the driver was loaded that could not be corrected."""
    problem: str | None = None
    """What NVML says of a device that does not answer."""


class Driver(Value, kw_only=True, frozen=True):
    """Whether there is a driver that answers, and what it says."""

    state: Literal["absent", "not loaded", "mismatch", "no permission", "failing", "ok"]
    message: str
    remedy: str | None = None
    gpus: Gpus | None = None
    """When the state is `ok`; it may still have no device."""
    occupancy: tuple[Occupancy, ...] = ()
    """Of each device."""


def look(proc: Path = _PROC) -> Driver:
    """The driver and its devices now, or why there is none."""
    if not _library():
        if (proc / "driver/nvidia").exists():
            return Driver(
                state="absent",
                message="the NVIDIA driver is loaded, and its library `libnvidia-ml.so.1` is not to be found",
                remedy="install the driver's libraries of the same version, as with `nvidia-driver-libs`",
            )
        return Driver(state="absent", message=_ABSENT, remedy=_INSTALL)
    import pynvml

    try:
        with session() as nvml:
            return _found(nvml)
    except pynvml.NVMLError as problem:
        return _refused(problem, proc)


def probe() -> Gpus | None:
    """The driver and its devices, or None where there is no NVIDIA driver that answers."""
    return look().gpus


def is_there(proc: Path = _PROC) -> bool:
    """Whether the kernel's driver has a device; asks no library, so it costs nothing."""
    with suppress(OSError):
        return any((proc / "driver/nvidia/gpus").iterdir())
    return False


@contextmanager
def session() -> Iterator[Any]:
    """The binding, initialised; raises its NVMLError when that is not possible."""
    import pynvml

    pynvml.nvmlInit()
    try:
        yield pynvml
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def asked(call: Callable[..., T], *arguments: object) -> T | None:
    """What `call` answers; None where this driver or device can't say."""
    import pynvml

    try:
        return call(*arguments)
    except pynvml.NVMLError:
        return None


def text(value: str | bytes | None) -> str | None:
    """What older bindings return as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def processes(nvml: Any, handle: Any) -> list[Any] | None:
    """Those that compute on a device, each with `pid` and `usedGpuMemory`; drivers before 510 know `_v2` only."""
    for call in (nvml.nvmlDeviceGetComputeRunningProcesses_v3, nvml.nvmlDeviceGetComputeRunningProcesses_v2):
        found: list[Any] | None = asked(call, handle)
        if found is not None:
            return found
    return None


def _library() -> bool:
    """Whether the driver's library can be found, so that machines without one don't pay for importing pynvml."""
    import ctypes

    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True


def _refused(problem: Any, proc: Path) -> Driver:
    import pynvml

    words = str(problem)
    if problem.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        loaded = _kernel_version(proc)
        return Driver(
            state="mismatch",
            message="the NVIDIA driver's library is not of the version that the kernel has loaded"
            + (f", {loaded}" if loaded else "")
            + " (Driver/library version mismatch): it was upgraded meanwhile",
            remedy="reboot this host, or unload and load the `nvidia` kernel modules",
        )
    if problem.value == pynvml.NVML_ERROR_DRIVER_NOT_LOADED:
        remedy = "load it with `modprobe nvidia`; `dmesg` says why that fails"
        return Driver(state="not loaded", message="the NVIDIA driver is installed and not loaded", remedy=remedy)
    if problem.value == pynvml.NVML_ERROR_NO_PERMISSION:
        remedy = "see `ls -l /dev/nvidia*` for who may use it"
        return Driver(state="no permission", message="no permission to use the NVIDIA driver", remedy=remedy)
    if problem.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return Driver(state="absent", message=_ABSENT, remedy=_INSTALL)
    remedy = "see `nvidia-smi` and `dmesg`"
    return Driver(state="failing", message=f"the NVIDIA driver does not answer: {words}", remedy=remedy)


def _kernel_version(proc: Path) -> str:
    """As in `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  …`."""
    with suppress(OSError):
        words = (proc / "driver/nvidia/version").read_text(errors="replace").split()
        return next((word for word in words if word[:1].isdigit() and "." in word), "")
    return ""


def _found(nvml: Any) -> Driver:
    cuda = asked(nvml.nvmlSystemGetCudaDriverVersion_v2) or 0
    devices, occupancy = [], []
    for index in range(asked(nvml.nvmlDeviceGetCount) or 0):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except nvml.NVMLError as problem:
            devices.append(Device(index=index, name=None, uuid=None, compute_capability=None, memory=None))
            occupancy.append(_silent(index, str(problem)))
            continue
        devices.append(_device(nvml, handle, index))
        occupancy.append(_occupancy(nvml, handle, index))
    gpus = Gpus(
        driver=text(asked(nvml.nvmlSystemGetDriverVersion)) or "",
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "",
        devices=tuple(devices),
    )
    number = f"{len(devices)} GPU{'s' * (len(devices) != 1)}" if devices else "no GPU"
    message = f"NVIDIA driver {gpus.driver or 'of unknown version'}, CUDA up to {gpus.cuda or '?'}, {number}"
    return Driver(state="ok", message=message, gpus=gpus, occupancy=tuple(occupancy))


def _device(nvml: Any, handle: Any, index: int) -> Device:
    capability = asked(nvml.nvmlDeviceGetCudaComputeCapability, handle)
    ecc = asked(nvml.nvmlDeviceGetEccMode, handle)
    return Device(
        index=index,
        name=text(asked(nvml.nvmlDeviceGetName, handle)),
        uuid=text(asked(nvml.nvmlDeviceGetUUID, handle)),
        compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
        memory=_memory(nvml, handle),
        ecc=None if ecc is None else bool(ecc[0]),
        mig=_mig(nvml, handle),
    )


def _memory(nvml: Any, handle: Any) -> int | None:
    found = asked(nvml.nvmlDeviceGetMemoryInfo, handle)
    return None if found is None else int(found.total)


def _mig(nvml: Any, handle: Any) -> tuple[MigDevice, ...] | None:
    mode = asked(nvml.nvmlDeviceGetMigMode, handle)
    if mode is None or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
        return None
    places = range(asked(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)
    found = ((place, asked(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place)) for place in places)
    return tuple(
        MigDevice(
            index=place,
            name=text(asked(nvml.nvmlDeviceGetName, part)),
            uuid=text(asked(nvml.nvmlDeviceGetUUID, part)),
            memory=_memory(nvml, part),
        )
        for place, part in found
        if part is not None
    )


def _occupancy(nvml: Any, handle: Any, index: int) -> Occupancy:
    modes = {
        nvml.NVML_COMPUTEMODE_DEFAULT: "default",
        nvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS: "exclusive",
        nvml.NVML_COMPUTEMODE_PROHIBITED: "prohibited",
    }
    memory = asked(nvml.nvmlDeviceGetMemoryInfo, handle)
    computing = processes(nvml, handle)
    mode = asked(nvml.nvmlDeviceGetComputeMode, handle)
    return Occupancy(
        index=index,
        used=None if memory is None else int(memory.total) - int(memory.free),
        processes=None if computing is None else tuple(process.pid for process in computing),
        compute_mode=None if mode is None else modes.get(mode),
        ecc_errors=asked(
            nvml.nvmlDeviceGetTotalEccErrors,
            handle,
            nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            nvml.NVML_VOLATILE_ECC,
        ),
    )


def _silent(index: int, problem: str) -> Occupancy:
    return Occupancy(index=index, used=None, processes=None, compute_mode=None, ecc_errors=None, problem=problem)
