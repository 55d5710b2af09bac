"""GPU, kernel, buildx, base, locks, packages, runs: facts in, findings out."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from snapshot.doctor import base, buildx, gpu, installation, locks, overlay, runs
from snapshot.doctor.base import Wanted
from snapshot.doctor.buildx import Builder
from snapshot.doctor.gpu import Graphics
from snapshot.doctor.info import Info
from snapshot.doctor.overlay import Kernel
from snapshot.finding import Finding
from snapshot.host import toolkit
from snapshot.host.nvml import Device, Driver, Gpus
from snapshot.host.toolkit import Toolkit
from snapshot.lock.document import Cuda

H100 = Device(index=0, name="H100", uuid="GPU-0", compute_capability="9.0", memory=80 * 2**30)
V100 = Device(index=1, name="V100", uuid="GPU-1", compute_capability="7.0", memory=16 * 2**30)
BOTH = Gpus(driver="580.65", cuda="13.0", devices=(H100, V100))
DOCKER = Builder("default", "docker")


def severities(found: object) -> list[str]:
    return [one.severity for one in found if isinstance(one, Finding)]  # type: ignore[attr-defined]


def answering(gpus: Gpus = BOTH) -> Driver:
    return Driver(state="ok", message="", gpus=gpus)


ABSENT = Driver(state="absent", message="no NVIDIA driver on this host", remedy="install the driver")


def test_no_gpu_is_no_fault() -> None:
    assert severities(gpu.look(Graphics(driver=ABSENT), Info(), {})) == ["note"]


def test_gpus_and_their_toolkit() -> None:
    found = list(gpu.look(Graphics(cards=2, driver=answering()), Info(runtimes=("runc", "nvidia")), {}))
    assert severities(found) == ["ok", "ok"]
    assert "2 GPUs: H100 (9.0), V100 (7.0); driver 580.65, CUDA up to 13.0" in found[0].message


def test_a_driver_in_trouble_keeps_its_words_and_its_remedy() -> None:
    driver = Driver(state="mismatch", message="of two versions", remedy="restart this host")
    (found,) = gpu.look(Graphics(driver=driver), Info(), {})
    assert (found.severity, found.message, found.remedy) == ("error", "of two versions", "restart this host")


def test_a_card_without_a_driver() -> None:
    for found in (Graphics(cards=1, driver=ABSENT), Graphics(loaded=True, driver=ABSENT)):
        assert severities(gpu.look(found, Info(), {})) == ["error"]
    none = answering(Gpus(driver="1", cuda="", devices=()))
    assert "error" in severities(gpu.look(Graphics(cards=1, driver=none), Info(runtimes=("nvidia",)), {}))


@pytest.mark.parametrize(
    ("ways", "severity"),
    [
        (Toolkit(hook=False, cdi=()), "error"),
        (Toolkit(hook=False, cdi=("nvidia.com/gpu=all",)), "ok"),
        (Toolkit(hook=True, cdi=()), "ok"),
    ],
)
def test_ways_to_give_a_gpu_to_a_container(ways: Toolkit, severity: str) -> None:
    found = gpu.way_findings(answering(), ways)
    assert severities([one for one in found if one.check == "toolkit"]) == [severity]


def test_the_engine_s_words_on_gpus_are_passed_on() -> None:
    said = Info(devices=("nvidia.com/gpu=0", "other.com/x=1"), runtimes=("nvidia",))
    elsewhere = {"DOCKER_HOST": "tcp://elsewhere:2375"}  # where no program is looked for
    found = toolkit.probe(gpu._said(said), elsewhere)
    assert (found.hook, found.cdi) == (True, ("nvidia.com/gpu=0",))
    assert toolkit.probe(gpu._said(Info()), elsewhere).cdi == ()


def test_cards_are_counted_on_the_bus(tmp_path: Path) -> None:
    for name, vendor, kind in (("a", "0x10de", "0x030200"), ("b", "0x10de", "0x040300"), ("c", "0x1002", "0x030000")):
        folder = tmp_path / "bus/pci/devices" / name
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "class").write_text(f"{kind}\n")
    assert gpu.graphics(tmp_path).cards == 1
    assert gpu.graphics(tmp_path / "none").cards == 0


@pytest.mark.parametrize(
    ("kernel", "rootless", "found"),
    [
        (Kernel(release="5.10.0-8-amd64"), False, ["error"]),
        (Kernel(release="5.11.0"), False, ["ok"]),
        (Kernel(release="strange"), False, ["ok"]),
        (Kernel(release="6.1", namespaces=0, unprivileged=0, restricted=1), False, ["ok"]),
        (Kernel(release="6.1", namespaces=0), True, ["ok", "error"]),
        (Kernel(release="6.1", namespaces=9, unprivileged=0), True, ["ok", "error"]),
        (Kernel(release="6.1", namespaces=9, unprivileged=1, restricted=1), True, ["ok", "warning"]),
    ],
)
def test_kernels(kernel: Kernel, rootless: bool, found: list[str]) -> None:
    assert severities(overlay.kernel_findings(kernel, rootless=rootless)) == found


@pytest.mark.parametrize(
    ("code", "written", "severity"),
    [
        (0, {"written": "file", "folder": "replaced"}, "ok"),
        (0, {"written": "file", "folder": "folder"}, "warning"),
        (0, {}, "error"),
        (1, {}, "error"),
        (125, {}, "error"),
        (127, {}, "note"),
    ],
)
def test_what_the_try_of_an_overlay_says(code: int, written: dict[str, str], severity: str) -> None:
    assert severities(overlay.findings(code, "words", written, rootless=False)) == [severity]


@pytest.mark.parametrize(
    ("version", "used", "current", "environment", "found"),
    [
        ("0.29", DOCKER, DOCKER, {}, ["ok"]),
        ("0.29", DOCKER, Builder("mine", "docker-container"), {"BUILDX_BUILDER": "mine"}, ["ok", "note"]),
        ("0.29", Builder("default", "remote"), DOCKER, {}, ["error"]),
        ("0.29", Builder(problem="no such builder"), DOCKER, {}, ["error"]),
        ("", Builder(), Builder(), {}, ["error"]),
    ],
)
def test_builders(
    version: str, used: Builder, current: Builder, environment: Mapping[str, str], found: list[str]
) -> None:
    assert severities(buildx.findings(version, used=used, current=current, environment=environment)) == found


def wanted(*, own: bool, here: bool) -> Wanted:
    return Wanted(reference="x:1", because="snap.lock", own=own, here=here)


@pytest.mark.parametrize(
    ("at_hand", "named", "found"),
    [
        (["3.11"], [], ["ok"]),
        ([], [], ["warning"]),
        ([], [wanted(own=True, here=True)], ["ok"]),
        (["3.11"], [wanted(own=True, here=False)], ["error", "ok"]),
        ([], [wanted(own=False, here=False)], []),
    ],
)
def test_bases(at_hand: list[str], named: list[Wanted], found: list[str]) -> None:
    assert severities(base.at_hand_or_not(at_hand, named)) == found


def test_a_framework_without_code_for_a_device() -> None:
    assert list(locks.uncovered([], BOTH, "snap.lock")) == []
    (some,) = locks.uncovered([V100], BOTH, "snap.lock")
    assert some.severity == "warning" and "--gpus device=0" in (some.remedy or "")
    (every,) = locks.uncovered([H100, V100], BOTH, "snap.lock")
    assert every.severity == "error"


def of_driver(driver: str, *architectures: str) -> list[str]:
    """What a driver and the two GPUs mean for a lock of CUDA 12.8."""
    needed = Cuda(runtime="12.8", because="x", driver_minimum="525.60.13", architectures=architectures)
    return severities(locks.of_driver(needed, msgspec.structs.replace(BOTH, driver=driver), "snap.lock"))


def test_drivers_and_devices_that_do_for_a_lock() -> None:
    assert of_driver("580.65", "sm_70", "sm_90") == ["ok"]
    assert of_driver("470.57") == ["error"]
    assert of_driver("580.65", "sm_90") == ["ok", "warning"]
    assert of_driver("580.65", "sm_120") == ["ok", "error"]


def test_locks_that_can_not_be_read_are_all_told(tmp_path: Path) -> None:
    for folder in ("", "a", "b", "a/deeper"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "snap.lock").write_text("nonsense = [")
    found = list(locks.look(tmp_path, gpus=BOTH, engine=None))
    assert severities(found) == ["error"] * 3
    assert [name for one in found for name in ("a/snap.lock", "b/snap.lock") if name in one.message] == [
        "a/snap.lock",
        "b/snap.lock",
    ]


def test_no_lock_is_no_fault(tmp_path: Path) -> None:
    assert severities(locks.look(tmp_path, gpus=None, engine=None)) == ["note"]


def test_packages_out_of_bounds() -> None:
    installed = {"pip": "27.0", "click": "8.1.7", "extra": "1"}
    needed = ["pip>=23.2,<27", "click>=8.1", "gone>=1", 'extra>=9; extra == "uv"', 'old>=1; python_version < "3"']
    found = list(installation._unfit(needed, installed.get))
    assert [one.message for one in found] == [
        "pip 27.0 is installed, and snapshot needs `<27,>=23.2`",
        "`gone`, which snapshot needs, is not installed",
    ]


def test_what_the_store_should_not_hold() -> None:
    well = runs.findings(total=2, busy=1, abandoned=[], damaged=[], left=[])
    assert [one.message for one in well] == ["2 runs, 1 of them going on"]
    bad = runs.findings(total=9, busy=0, abandoned=["a"], damaged=["b", "c"], left=[Path("d")])
    assert severities(bad) == ["warning"] * 3
