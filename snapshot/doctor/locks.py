"""Every `snap.lock` in sight, against the project, the driver and the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from snapshot.doctor.checks import error, note, of_error, ok, warning
from snapshot.doctor.gpu import name_of
from snapshot.errors import SnapshotError
from snapshot.finding import Finding
from snapshot.host.engine import Engine
from snapshot.host.nvml import Device, Gpus
from snapshot.lock import cuda, document
from snapshot.lock.document import Cuda, Lock
from snapshot.lock.wanted import is_current, settings_of
from snapshot.project import config

CHECK = "lock"


def in_sight(root: Path) -> list[Path]:
    """The lock of the project and those of the folders in it, one level down."""
    found = [root / document.FILE_NAME, *sorted(root.glob(f"*/{document.FILE_NAME}"))]
    return [path for path in found if path.exists()]


def look(root: Path, *, gpus: Gpus | None, engine: Engine | None) -> Iterator[Finding]:
    """All locks; one that can't be read is no reason not to look at the next."""
    paths = in_sight(root)
    if not paths:
        yield note(CHECK, f"no `{document.FILE_NAME}` in sight; `snap run` and `snap lock` make one")
    for path in paths:
        yield from _one(path, str(path.relative_to(root)), gpus, engine)


def _one(path: Path, name: str, gpus: Gpus | None, engine: Engine | None) -> Iterator[Finding]:
    try:
        lock = document.read(path)
    except SnapshotError as problem:
        told = problem.message if name in problem.message else f"{name}: {problem.message}"
        yield error(CHECK, told, problem.hint or document.REMEDY)
        return
    if lock is None:
        return
    yield _currency(path.parent, name)
    if gpus and lock.cuda:
        yield from of_driver(lock.cuda, gpus, name)
    if engine:
        yield from _image(lock, engine, name)


def _currency(folder: Path, name: str) -> Finding:
    try:
        reason = is_current(folder, settings_of(config.load(folder)))
    except SnapshotError as problem:
        return of_error(CHECK, problem)
    if reason:
        return warning(CHECK, f"{name} is not up to date: {reason}", "run `snap lock`; `snap run` does it by itself")
    return ok(CHECK, f"{name} says what its project asks for")


def of_driver(needed: Cuda, gpus: Gpus, name: str) -> Iterator[Finding]:
    """What the driver and the devices of this host mean for the CUDA of a lock."""
    for finding in cuda.driver_findings(gpus.driver, needed):
        yield Finding(
            check=CHECK, severity=finding.severity, message=f"{name}: {finding.message}", remedy=finding.remedy
        )
    built = needed.architectures
    # Of a device that does not tell its capability nothing is said.
    missed = [d for d in gpus.devices if d.compute_capability and not cuda.covers(built, d.compute_capability)]
    yield from uncovered(missed, gpus, name)


def uncovered(devices: list[Device], gpus: Gpus, name: str) -> Iterator[Finding]:
    """What it means that the lock's framework has no code for `devices`."""
    if not devices:
        return
    said = ", ".join(dict.fromkeys(map(name_of, devices)))
    message = f"{name}: the framework has no code for {said}"
    if len(devices) == len(gpus.devices):
        yield error(CHECK, message, "lock a version of the framework that was built for this GPU")
    else:
        others = ",".join(str(d.index) for d in gpus.devices if d not in devices)
        yield warning(CHECK, message, f"run on the others: `snap run --gpus device={others}`")


def _image(lock: Lock, engine: Engine, name: str) -> Iterator[Finding]:
    from snapshot.image.build import present

    if present(engine, lock) is None:
        yield note(CHECK, f"the image of {name} is not built yet; `snap build` and `snap run` build it")
    else:
        yield ok(CHECK, f"the image of {name} is here")
