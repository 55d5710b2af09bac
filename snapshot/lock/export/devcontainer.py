"""`devcontainer.json` (https://containers.dev/implementors/json_reference/): an editor that works in the image."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from snapshot.lock.document import Lock

_WORKSPACE = "/workspace"
"""Where a run sees the project, too."""
_USER = "dev"
_ADD_USER = (
    f"groupadd --non-unique --gid %s {_USER} && "
    f"useradd --non-unique --uid %s --gid {_USER} --create-home --shell /bin/bash {_USER}"
)
"""Whoever opens the editor, by her own numbers, so that files that she writes are hers; the image has root alone."""


def dumps(lock: Lock, *, root: Path) -> str:
    """The dev container of the project in `root`. Its image is built of the lock as it then is, whenever it starts."""
    image = f"snap-dev:{_slug(root.name)}"
    found: dict[str, Any] = {
        "name": root.name,
        "initializeCommand": _build(image),
        "image": image,
        "workspaceMount": f"source=${{localWorkspaceFolder}},target={_WORKSPACE},type=bind",
        "workspaceFolder": _WORKSPACE,
        "remoteUser": _USER,
        "updateRemoteUserUID": False,
        "init": True,
        # The host's shared memory: Docker's own 64 MB break every data loader.
        "runArgs": ["--ipc=host"],
    }
    if lock.import_roots:
        roots = [str(PurePosixPath(_WORKSPACE) / folder) for folder in lock.import_roots]
        found["containerEnv"] = {"PYTHONPATH": ":".join(roots)}
    if lock.cuda:
        found["hostRequirements"] = {"gpu": "optional"}
    found["customizations"] = {"vscode": _vscode(lock)}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _build(image: str) -> str:
    """What makes `image`, in a shell of the host."""
    platform = f"{image}-platform"
    dockerfile = rf"FROM {platform}\nUSER root\nRUN {_ADD_USER}\n"
    return (
        f'snap build --tag {platform} && printf \'{dockerfile}\' "$(id -g)" "$(id -u)" | docker build --tag {image} -'
    )


def _vscode(lock: Lock) -> dict[str, Any]:
    extensions = ["ms-python.python"]
    if any(package.name == "ipykernel" for package in lock.packages):
        extensions.append("ms-toolsai.jupyter")
    return {"extensions": extensions, "settings": {"python.defaultInterpreterPath": lock.python.executable}}


def _slug(name: str) -> str:
    """A folder's name as the tag of an image can have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100] or "project"
