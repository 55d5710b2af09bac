"""Which packages of another tool's lock file hold for a base, and which of their files it installs."""

from pathlib import Path
from typing import Any

import pytest

from snapshot.errors import UsageError
from snapshot.lock import pinned, pins
from snapshot.lock.document import OperatingSystem, Package, Python, Wheel
from snapshot.lock.facts import Facts
from snapshot.project.requirements import Need, Pin, PinnedFile, Pins, Requirements

FACTS = Facts(
    python=Python(version="3.11.2", implementation="cpython", build="", executable="/usr/bin/python3", platform="x"),
    os=OperatingSystem(id="debian", version="12", name="Debian 12"),
    markers={"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux", "os_name": "posix"},
    tags=("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_17_x86_64", "py3-none-any"),
)


def file(name: str, **given: Any) -> PinnedFile:
    return PinnedFile(**{"name": name, "url": f"https://files.example/{name}", "sha256": "a" * 64, **given})


def pin(name: str, version: str = "1", **given: Any) -> Pin:
    return Pin(name=name, version=version, **given)


def names(found: tuple[Pin, ...]) -> list[str]:
    return [f"{pin.name} {pin.version}" for pin in found]


def test_without_roots_every_package_whose_marker_holds() -> None:
    given = Pins(packages=(pin("b"), pin("a"), pin("w", marker='sys_platform == "win32"')))
    assert names(pins.applicable(given, FACTS, source="x.lock")) == ["a 1", "b 1"]


def test_with_roots_what_can_be_reached() -> None:
    given = Pins(
        packages=(
            pin("a", needs=(Need(name="b"), Need(name="w", marker='sys_platform == "win32"'))),
            pin("b", needs=(Need(name="a"),), extras={"fast": (Need(name="c"),)}),
            pin("c"),
            pin("dev"),
            pin("w"),
        ),
        roots=(Need(name="a"),),
    )
    assert names(pins.applicable(given, FACTS, source="uv.lock")) == ["a 1", "b 1"]


def test_an_extra_is_followed_also_when_the_package_was_reached_before() -> None:
    given = Pins(
        packages=(
            pin("a", extras={"x": (Need(name="c"),)}),
            pin("b", needs=(Need(name="a", extras=("x",)),)),
            pin("c"),
        ),
        roots=(Need(name="a"), Need(name="b")),
    )
    assert names(pins.applicable(given, FACTS, source="uv.lock")) == ["a 1", "b 1", "c 1"]


def test_the_version_that_is_meant_is_taken() -> None:
    given = Pins(
        packages=(pin("a", "1"), pin("a", "2")),
        roots=(
            Need(name="a", version="1", marker='python_version < "3.10"'),
            Need(name="a", version="2", marker='python_version >= "3.10"'),
        ),
    )
    assert names(pins.applicable(given, FACTS, source="uv.lock")) == ["a 2"]


def test_two_versions_for_one_base_are_refused() -> None:
    with pytest.raises(UsageError, match="`a` in versions 1 and 2"):
        pins.applicable(Pins(packages=(pin("a", "1"), pin("a", "2"))), FACTS, source="pdm.lock")


def test_a_need_that_the_lock_lacks_is_refused() -> None:
    with pytest.raises(UsageError, match=r"uv\.lock needs `b` and has no such package"):
        pins.applicable(
            Pins(packages=(pin("a", needs=(Need(name="b"),)),), roots=(Need(name="a"),)), FACTS, source="uv.lock"
        )


def test_the_wheel_with_the_best_tag() -> None:
    files = (
        file("a-1-py3-none-any.whl"),
        file("a-1-cp311-cp311-manylinux_2_17_x86_64.whl"),
        file("a-1-cp311-cp311-manylinux_2_28_x86_64.whl"),
        file("a-1-cp312-cp312-manylinux_2_28_x86_64.whl"),
        file("a-1.tar.gz"),
    )
    package = pins.package_of(pin("a", files=files), FACTS)
    assert package and package.wheel.name == "a-1-cp311-cp311-manylinux_2_28_x86_64.whl" and package.sdist is None


def test_of_builds_the_newest() -> None:
    files = (file("a-1-1-py3-none-any.whl"), file("a-1-12-py3-none-any.whl"), file("a-1-2-py3-none-any.whl"))
    package = pins.package_of(pin("a", files=files), FACTS)
    assert package and package.wheel.name == "a-1-12-py3-none-any.whl"


def test_without_a_wheel_that_fits_the_source() -> None:
    files = (file("a-1-cp39-cp39-win_amd64.whl"), file("a-1.tar.gz"))
    package = pins.package_of(pin("a", files=files), FACTS)
    assert package and package.sdist and package.sdist.name == "a-1.tar.gz" and package.wheels == ()


@pytest.mark.parametrize("given", [{"url": None}, {"sha256": None}])
def test_a_file_that_nobody_says_the_place_or_the_hash_of_must_be_found(given: dict[str, None]) -> None:
    assert pins.package_of(pin("a", files=(file("a-1-py3-none-any.whl", **given),)), FACTS) is None


def wheel_of(found: Pin, host: str) -> Package:
    name = f"{found.name}-{found.version}-py3-none-any.whl"
    wheel = Wheel(name=name, url=f"https://{host}/{name}", hashes={"sha256": "a" * 64})
    return Package(name=found.name, version=found.version or "0", wheels=(wheel,))


@pytest.mark.parametrize(("ask_first", "hosts"), [(False, ["files.example", "index"]), (True, ["index", "index"])])
def test_her_own_indexes_come_before_what_the_lock_file_says(ask_first: bool, hosts: list[str]) -> None:
    given = Pins(packages=(pin("a", files=(file("a-1-py3-none-any.whl"),)), pin("b", needs=(Need(name="a"),))))
    found = pinned.packages(
        Requirements(source="pylock.toml", pins=given, folders=(Path("/x"),)),
        FACTS,
        find=lambda asked: tuple(wheel_of(found, "index") for found in asked),
        ask_first=ask_first,
    )
    assert [str(package.wheel.url).split("/")[2] for package in found] == hosts
    assert [package.dependencies for package in found] == [(), ("a",)]
