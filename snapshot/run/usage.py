"""Peak memory and CPU time of a container, read from its control group while it runs.

The engine's own figures hold no peak on cgroup v2 and are gone when the container ends, so the kernel's files are
read directly (kernel `admin-guide/cgroup-v2.rst`, `cgroup-v1/memory.rst`). Both counters only grow; what happens
between the last look and the end is missed, at most `PERIOD` seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from snapshot.record.usage import Usage

PERIOD = 0.2
_ROOT = Path("/sys/fs/cgroup")


class Sampler:
    """Looks at the control group of process `pid` until `stop`."""

    def __init__(self, pid: int, *, proc: Path = Path("/proc"), root: Path = _ROOT) -> None:
        self._memory, self._cpu = _files(pid, proc, root)
        self._done = threading.Event()
        self._peak: int | None = None
        self._seconds: float | None = None
        self._look()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> Usage:
        """The last figures that were seen."""
        self._done.set()
        self._thread.join()
        return Usage(peak_memory=self._peak, cpu_seconds=self._seconds)

    def _follow(self) -> None:
        period = 0.01
        while not self._done.wait(period):
            self._look()
            period = min(PERIOD, period * 2)

    def _look(self) -> None:
        memory = next((value for path in self._memory if (value := _number(path)) is not None), None)
        if memory is not None:
            self._peak = max(memory, self._peak or 0)
        spent = next((value * unit for path, unit in self._cpu if (value := _number(path)) is not None), None)
        if spent is not None:
            self._seconds = round(spent, 3)


def _files(pid: int, proc: Path, root: Path) -> tuple[list[Path], list[tuple[Path, float]]]:
    """Where the peak (bytes) and the CPU time (unit in seconds) may be, best first."""
    memory: list[Path] = []
    cpu: list[tuple[Path, float]] = []
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return memory, cpu
    for line in lines:
        _, controllers, path = line.split(":", 2)
        relative = path.lstrip("/")
        if controllers == "":
            memory += [root / relative / "memory.peak", root / relative / "memory.current"]
            cpu.append((root / relative / "cpu.stat", 1e-6))
        if "memory" in controllers.split(","):
            memory.insert(0, root / "memory" / relative / "memory.max_usage_in_bytes")
        if "cpuacct" in controllers.split(","):
            for mount in (controllers, "cpuacct"):
                cpu.insert(0, (root / mount / relative / "cpuacct.usage", 1e-9))
    return memory, cpu


def processes(pid: int, *, proc: Path = Path("/proc"), root: Path = _ROOT) -> Callable[[], frozenset[int]]:
    """Tells, at each call, the processes in the control group of process `pid`."""
    memory, _ = _files(pid, proc, root)
    folders = tuple(dict.fromkeys(path.parent for path in memory))

    def now() -> frozenset[int]:
        for folder in folders:
            with suppress(OSError):
                return frozenset(map(int, (folder / "cgroup.procs").read_text().split()))
        return frozenset()

    return now


def _number(path: Path) -> int | None:
    """The number in a file of the kernel, or behind `usage_usec` in a cpu.stat."""
    try:
        words = path.read_text().split()
    except OSError:
        return None
    return int(words[1] if words[0] == "usage_usec" else words[0])
