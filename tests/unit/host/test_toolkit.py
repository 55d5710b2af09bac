"""By which ways an engine can give GPUs, as `docker info` and the host tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.host.toolkit import probe

YAML = """
cdiVersion: 0.5.0
kind: nvidia.com/gpu
containerEdits:
  hooks:
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
devices:
- name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
- name: all
"""
JSON = '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "GPU-1a2b"}, {"name":"0:1"}]}'


@pytest.fixture
def nothing(tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(tmp_path)}


def test_an_engine_without_any(nothing: dict[str, str]) -> None:
    found = probe({"Runtimes": {"runc": {}}, "DiscoveredDevices": None, "CDISpecDirs": ["/nowhere"]}, nothing)
    assert (found.hook, found.cdi, found.is_here) == (False, (), True)
    assert probe({}, {**nothing, "DOCKER_HOST": ""}).is_here


def test_a_runtime_or_a_program_on_the_path_is_the_hook(nothing: dict[str, str], tmp_path: Path) -> None:
    assert probe({"Runtimes": {"runc": {}, "nvidia": {}}}, nothing).hook is True
    hook = tmp_path / "nvidia-container-runtime-hook"
    hook.touch(mode=0o755)
    assert probe({}, nothing).hook is True


def test_an_engine_elsewhere_does_not_tell_of_its_hook(nothing: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "nvidia.json").write_text(JSON)
    (tmp_path / "nvidia-container-runtime-hook").touch(mode=0o755)
    found = probe({"CDISpecDirs": [str(tmp_path)]}, {**nothing, "DOCKER_HOST": "tcp://gpu.example:2376"})
    assert (found.hook, found.cdi, found.is_here) == (None, (), False)


def test_cdi_devices_that_the_engine_lists(nothing: dict[str, str]) -> None:
    listed = [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}, {"Source": "cdi", "ID": "vendor.com/net=0"}]
    assert probe({"DiscoveredDevices": listed}, nothing).cdi == ("nvidia.com/gpu=0",)


def test_cdi_devices_that_only_the_specifications_list(nothing: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(YAML)
    (tmp_path / "b.json").write_text(JSON)
    (tmp_path / "c.json").write_text('{"kind": "vendor.com/net", "devices": [{"name": "x"}]}')
    (tmp_path / "notes.txt").write_text(YAML)
    found = probe({"CDISpecDirs": ["/nowhere", "\0", str(tmp_path)]}, nothing)
    assert found.cdi == ("nvidia.com/gpu=0", "nvidia.com/gpu=all", "nvidia.com/gpu=GPU-1a2b", "nvidia.com/gpu=0:1")
