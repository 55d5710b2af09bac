"""What the GPUs of a run do while it runs: a table in its folder, and the summary that the record has of it.

One thread looks once in a `PERIOD` and appends a line for each device, whole and at once, so that a kill at any moment
leaves a table that can be read. The record's summary is made of the table alone, by whoever finishes the run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from snapshot.host import clock
from snapshot.host.nvml_meter import Meter, Reading
from snapshot.record.usage import GpuUsage

PERIOD = 1.0
"""Seconds."""
TABLE = "gpu.csv"
COLUMNS = (
    "time",
    "gpu",
    "utilization_percent",
    "memory_bytes",
    "run_memory_bytes",
    "power_watts",
    "energy_joules",
    "temperature_celsius",
    "sm_clock_mhz",
    "throttle_reasons",
    "ecc_corrected",
    "ecc_uncorrected",
    "problem",
)


class Sampler:
    """Looks at `devices` (label → UUID) until `stop`, and writes what it sees to `table`.

    `pids` says which processes are the run's. That there is no NVML any more, or no space, ends nothing but the table.
    """

    def __init__(self, table: Path, devices: Mapping[str, str], *, pids: Callable[[], frozenset[int]]) -> None:
        self._table, self._devices, self._pids = table, devices, pids
        self._done = threading.Event()
        self._problems: dict[str, str | None] = {}
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look for the last time."""
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        with suppress(OSError):
            meter = Meter(self._devices)
            try:
                with self._table.open("a", buffering=1, encoding="utf-8", newline="\n") as file:
                    if file.tell() == 0:
                        file.write(",".join(COLUMNS) + "\n")
                    while True:
                        over = self._done.is_set()
                        if lines := "".join(self._lines(meter)):
                            file.write(lines)
                            file.flush()
                        if over:
                            return
                        self._done.wait(PERIOD)
            finally:
                meter.close()

    def _lines(self, meter: Meter) -> Iterator[str]:
        now = clock.now()
        own = self._pids()
        for label, reading in meter.read().items():
            # A device that is lost stays so: once is enough.
            if reading.problem is None or reading.problem != self._problems.get(label):
                yield line(now, label, reading, own)
            self._problems[label] = reading.problem


def line(now: str, label: str, reading: Reading, own: frozenset[int]) -> str:
    """A line of the table; what is not known is empty."""
    ours = [size for pid, size in reading.processes if pid in own and size is not None]
    values = (
        now,
        label,
        reading.utilization,
        reading.memory,
        sum(ours) if ours else None,
        _thousandth(reading.power),
        _thousandth(reading.energy),
        reading.temperature,
        reading.clock,
        None if reading.throttle is None else "+".join(reading.throttle) or "none",
        reading.ecc_corrected,
        reading.ecc_uncorrected,
        None if reading.problem is None else reading.problem.replace(",", " and").replace("\n", " "),
    )
    return ",".join("" if value is None else str(value) for value in values) + "\n"


def _thousandth(value: int | None) -> str | None:
    return None if value is None else f"{value / 1000:.3f}"


def summary(table: Path) -> tuple[GpuUsage, ...]:
    """What `table` says of each device, in their order; nothing where there is no table.

    Lines that are not whole, or not of this form, are passed over.
    """
    found: dict[str, _Sum] = {}
    with suppress(OSError), table.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for row in rows(file):
            found.setdefault(row["gpu"], _Sum()).add(row)
    return tuple(total.usage(label) for label, total in found.items())


def rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The lines of a table that are whole."""
    for text in lines:
        cells = text.rstrip("\n").split(",")
        if text.endswith("\n") and len(cells) == len(COLUMNS) and cells != list(COLUMNS):
            yield dict(zip(COLUMNS, cells, strict=True))


class _Sum(msgspec.Struct):
    """One device's lines, added up."""

    samples: int = 0
    busy: list[float] = msgspec.field(default_factory=lambda: [0, 0, 0])
    power: list[float] = msgspec.field(default_factory=lambda: [0, 0, 0])
    """How many, their sum and the greatest."""
    peaks: dict[str, float] = msgspec.field(default_factory=dict)
    firsts: dict[str, float] = msgspec.field(default_factory=dict)
    lasts: dict[str, float] = msgspec.field(default_factory=dict)
    """Of the counters."""
    joules: float = 0
    """Power added up over time, for devices that do not count energy."""
    before: tuple[float, float] | None = None
    """Time and power of the last line that has both."""
    reasons: dict[str, None] = msgspec.field(default_factory=dict)
    problems: dict[str, None] = msgspec.field(default_factory=dict)

    def add(self, row: Mapping[str, str]) -> None:
        self.samples += 1
        _count(self.busy, _number(row["utilization_percent"]))
        watts = _number(row["power_watts"])
        _count(self.power, watts)
        if watts is not None and not row["energy_joules"]:
            self._integrate(_seconds(row["time"]), watts)
        for key in ("memory_bytes", "run_memory_bytes", "temperature_celsius"):
            if (value := _number(row[key])) is not None:
                self.peaks[key] = max(value, self.peaks.get(key, value))
        for key in ("energy_joules", "ecc_corrected", "ecc_uncorrected"):
            if (value := _number(row[key])) is not None:
                self.firsts.setdefault(key, value)
                self.lasts[key] = value
        if row["throttle_reasons"] not in ("", "none"):
            self.reasons.update(dict.fromkeys(row["throttle_reasons"].split("+")))
        if row["problem"]:
            self.problems.update(dict.fromkeys(row["problem"].split("; ")))

    def _integrate(self, now: float | None, watts: float) -> None:
        if now is None:
            return
        if self.before is not None:
            then, earlier = self.before
            self.joules += max(0.0, now - then) * (earlier + watts) / 2
        self.before = (now, watts)

    def usage(self, label: str) -> GpuUsage:
        energy = self._grown("energy_joules")
        if energy is None and self.power[0] > 1:
            energy = self.joules
        return GpuUsage(
            gpu=label,
            samples=self.samples,
            utilization_mean=_rounded(_mean(self.busy)),
            utilization_max=_whole(self.busy[2] if self.busy[0] else None),
            peak_memory=_whole(self.peaks.get("memory_bytes")),
            run_peak_memory=_whole(self.peaks.get("run_memory_bytes")),
            power_mean=_rounded(_mean(self.power)),
            power_max=_rounded(self.power[2] if self.power[0] else None),
            energy=_rounded(energy),
            temperature_max=_whole(self.peaks.get("temperature_celsius")),
            throttle_reasons=tuple(sorted(self.reasons)),
            ecc_corrected=_whole(self._grown("ecc_corrected")),
            ecc_uncorrected=_whole(self._grown("ecc_uncorrected")),
            problems=tuple(self.problems),
        )

    def _grown(self, key: str) -> float | None:
        """By how much a counter grew; None when it was set back meanwhile, or never told."""
        if key not in self.firsts or self.lasts[key] < self.firsts[key]:
            return None
        return self.lasts[key] - self.firsts[key]


def _count(totals: list[float], value: float | None) -> None:
    if value is not None:
        totals[0] += 1
        totals[1] += value
        totals[2] = max(totals[2], value)


def _mean(totals: list[float]) -> float | None:
    return totals[1] / totals[0] if totals[0] else None


def _number(cell: str) -> float | None:
    """A number that a device can have said: neither negative nor beyond 64 bits, as a damaged table may have."""
    # Read for every cell of tables that may have millions: `suppress` would take longer than all the rest.
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 <= value < 2**64 else None


def _seconds(cell: str) -> float | None:
    try:
        return datetime.fromisoformat(cell).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def notes(found: Iterable[GpuUsage]) -> list[str]:
    """What a reader of the result should know of its GPUs."""
    said = [
        f"GPU {usage.gpu} reported during the run: {', '.join(usage.problems)}" for usage in found if usage.problems
    ]
    said += [
        f"GPU {usage.gpu} had {usage.ecc_uncorrected} memory errors during the run that could not be corrected"
        for usage in found
        if usage.ecc_uncorrected
    ]
    return said


def missing(given: tuple[str, ...] | None, expected: int) -> str | None:
    """What is to be said of a container that has the device files `given`, where `expected` GPUs were asked for."""
    if given == ():
        return "the engine was asked for GPUs and the container has none: the training runs on the CPU"
    if given is None or "dxg" in given or len(given) >= expected:
        return None
    return f"the engine was asked for {expected} GPUs and the container has only {len(given)}"


def nodes(pid: int, *, proc: Path = Path("/proc")) -> tuple[str, ...] | None:
    """The device files of NVIDIA's that process `pid` sees under /dev, its container's; None when that can't be seen.

    `/dev/dxg` is what WSL has in their place.
    """
    try:
        names = [entry.name for entry in (proc / str(pid) / "root/dev").iterdir()]
    except OSError:
        return None
    return tuple(sorted(n for n in names if n == "dxg" or (n.startswith("nvidia") and n[6:].isdigit())))
