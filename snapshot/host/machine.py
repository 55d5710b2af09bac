"""The machine that a run happens on: kernel, CPU, memory, as Linux tells them under /proc."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from snapshot.document import Document


class Machine(Document, kw_only=True, frozen=True):
    """What of the host can change a result or a duration."""

    hostname: str
    system: str
    """Operating system of the host, as /etc/os-release names it."""
    kernel: str
    architecture: str
    cpu: str
    cpu_flags: tuple[str, ...]
    """Instruction set extensions: they choose the code paths of BLAS, oneDNN and ATen, and with them the last bits."""
    cores: int
    """Cores that a process of this user may run on."""
    memory: int
    """Bytes of RAM."""


def probe(proc: Path = Path("/proc"), etc: Path = Path("/etc")) -> Machine:
    """This machine now; what can't be read is an empty string or 0."""
    cpu, flags = _cpu(proc)
    return Machine(
        hostname=platform.node(),
        system=_pretty_name(etc),
        kernel=platform.release(),
        architecture=platform.machine(),
        cpu=cpu,
        cpu_flags=flags,
        cores=len(os.sched_getaffinity(0)),
        memory=memory(proc),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cpu(proc: Path) -> tuple[str, tuple[str, ...]]:
    model = ""
    flags: tuple[str, ...] = ()
    for line in _read(proc / "cpuinfo").partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            model = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags = tuple(sorted(value.split()))
    return model, flags


def _pretty_name(etc: Path) -> str:
    for line in _read(etc / "os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.removeprefix("PRETTY_NAME=").strip('"')
    return ""


def memory(proc: Path = Path("/proc")) -> int:
    """Bytes of RAM, 0 when unknown."""
    return _kilobytes(proc, "MemTotal:") * 1024


def free_memory(proc: Path = Path("/proc")) -> int:
    """Bytes of RAM that programs can have without swapping, as the kernel estimates; 0 when unknown."""
    return _kilobytes(proc, "MemAvailable:") * 1024


def _kilobytes(proc: Path, name: str) -> int:
    for line in _read(proc / "meminfo").splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0
