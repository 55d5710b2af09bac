"""What an engine says of itself, and what it means for runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.doctor import engine, gpu, info, overlay, proxy
from snapshot.doctor.engine import Cli
from snapshot.doctor.gpu import Graphics
from snapshot.doctor.info import Info
from snapshot.finding import Finding
from snapshot.host.nvml import Driver, Gpus

HERE = {"where": "", "hostname": "box", "kernel": "6.1"}
WELL = Info(id="a", name="box", version="28.5.2", kernel="6.1", driver="overlay2", cgroup="2", cgroup_driver="systemd")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIVER = Driver(state="ok", message="", gpus=Gpus(driver="580.65", cuda="13.0", devices=()))
KEYS = ["ID", "Name", "ServerVersion", "OperatingSystem", "KernelVersion", "Driver", "DockerRootDir", "CgroupVersion",
        "SecurityOptions", "Runtimes", "DiscoveredDevices", "CDISpecDirs", "HttpProxy", "NoProxy", "SystemTime",
        "Warnings"]  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def severities(found: list[Finding]) -> list[str]:
    return [one.severity for one in found]


def look(said: Info, **given_: str) -> list[Finding]:
    return list(engine.findings(said, **{**HERE, **given_}))


@given(anything | st.dictionaries(st.sampled_from(KEYS), anything))
def test_no_answer_of_an_engine_is_too_strange(answer: Any) -> None:
    said = info.read(answer)
    found = [*look(said), *engine.clock(said, NOON), *proxy.of_engine({"http": "http://p:1"}, said)]
    found += [*gpu.look(Graphics(driver=DRIVER), said, {}), *engine.clients(said, Cli(info=said))]
    found += overlay.kernel_findings(overlay.Kernel(release=said.kernel), rootless=said.is_secured_by("rootless"))
    assert [one for one in found if one.severity in ("warning", "error") and not one.remedy] == []


def test_what_docker_info_has_is_read() -> None:
    said = info.read(
        {"ID": "a", "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"], "HttpProxy": "http://p:1",
         "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}], "Runtimes": {"nvidia": {"path": "x"}}}
    )  # fmt: skip
    assert said.is_secured_by("rootless") and said.is_secured_by("seccomp") and not said.is_secured_by("userns")
    assert (said.devices, said.runtimes, said.proxies) == (("nvidia.com/gpu=0",), ("nvidia",), {"http": "http://p:1"})


def test_an_engine_of_this_host_is_well() -> None:
    assert severities(look(WELL)) == ["ok"]
    assert severities(look(WELL, where="tcp://127.0.0.1:2375")) == ["ok"]


@pytest.mark.parametrize(
    ("change", "where", "severity"),
    [
        ({"name": "far", "kernel": "5.15"}, "", "error"),
        ({"name": "far"}, "tcp://far:2375", "error"),
        ({"name": "far"}, "", "warning"),
        ({"name": "docker-desktop", "system": "Docker Desktop"}, "", "error"),
        ({"security": ("name=rootless",)}, "", "warning"),
        ({"security": ("name=userns",)}, "", "warning"),
        ({"driver": "vfs"}, "", "warning"),
        ({"driver": "overlayfs"}, "", "ok"),
        ({"warnings": ("WARNING: No swap limit support",)}, "", "note"),
    ],
)
def test_engines_that_runs_suffer_from(change: dict[str, Any], where: str, severity: str) -> None:
    import msgspec

    found = look(msgspec.structs.replace(WELL, **change), where=where)
    assert severities(found)[-1] == severity


def test_the_cli_reaches_the_same_engine() -> None:
    assert list(engine.clients(WELL, Cli(info=WELL, context="default"))) == []


def test_a_context_to_another_engine_is_in_the_way() -> None:
    other = Cli(info=Info(id="b"), context="colima", endpoint="unix:///home/me/.colima/docker.sock")
    for said in (WELL, None):
        (found,) = engine.clients(said, other)
        assert found.severity == "error" and "`colima`" in found.message
        assert "export DOCKER_HOST=unix:///home/me/.colima/docker.sock" in (found.remedy or "")


def test_a_cli_that_is_refused_is_in_the_way_once() -> None:
    refused = Cli(info=Info(), problem="client version 1.51 is too new")
    (found,) = engine.clients(WELL, refused)
    assert "client version 1.51 is too new" in found.message
    assert list(engine.clients(None, refused)) == []


@pytest.mark.parametrize(("seconds", "severity"), [(0, "ok"), (-59, "ok"), (61, "warning"), (-3600, "warning")])
def test_clocks_that_differ(seconds: int, severity: str) -> None:
    there = (NOON + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    (found,) = engine.clock(Info(time=there), NOON)
    assert found.severity == severity
