"""NVIDIA driver and devices through nvidia-ml-py (whose module is `pynvml`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from snapshot.document import Document

T = TypeVar("T")


class Device(Document, kw_only=True, frozen=True):
    """One GPU."""

    index: int
    name: str
    uuid: str
    compute_capability: str
    """Major and minor, as in `9.0`."""
    memory: int
    """Bytes."""


class Gpus(Document, kw_only=True, frozen=True):
    """The NVIDIA driver of the host and its devices."""

    driver: str
    cuda: str
    """Newest CUDA version that the driver supports, as in `13.0`."""
    devices: tuple[Device, ...]


def probe() -> Gpus | None:
    """The driver and its devices, or None where there is no NVIDIA driver that answers."""
    if not Path("/proc/driver/nvidia").exists() and not _library():
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        cuda = _or(pynvml.nvmlSystemGetCudaDriverVersion_v2, 0)
        return Gpus(
            driver=_text(_or(pynvml.nvmlSystemGetDriverVersion, "")),
            cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "",
            devices=tuple(_device(pynvml, index) for index in range(_or(pynvml.nvmlDeviceGetCount, 0))),
        )
    finally:
        pynvml.nvmlShutdown()


def _library() -> bool:
    """Whether the driver's library can be found, so that machines without one don't pay for importing pynvml."""
    import ctypes

    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True


def _device(pynvml: Any, index: int) -> Device:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = _or(lambda: pynvml.nvmlDeviceGetCudaComputeCapability(handle), (0, 0))
    memory = _or(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle).total, 0)
    return Device(
        index=index,
        name=_text(_or(lambda: pynvml.nvmlDeviceGetName(handle), "")),
        uuid=_text(_or(lambda: pynvml.nvmlDeviceGetUUID(handle), "")),
        compute_capability=f"{major}.{minor}" if major else "",
        memory=int(memory),
    )


def _or(call: Callable[[], T], default: T) -> T:
    """What `call` answers; `default` where this driver or device does not support it."""
    import pynvml

    try:
        return call()
    except pynvml.NVMLError:
        return default


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
