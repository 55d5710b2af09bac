"""The configuration of a run's image: what `docker run REF` does, on a machine that never heard of `snap`. Pure."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from snapshot.lock.document import Lock
from snapshot.project.names import from_text
from snapshot.record.document import Run
from snapshot.resources import package_dir
from snapshot.run import determinism, outside, trace
from snapshot.run.command import recorded
from snapshot.run.draft import variables
from snapshot.share.bundle import CODE, LIBRARY, runner
from snapshot.share.entry import Entry
from snapshot.share.oci.layer import Layer

_INITS = ("tini", "dumb-init", "docker-init")
"""What a base may have as its entry point without changing what runs: an init, which passes signals on."""
_LOG = ("__init__.py", "run/__init__.py", "run/inside/__init__.py", "run/inside/metrics.py")
"""What `snapshot.log` in a training is."""
_SEEDS = ("run/inside/determined.py",)


def configuration(platform: bytes, run: Run, lock: Lock, layers: Sequence[Layer], labels: Mapping[str, str]) -> bytes:
    """The platform's own configuration with `layers` on top, changed to repeat `run`; equal runs are equal bytes."""
    found: dict[str, Any] = json.loads(platform)
    config = found.get("config") or {}
    config.pop("OnBuild", None)
    added = variables(run, lock.import_roots, gpus=run.request.gpus is not None)
    kept = [item for item in config.get("Env") or () if item.partition("=")[0] not in added]
    config |= {
        "User": "",
        "WorkingDir": str(PurePosixPath(outside.WORKSPACE) / from_text(run.command.directory)),
        "Cmd": list(recorded(run.command).in_container(lock.python.executable, f"/{LIBRARY}")),
        "Env": [*kept, *(f"{key}={value}" for key, value in added.items())],
        "Labels": {**(config.get("Labels") or {}), **labels},
    }
    entry = config.get("Entrypoint") or []
    if not entry or posixpath.basename(entry[0]) not in _INITS:
        config["Entrypoint"] = None
    history = [*(found.get("history") or ()), *({"created_by": f"snap push: {layer.role}"} for layer in layers)]
    found |= {"created": labels["org.opencontainers.image.created"], "config": config, "history": history}
    found["rootfs"]["diff_ids"] += [layer.diff_id for layer in layers]
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def surroundings(run: Run, lock: Lock) -> Iterator[Entry]:
    """What a run finds in its container beside the project: `snapshot.log`, what runs a notebook, and the project's
    path on its host."""
    seeded = run.determinism is not None
    for name in (*_LOG, *(_SEEDS if seeded else ())):
        yield Entry(path=f"{LIBRARY}/snapshot/{name}", source=package_dir() / name)
    yield from runner(run)
    lines = f"/{LIBRARY}\n" + (determinism.start(f"/{LIBRARY}") if seeded else "")
    yield Entry(path=f"{trace.site(lock.python)[1:]}/snapshot-log.pth", source=lines.encode())
    project = from_text(run.project)
    if outside.needs_project_path(recorded(run.command).arguments, Path(project)) and not outside.hides_platform(
        project
    ):
        yield Entry(path=posixpath.normpath(project)[1:], link=outside.WORKSPACE)


def workspace() -> Entry:
    """The folder of the code: whoever runs the image may write there."""
    return Entry(path=CODE, is_folder=True, mode=0o1777)
