"""The commands of a kit's README: plain Docker builds the image, and repeats the run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from snapshot.host.container import Mount
from snapshot.image import bases
from snapshot.image.dockerfile import Layer, image_reference
from snapshot.lock.document import Lock
from snapshot.project.names import from_text
from snapshot.record.document import Run
from snapshot.run.command import recorded
from snapshot.share.bundle import LIBRARY, runner
from snapshot.share.kit.document import BASE, DATA

WORKSPACE = "/workspace"
COPY = "rerun"
"""Where the README repeats the run: beside the code, which stays as it is."""
_HERE = "\0"
"""Stands for the folder of the kit until a shell's `$PWD` does."""
_SHARED_MEMORY = "2g"
"""Docker's own 64 MB break every data loader."""


def build(lock: Lock, layers: Sequence[Layer]) -> str:
    """Build the image of `lock`, of the parts in the kit."""
    named = {**bases.contexts(lock, bases.archived_reference(lock)), "tools": "tools"}
    if lock.os_packages:
        named["debs"] = "debs"
    named |= {layer.context: f"wheels/{layer.context}" for layer in layers}
    words = ["docker", "buildx", "build"]
    words += [word for name, place in named.items() for word in ("--build-context", f"{name}={place}")]
    words += ["--build-arg", f"SOURCE_DATE_EPOCH={lock.source_date_epoch}", "--provenance=false"]
    words += ["--output", f"type=image,name={image_reference(lock)},compression=uncompressed", "-"]
    return f"{shlex.join(words)} < Dockerfile"


def load() -> str:
    """Give the base to the engine."""
    return f"tar -C {BASE} -c . | docker load"


def repeat(run: Run, lock: Lock) -> str:
    """Repeat the run on a copy of its code."""
    words = ["docker", "run", "--rm", "--init", "--entrypoint="]
    words += [f"--workdir={PurePosixPath(WORKSPACE) / from_text(run.command.directory)}", *options(run)]
    words += [f"--env={key}={value}" for key, value in _environment(run, lock).items()]
    words += [f"--mount={mount.argument()}" for mount in _mounts(run)]
    command = recorded(run.command).in_container(lock.python.executable, f"/{LIBRARY}")
    text = shlex.join([*words, image_reference(lock), *command]).replace(_HERE, "'\"$PWD\"'")
    return text.replace("--entrypoint=", '--entrypoint= --user "$(id -u):$(id -g)"', 1)


def options(run: Run) -> Iterator[str]:
    """What was asked of the engine, as options of `docker run`."""
    request = run.request
    yield f"--shm-size={request.shm_size or _SHARED_MEMORY}"
    if request.gpus:
        yield "--gpus=all"
    for flag, value in (("network", request.network), ("memory", request.memory), ("cpus", request.cpus)):
        if value is not None:
            yield f"--{flag}={value}"


def _environment(run: Run, lock: Lock) -> dict[str, str]:
    """As `snap run` gives it (snapshot/run/draft.py), but for what is about that one run."""
    given = dict(run.request.environment)
    if lock.import_roots:
        roots = [str(PurePosixPath(WORKSPACE) / root) for root in lock.import_roots]
        given["PYTHONPATH"] = ":".join([*filter(None, [given.get("PYTHONPATH")]), *roots])
    ours = {"HOME": "/tmp", "USER": "snap", "LOGNAME": "snap", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**ours, **given}


def _mounts(run: Run) -> Iterator[Mount]:
    yield Mount(source=f"{_HERE}/{COPY}", target=WORKSPACE)
    for entry in runner(run):
        yield Mount(source=f"{_HERE}/{entry.path}", target=f"/{entry.path}", read_only=True)
    for data in run.data:
        target = from_text(data.target)
        yield Mount(source=f"{_HERE}/{place_of_data(target)}", target=target, read_only=True)


def place_of_data(target: str) -> str:
    """Where in the kit the data are that the run saw at `target`."""
    return f"{DATA}{target}"
