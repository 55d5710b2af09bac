"""GPUs: hardware, driver, and the engine's way to hand them to a container, judged as `snap run --gpus all` does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from snapshot.doctor.checks import error, note, ok
from snapshot.doctor.info import Info
from snapshot.document import Value
from snapshot.finding import Finding
from snapshot.host import nvml, toolkit
from snapshot.host.nvml import Device, Driver
from snapshot.host.toolkit import Toolkit
from snapshot.lock import cuda
from snapshot.report.text import count
from snapshot.run import preflight
from snapshot.run.gpus import Wish

CHECK = "gpu"
EVERYTHING = Wish(count=-1)
_NVIDIA = "0x10de"
_DISPLAY = "0x03"


class Graphics(Value, kw_only=True, frozen=True):
    """What this host has."""

    driver: Driver
    cards: int = 0
    """NVIDIA devices on the PCI bus, driver or not."""
    loaded: bool = False
    """Whether the kernel has the driver."""


def graphics(sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> Graphics:
    """Hardware and driver, now."""
    return Graphics(driver=nvml.look(proc), cards=_cards(sys), loaded=(proc / "driver/nvidia").exists())


def look(found: Graphics, info: Info | None, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Driver, devices and toolkit; without an engine, what can be told of the first."""
    yield from driver_findings(found)
    if info and found.driver.gpus:
        yield from way_findings(found.driver, toolkit.probe(_said(info), environment))


def driver_findings(found: Graphics) -> Iterator[Finding]:
    """What answers; no GPU is no fault."""
    gpus = found.driver.gpus
    if gpus:
        names = ", ".join(dict.fromkeys(map(name_of, gpus.devices))) or "none to be seen"
        newest = f", CUDA up to {gpus.cuda}" if gpus.cuda else ""
        yield ok(CHECK, f"{count(len(gpus.devices), 'GPU')}: {names}; driver {gpus.driver}{newest}")
        if found.cards > len(gpus.devices):
            yield note(CHECK, f"{count(found.cards, 'NVIDIA device')} on the PCI bus, and the driver shows fewer")
    elif found.driver.state == "absent" and not (found.cards or found.loaded):
        yield note(CHECK, "no NVIDIA GPU: trainings run on the CPU")
    else:
        where = f" ({count(found.cards, 'NVIDIA device')} on the PCI bus)" if found.cards else ""
        yield error(CHECK, f"{found.driver.message}{where}", found.driver.remedy or "see `nvidia-smi`")


def way_findings(driver: Driver, ways: Toolkit) -> Iterator[Finding]:
    """What a run would be told that asks for all GPUs."""
    found = preflight.check(EVERYTHING, driver, ways, None, judge=cuda.driver_findings, covers=cuda.covers)
    yield from found
    if not any(finding.check == "toolkit" for finding in found):
        names = [*(["NVIDIA's runtime hook"] if ways.hook else []), *ways.cdi]
        yield ok("toolkit", f"the engine has {', '.join(names[:4])}{' …' if len(names) > 4 else ''}")


def name_of(device: Device) -> str:
    """A device for people: `NVIDIA H100 (9.0)`."""
    return f"{device.name or 'a GPU of no name'} ({device.compute_capability or 'of unknown capability'})"


def _said(info: Info) -> dict[str, object]:
    """Of `docker info`, what tells of GPUs."""
    said: dict[str, object] = {"Runtimes": dict.fromkeys(info.runtimes), "CDISpecDirs": list(info.cdi_folders)}
    if info.devices is not None:
        said["DiscoveredDevices"] = [{"ID": name} for name in info.devices]
    return said


def _cards(sys: Path) -> int:
    """Display controllers (PCI class 03) of the vendor NVIDIA."""
    number = 0
    try:
        names = os.listdir(sys / "bus/pci/devices")
    except OSError:
        return 0
    for name in names:
        folder = sys / "bus/pci/devices" / name
        try:
            vendor, kind = ((folder / part).read_text().strip() for part in ("vendor", "class"))
        except OSError:
            continue
        number += vendor == _NVIDIA and kind.startswith(_DISPLAY)
    return number
