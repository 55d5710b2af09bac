"""The platform of a run as layers, the program on top and the hardware at the bottom. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from snapshot.document import Value
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.report import text


class Layer(Value, kw_only=True, frozen=True):
    """One layer."""

    name: str
    says: str
    items: tuple[str, ...] = ()
    """All that it has, where that is more."""
    thing: str = "package"
    """What these are."""
    is_inside: bool
    """Whether it is in the image, which is the same on every machine."""


def stack(run: Run, lock: Lock | None) -> tuple[Layer, ...]:
    """From the top to the bottom."""
    return (*_image(run, lock), *_host(run))


def _image(run: Run, lock: Lock | None) -> Iterator[Layer]:
    if lock and lock.frameworks:
        said = ", ".join(f"{name} {version}" for name, version in lock.frameworks.items())
        yield Layer(name="framework", says=said, is_inside=True)
    if lock and lock.packages:
        needed = {name for package in lock.packages for name in package.dependencies}
        # What nothing else needs is what the project asked for.
        asked = [f"{p.name} {p.version}" for p in lock.packages if p.name not in needed]
        every = tuple(f"{p.name} {p.version}" for p in lock.packages)
        said = ", ".join(asked) or text.count(len(every), "package")
        yield Layer(name="packages", says=said, items=every, is_inside=True)
    yield Layer(name="Python", says=run.platform.python, is_inside=True)
    if lock and (cuda := lock.cuda):
        known = [f"{name} {version}" for name, version in (("cuDNN", cuda.cudnn), ("NCCL", cuda.nccl)) if version]
        expects = f"expects driver {cuda.driver_minimum} or newer"
        yield Layer(name="CUDA", says=", ".join([cuda.runtime, *known, expects]), is_inside=True)
    if lock and lock.os_packages:
        asked = [f"{p.name} {p.version}" for p in lock.os_packages if p.asked]
        every = tuple(f"{p.name} {p.version}" for p in lock.os_packages)
        yield Layer(name="OS packages", says=", ".join(asked), items=every, is_inside=True)
    base = run.platform.base + (f"@{run.platform.base_digest}" if run.platform.base_digest else "")
    yield Layer(name="base", says=f"{lock.os.name}: {base}" if lock else base, is_inside=True)


def _host(run: Run) -> Iterator[Layer]:
    if run.host is None:
        return
    host, machine = run.host, run.host.machine
    yield Layer(name="engine", says=f"Docker {host.engine}, {host.store}", is_inside=False)
    if host.gpus:
        yield Layer(name="driver", says=f"NVIDIA {host.gpus.driver}, CUDA up to {host.gpus.cuda}", is_inside=False)
    yield Layer(name="kernel", says=f"Linux {machine.kernel}, {machine.system}", is_inside=False)
    known = host.gpus.devices if host.gpus else ()
    gpus = [f"GPU {d.index}: {d.name or '?'}" + (f", {text.size(d.memory)}" if d.memory else "") for d in known]
    cpu = f"{machine.cpu}, {text.count(machine.cores, 'core')}, {text.size(machine.memory)}"
    yield Layer(
        name="hardware", says="; ".join([cpu, *gpus]), items=machine.cpu_flags, thing="CPU flag", is_inside=False
    )
