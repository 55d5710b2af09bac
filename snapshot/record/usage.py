"""What a training used of the machine, as its record has it."""

from __future__ import annotations

from snapshot.document import Document


class GpuUsage(Document, kw_only=True, frozen=True):
    """What one GPU of the run did, as far as somebody looked; None is what it does not say."""

    gpu: str
    """As in `Given.devices`."""
    samples: int
    utilization_mean: float | None
    """Per cent of the time in which it computed anything."""
    utilization_max: int | None
    peak_memory: int | None
    """Bytes in use on the device, by whomever."""
    run_peak_memory: int | None
    """Bytes in use by the run's own processes."""
    power_mean: float | None
    """Watts."""
    power_max: float | None
    energy: float | None
    """Joules, of the whole device."""
    temperature_max: int | None
    """Degrees Celsius."""
    throttle_reasons: tuple[str, ...]
    """What held the clocks down at any time, in the words of nvidia-smi."""
    ecc_corrected: int | None
    ecc_uncorrected: int | None
    """Memory errors during the run."""
    problems: tuple[str, ...]
    """Critical errors that the driver reported (`Xid 79`), and what NVML said of a device that did not answer."""


class Usage(Document, kw_only=True, frozen=True):
    """What the training used, read from its control group and its GPUs while it ran."""

    peak_memory: int | None
    """Bytes."""
    cpu_seconds: float | None
    gpus: tuple[GpuUsage, ...] = ()
