"""How an export is built and trained again by plain Docker: its Dockerfile, and the two commands. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from snapshot import resources
from snapshot.document import Value
from snapshot.host.container import Mount
from snapshot.image.dockerfile import Layer, base_reference, platform
from snapshot.lock.document import Lock
from snapshot.project.names import from_text
from snapshot.record.document import Run
from snapshot.share.export.document import AGAIN, PublicData, PublicRun
from snapshot.share.kit import commands

BASE_FILES = "base/rootfs.tar.gz"
_HERE = "\0"
"""Stands for the folder of the export until a shell's `$PWD` does."""
_PWD = "'\"$PWD\"'"
_NETWORKS = ("none", "host", "bridge")


class Packages(Value, kw_only=True, frozen=True):
    """Where the package files come from, by their places in the export."""

    here: frozenset[str]
    """Those that the export has."""
    fetched: frozenset[str]
    """Those that the build fetches."""


def name(run: Run) -> str:
    """What the image is called: after the script, and the end of the run's ID."""
    word = PurePosixPath(run.command.argv[0]).stem if run.command.argv else ""
    slug = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") or "training"
    return f"{slug}-{run.id.rpartition('-')[2]}"


def build(run: Run) -> str:
    """The first command."""
    return f"docker buildx build --load -t {name(run)} ."


def repeat(run: Run, public: PublicRun) -> str:
    """The second command."""
    text = shlex.join(["docker", "run", *options(run, public, lambda data: f"{_HERE}/{from_text(data.place)}")])
    return f'{text.replace(_HERE, _PWD)} -v "$PWD/{AGAIN}:/{AGAIN}" {name(run)}'


def options(
    run: Run, public: PublicRun, place: Callable[[PublicData], str], variable: Callable[[str], str] = str
) -> Iterator[str]:
    """What the second command asks of the engine, but for the folder of the results.

    `place` says where data are, `variable` how the engine is told of a variable that is not published: by its name
    alone it passes on the caller's value.
    """
    yield from ("--rm", "--init")
    for option in commands.options(run):
        flag, _, value = option.partition("=")
        # A network that somebody has made has a name of theirs.
        if flag != "--network" or value in _NETWORKS:
            yield option
    yield from (f"--env={variable(name)}" for name in public.unset)
    for data in public.data:
        mount = Mount(source=place(data), target=from_text(data.target), read_only=not data.written)
        yield f"--mount={mount.argument()}"


def dockerfile(
    run: Run,
    lock: Lock,
    layers: tuple[Layer, ...],
    packages: Packages,
    *,
    base_environment: Mapping[str, str] | None,
    inside: bool,
    manifests: bool,
) -> str:
    """The Dockerfile; `base_environment` is that of a base that the export carries, None where FROM gets it.

    `inside` is whether the image has files of `image`, `manifests` whether there are lists of data.
    """
    base = base_reference(lock) if base_environment is None else "base"
    folders = [("debs", "debs")] if lock.os_packages else []
    folders += [(layer.context, f"wheels/{layer.context}") for layer in layers]
    return resources.render(
        "export.Dockerfile.j2",
        run=run.id,
        build=build(run),
        base=base,
        carried=base_environment is not None,
        base_environment=[f"{key}={_quoted(value)}" for key, value in (base_environment or {}).items()],
        fetched=bool(packages.fetched),
        stages=[
            {
                "name": stage,
                "folder": folder,
                "here": _has(packages.here, folder),
                "fetched": _has(packages.fetched, folder),
            }
            for stage, folder in folders
        ],
        platform=platform(lock, layers, base=base),
        python=json.dumps(lock.python.executable),
        inside=inside,
        gpus=run.request.gpus is not None,
        manifests=manifests,
    )


def _has(places: frozenset[str], folder: str) -> bool:
    return any(place.startswith(f"{folder}/") for place in places)


def _quoted(value: str) -> str:
    return json.dumps(value).replace("$", "\\$")
