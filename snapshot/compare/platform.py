"""What of platform and input was not the same when a run was repeated: the likely reasons for another result. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapshot import digest
from snapshot.compare.verdict import Difference
from snapshot.host.nvml import Gpus
from snapshot.record.document import Data, Run


def differences(first: Run, second: Run) -> tuple[Difference, ...]:
    """What differs, what decides most of a result first. What neither record says can't differ."""
    # The same data may lie elsewhere on another machine; where the run saw it tells which they are.
    places = {data.target: data.path for data in (*second.data, *first.data)}
    was, now = dict(_facts(first, places)), dict(_facts(second, places))
    if _store(first) != _store(second) and was["lock"] == now["lock"]:
        # The ID is the digest of the configuration in one kind of store, of the manifest in the other.
        del was["image"], now["image"]
    names = [*was, *(name for name in now if name not in was)]
    pairs = ((name, was.get(name, "none"), now.get(name, "none")) for name in names)
    return tuple(_difference(name, old, new) for name, old, new in pairs if old != new)


def unswappable(first: Run, second: Run) -> tuple[Difference, ...]:
    """What of these is the machine's: nothing that can be asked for makes it the same."""
    machine = {name for run in (first, second) for name, _ in _machine(run)}
    return tuple(found for found in differences(first, second) if found.what in machine)


def _store(run: Run) -> bool:
    """Whether the image store was containerd's."""
    return run.host is not None and run.host.is_containerd


def _difference(name: str, old: str, new: str) -> Difference:
    if name == "CPU flags":
        # Of some two hundred, those that only one of them has.
        had, has = set(old.split()), set(new.split())
        old, new = (" ".join(sorted(only)) or "none" for only in (had - has, has - had))
    return Difference(what=name, first=old, second=new)


def _facts(run: Run, places: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "command", " ".join(run.command.argv)
    yield "directory", run.command.directory
    yield "code", digest.short(run.code.identity)
    yield from ((f"data {places[data.target]}", _identity(data)) for data in run.data)
    yield from ((f"input {taken.target}", digest.short(taken.sha256)) for taken in run.taken)
    yield "image", digest.short(run.platform.image)
    yield "lock", digest.short(run.platform.lock)
    yield from _given(run)
    yield from _machine(run)


def _given(run: Run) -> Iterator[tuple[str, str]]:
    """What was asked of the engine."""
    asked = run.request
    yield from ((f"environment {name}", value) for name, value in sorted(asked.environment.items()))
    if (given := run.determinism) is not None:
        yield "determinism", f"{given.mode}, seed {given.seed}"
        yield from ((f"environment {name}", value) for name, value in sorted(given.environment.items()))
    options = (
        ("network", asked.network or "default"),
        ("shared memory", asked.shm_size),
        ("memory limit", asked.memory),
    )
    yield from ((name, value) for name, value in options if value is not None)


def _machine(run: Run) -> Iterator[tuple[str, str]]:
    if run.host is None:
        return
    machine = run.host.machine
    yield from _gpus(run, run.host.gpus)
    yield "CPU", machine.cpu
    yield "CPU flags", " ".join(machine.cpu_flags)
    yield "threads", run.request.cpus or str(machine.cores)
    yield "architecture", machine.architecture
    yield "kernel", machine.kernel
    yield "engine", run.host.engine


def _gpus(run: Run, known: Gpus | None) -> Iterator[tuple[str, str]]:
    """The driver, which is in the way of nobody who was given no GPU, and the devices by their models."""
    if run.gpus is None:
        return
    if known is not None:
        yield "driver", known.driver
    devices = {str(device.index): device.name or "" for device in (known.devices if known else ())}
    labels = run.gpus.devices or (run.request.gpus or "",)
    yield "GPUs", ", ".join(devices.get(label.partition(":")[0]) or label for label in labels)


def _identity(data: Data) -> str:
    return digest.short(data.digest) if data.digest else "not identified"
