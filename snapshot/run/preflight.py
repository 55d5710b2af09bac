"""Whether a run can have the GPUs that it asks for, found out before anything starts. Pure, and all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from snapshot.document import Value
from snapshot.finding import Finding
from snapshot.host.nvml import Driver, Gpus, Occupancy
from snapshot.host.toolkit import Toolkit
from snapshot.lock.document import Cuda
from snapshot.run import gpus as gpus_of
from snapshot.run.gpus import Unit, Way, Wish

_FULL = 0.9
"""From this share of its memory in use on a device is called nearly full."""
_FREE = 1 << 30
"""Bytes in use up to which nobody is thought to use a device: the driver itself takes some hundred MB."""


class Grant(Value, kw_only=True, frozen=True):
    """How a run gets its GPUs."""

    way: Way
    options: tuple[str, ...]
    """Of `docker run`."""
    units: tuple[Unit, ...]
    """What it gets; empty where the devices can't be seen, because the engine is elsewhere."""
    host: Gpus | None


def grant(wish: Wish, driver: Driver | None, toolkit: Toolkit) -> Grant:
    """How to give what `wish` asks for, `check` having found no error."""
    gpus = driver.gpus if driver else None
    way = gpus_of.way(wish, toolkit) or "nvidia"
    return Grant(
        way=way,
        options=gpus_of.options(wish, way, toolkit, gpus),
        units=gpus_of.chosen(wish, gpus) if gpus else (),
        host=gpus,
    )


def check(
    wish: Wish,
    driver: Driver | None,
    toolkit: Toolkit,
    cuda: Cuda | None,
    *,
    judge: Callable[[str, Cuda], Iterable[Finding]],
    covers: Callable[[Sequence[str], str], bool],
) -> tuple[Finding, ...]:
    """Everything that stands in the way of the GPUs that `wish` asks for, or that she should know.

    `driver` is None when the engine is on another host, whose driver nobody here can ask. `judge` and `covers` are
    `lock.cuda`'s: what a driver means for a lock's CUDA, and whether code built for some architectures runs on a
    device. `cuda` is None as long as there is no lock, and for a lock without CUDA.
    """
    return tuple(_findings(wish, driver, toolkit, cuda, judge, covers))


def _findings(
    wish: Wish,
    driver: Driver | None,
    toolkit: Toolkit,
    cuda: Cuda | None,
    judge: Callable[[str, Cuda], Iterable[Finding]],
    covers: Callable[[Sequence[str], str], bool],
) -> Iterator[Finding]:
    if driver is None:
        yield Finding(
            check="driver",
            severity="note",
            message="the engine is on another host: its driver and GPUs are not checked, nor watched during the run",
        )
    elif driver.gpus is None:
        yield Finding(check="driver", severity="error", message=driver.message, remedy=driver.remedy)
    else:
        if cuda and driver.gpus.driver:
            yield from (finding for finding in judge(driver.gpus.driver, cuda) if finding.severity != "ok")
        yield from _devices(wish, driver.gpus, driver.occupancy)
        if cuda:
            yield from _architectures(gpus_of.chosen(wish, driver.gpus), cuda, covers)
    yield from _ways(wish, toolkit, driver.gpus if driver else None)


def without_cuda() -> Finding:
    """What to know of a run that asks for GPUs on a lock that has nothing for them."""
    return Finding(
        check="packages",
        severity="warning",
        message="nothing in snap.lock is known to use CUDA: this run may leave its GPUs idle",
        remedy="require a build of the framework with CUDA, or leave out `--gpus`",
    )


def _ways(wish: Wish, toolkit: Toolkit, gpus: Gpus | None) -> Iterator[Finding]:
    way = gpus_of.way(wish, toolkit)
    if way is None:
        yield Finding(
            check="toolkit",
            severity="error",
            message="the engine has no way to give GPUs to a container: neither NVIDIA's runtime hook nor a CDI "
            "specification is to be seen",
            remedy="install `nvidia-container-toolkit` and restart Docker; if it is there and in another place, say "
            "`--gpus all,driver=nvidia`",
        )
    elif way == "cdi" and toolkit.is_here and not toolkit.cdi:
        yield Finding(
            check="toolkit",
            severity="error",
            message="the engine has no CDI specification of NVIDIA GPUs",
            remedy="write one with `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`; older engines "
            "need `features.cdi` in their daemon.json too",
        )
    elif way == "cdi" and toolkit.cdi:
        missing = [name for name in gpus_of.cdi_names(wish, toolkit, gpus) if name not in toolkit.cdi]
        if missing:
            yield Finding(
                check="toolkit",
                severity="error",
                message=f"the engine has no CDI device {_listed(missing)}; it has {_listed(toolkit.cdi)}",
                remedy="write the specification anew with `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`",
            )


def _devices(wish: Wish, gpus: Gpus, occupancy: Sequence[Occupancy]) -> Iterator[Finding]:
    everything = gpus_of.units(gpus)
    there = f"this host has {_titles(everything)}" if everything else "this host has no GPU"
    absent = [word for word, found in gpus_of.named(wish, gpus).items() if not found]
    if not everything:
        undivided = [device for device in gpus.devices if device.mig == ()]
        if undivided:
            yield _divide(undivided[0].index)
        else:
            yield _error("the NVIDIA driver sees no GPU", "see `nvidia-smi -L`, `lspci` and `dmesg`")
    elif absent and wish.count:
        yield _error(
            f"{wish.count} GPUs are asked for, and {there}", f"ask for no more than {len(gpus.devices)}, or for `all`"
        )
    else:
        for word in absent:
            if any(device.mig == () for device in gpus.devices if word in (str(device.index), device.uuid)):
                yield _divide(int(word) if word.isdigit() else word)
            else:
                yield _error(f"there is no GPU `{word}`: {there}", "see `nvidia-smi -L` for indices and UUIDs")
    taken = {unit.device.index: unit for unit in gpus_of.chosen(wish, gpus)}
    by_index = {state.index: state for state in occupancy}
    idle = [unit for unit in everything if unit.device.index not in taken and _is_idle(by_index.get(unit.device.index))]
    for index, unit in taken.items():
        if index in by_index:
            yield from _occupied(unit, by_index[index], idle)


def _divide(device: int | str) -> Finding:
    return _error(
        f"GPU {device} is in MIG mode and has no instance",
        f"make one with `nvidia-smi mig -i {device} -cgi 0 -C`, or leave the mode with `nvidia-smi -i {device} -mig 0`",
    )


def _is_idle(state: Occupancy | None) -> bool:
    return state is not None and not state.problem and not state.processes and (state.used or 0) < _FREE


def _occupied(unit: Unit, state: Occupancy, idle: Sequence[Unit]) -> Iterator[Finding]:
    """What is going on on a device that the run is to have."""
    other = f"take another, as with `--gpus device={idle[0].label}`" if idle else "wait until it is free"
    title, size = f"GPU {unit.device.index}", unit.device.memory
    if unit.device.name:
        title += f" ({unit.device.name})"
    if state.problem:
        yield _error(f"{title} does not answer: {state.problem}", "see `nvidia-smi` and `dmesg`; a reset may be needed")
        return
    if state.compute_mode == "prohibited":
        yield _error(
            f"{title} is closed to computing: its compute mode is prohibited",
            f"open it with `nvidia-smi -i {unit.device.index} -c DEFAULT`",
        )
    if state.processes and state.compute_mode == "exclusive":
        pids = ", ".join(map(str, state.processes[:5]))
        yield _error(f"{title} takes one process at a time, and process {pids} has it", other)
    elif unit.device.mig is None and (state.processes or (state.used or 0) >= _FREE):
        yield _warning(f"{title} is in use already: {_use(state, size)}", other)
    if state.used is not None and size and state.used >= _FULL * size:
        yield _warning(f"{title} has {_gb(size - state.used)} of memory left of {_gb(size)}", other)
    if state.ecc_errors:
        yield _warning(
            f"{title} had {state.ecc_errors} memory errors that could not be corrected since its driver was loaded",
            f"see `nvidia-smi -i {unit.device.index} -q -d ECC`",
        )


def _use(state: Occupancy, size: int | None) -> str:
    known = []
    if state.processes:
        known.append(f"process {', '.join(map(str, state.processes[:5]))}" + ", …" * (len(state.processes) > 5))
    if state.used is not None:
        known.append(f"{_gb(state.used)} of memory" + (f" of {_gb(size)}" if size else ""))
    return ", ".join(known)


def _architectures(
    units: Iterable[Unit], cuda: Cuda, covers: Callable[[Sequence[str], str], bool]
) -> Iterator[Finding]:
    for unit in {unit.device.index: unit for unit in units}.values():
        capability = unit.device.compute_capability
        if capability and not covers(cuda.architectures, capability):
            yield _error(
                f"GPU {unit.device.index} ({unit.device.name}) has compute capability {capability}, and the packages "
                f"have code for {', '.join(cuda.architectures)} only ({cuda.because})",
                "lock a version of the framework that is built for it, or take another GPU",
                check="architecture",
            )


def _titles(units: Sequence[Unit]) -> str:
    return ", ".join(unit.title for unit in units[:8]) + ", …" * (len(units) > 8)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _error(message: str, remedy: str, *, check: str = "device") -> Finding:
    return Finding(check=check, severity="error", message=message, remedy=remedy)


def _warning(message: str, remedy: str) -> Finding:
    return Finding(check="device", severity="warning", message=message, remedy=remedy)
