"""`devcontainer.json`; its properties are those of https://containers.dev/implementors/json_reference/."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.lock.document import Cuda, Lock
from snapshot.lock.export import export


def exported(lock: Lock, root: str = "/home/ann/Digits") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(export(lock, "devcontainer", root=Path(root)))
    return found


def test_the_project_is_where_a_run_sees_it_and_files_are_hers(lock: Lock) -> None:
    found = exported(lock)
    assert (found["name"], found["image"]) == ("Digits", "snap-dev:digits")
    assert found["workspaceMount"] == "source=${localWorkspaceFolder},target=/workspace,type=bind"
    assert (found["workspaceFolder"], found["remoteUser"], found["updateRemoteUserUID"]) == ("/workspace", "dev", False)
    settings = found["customizations"]["vscode"]["settings"]
    assert settings == {"python.defaultInterpreterPath": "/usr/bin/python3"}


def test_the_image_is_built_of_the_lock_before_it_starts(lock: Lock) -> None:
    words = shlex.split(exported(lock)["initializeCommand"])
    assert words[:4] == ["snap", "build", "--tag", "snap-dev:digits-platform"]
    assert words[words.index("docker") :] == ["docker", "build", "--tag", "snap-dev:digits", "-"]
    assert words[words.index("printf") + 1].startswith("FROM snap-dev:digits-platform\\n")


def test_gpus_and_import_roots_and_notebooks_where_the_lock_has_them(lock: Lock) -> None:
    assert {"hostRequirements", "containerEnv"} & exported(lock).keys() == set()
    assert exported(lock)["customizations"]["vscode"]["extensions"] == ["ms-python.python"]
    kernel = msgspec.structs.replace(lock.packages[0], name="ipykernel")
    cuda = Cuda(runtime="13.0", because="x", driver_minimum="580")
    more = msgspec.structs.replace(lock, cuda=cuda, import_roots=("src", "lib"), packages=(kernel,))
    found = exported(more)
    assert found["hostRequirements"] == {"gpu": "optional"}
    assert found["containerEnv"] == {"PYTHONPATH": "/workspace/src:/workspace/lib"}
    assert found["customizations"]["vscode"]["extensions"] == ["ms-python.python", "ms-toolsai.jupyter"]


@pytest.mark.parametrize(
    ("folder", "image"),
    [
        ("/x/My Project (2)", "my-project-2"),
        ("/x/$(reboot)';`x`", "reboot-x"),
        ("/x/数据", "project"),
        ("/", "project"),
    ],
)
def test_any_name_of_a_folder_makes_a_tag(lock: Lock, folder: str, image: str) -> None:
    found = exported(lock, folder)
    assert found["image"] == f"snap-dev:{image}"
    assert found["initializeCommand"].endswith(f"docker build --tag snap-dev:{image} -")


def test_equal_locks_are_equal_bytes(lock: Lock) -> None:
    assert export(lock, "devcontainer", root=Path("/a/p")) == export(lock, "devcontainer", root=Path("/b/p"))
