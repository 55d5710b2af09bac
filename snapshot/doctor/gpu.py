"""GPUs: hardware, driver, and the engine's way to hand them to a container."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from snapshot.doctor.checks import error, note, ok, warning
from snapshot.doctor.info import Info
from snapshot.document import Value
from snapshot.finding import Finding
from snapshot.host import nvml, process
from snapshot.host.nvml import Device, Gpus
from snapshot.report.text import count

CHECK = "gpu"
TOOLKIT = "toolkit"
HOOK = "nvidia-container-runtime-hook"
"""With it on the engine's PATH at its start, `docker run --gpus` works."""
_NVIDIA = "0x10de"
_DISPLAY = "0x03"
_TROUBLES = (
    ("mismatch", "restart this host, or reload the driver's kernel modules: the driver was upgraded under them"),
    ("permission", "see `ls -l /dev/nvidia*`, and join the group that owns them"),
    ("loaded", "load the driver, `sudo modprobe nvidia`; with Secure Boot its module must be signed"),
)


class Graphics(Value, kw_only=True, frozen=True):
    """What this host has."""

    cards: int = 0
    """NVIDIA devices on the PCI bus, driver or not."""
    gpus: Gpus | None = None
    """None where no driver answers."""
    trouble: str = ""
    """Why one that is there does not, in NVML's words."""
    loaded: bool = False
    """Whether the kernel has the driver."""


def graphics(sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> Graphics:
    """Hardware and driver, now."""
    gpus, trouble = _driver()
    return Graphics(cards=_cards(sys), gpus=gpus, trouble=trouble, loaded=(proc / "driver/nvidia").exists())


def _driver() -> tuple[Gpus | None, str]:
    """The driver and its devices, or why it does not answer."""
    return nvml.probe(), ""


def look(found: Graphics, info: Info | None) -> Iterator[Finding]:
    """Driver and toolkit."""
    yield from driver_findings(found)
    if info and found.gpus and found.gpus.devices:
        yield from toolkit_findings(info, hook=process.find(HOOK) is not None)


def driver_findings(found: Graphics) -> Iterator[Finding]:
    """What answers; no GPU is no fault."""
    if found.gpus and found.gpus.devices:
        names = ", ".join(dict.fromkeys(name_of(d) for d in found.gpus.devices))
        cuda = f", CUDA up to {found.gpus.cuda}" if found.gpus.cuda else ""
        yield ok(CHECK, f"{count(len(found.gpus.devices), 'GPU')}: {names}; driver {found.gpus.driver}{cuda}")
        if found.cards > len(found.gpus.devices):
            said = f"{count(found.cards, 'NVIDIA device')} on the PCI bus, and the driver shows fewer"
            yield note(CHECK, said)
    elif found.gpus:
        yield warning(CHECK, f"the driver {found.gpus.driver} answers and shows no GPU", "see `nvidia-smi -L`")
    elif found.trouble:
        yield error(CHECK, f"the NVIDIA driver does not answer: {found.trouble}", _remedy(found.trouble))
    elif found.loaded:
        said = "the NVIDIA driver is loaded, and its library `libnvidia-ml.so.1` does not answer"
        yield error(CHECK, said, "install the libraries of the driver that is loaded, and see that `nvidia-smi` works")
    elif found.cards:
        said = f"{count(found.cards, 'NVIDIA device')} on the PCI bus, and no driver that answers"
        yield error(CHECK, said, "install NVIDIA's driver, or see `nvidia-smi` for why it does not answer")
    else:
        yield note(CHECK, "no NVIDIA GPU: trainings run on the CPU")


def name_of(device: Device) -> str:
    """A device for people: `NVIDIA H100 (9.0)`."""
    return f"{device.name or 'a GPU of no name'} ({device.compute_capability or 'of unknown capability'})"


def toolkit_findings(info: Info, *, hook: bool) -> Iterator[Finding]:
    """How the engine hands GPUs to a container; `hook` is whether `HOOK` is on this host's PATH."""
    cdi = [device for device in info.devices if device.startswith("nvidia.com/gpu=")]
    if cdi:
        yield ok(TOOLKIT, f"CDI knows {', '.join(cdi[:4])}{' …' if len(cdi) > 4 else ''}")
    if "nvidia" in info.runtimes or hook:
        how = "the runtime `nvidia`" if "nvidia" in info.runtimes else f"`{HOOK}`"
        yield ok(TOOLKIT, f"the engine has {how}")
    elif not cdi:
        where = f", and none is described in {' or '.join(info.cdi_folders)}" if info.cdi_folders else ""
        yield error(
            TOOLKIT,
            f"this host has a GPU and the engine no way to hand it to a container{where}",
            "install `nvidia-container-toolkit`, run `sudo nvidia-ctk runtime configure --runtime=docker`, "
            "and restart Docker",
        )


def _remedy(trouble: str) -> str:
    return next((what for word, what in _TROUBLES if word in trouble.lower()), "see `nvidia-smi`")


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
