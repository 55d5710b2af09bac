"""What became different between two locks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.compare.lock import changes
from snapshot.lock.document import Base, Cuda, Lock, OperatingSystem, OsPackage, Package, Python, Sources, Wheel


def package(name: str, version: str, sha256: str = "0" * 64) -> Package:
    return Package(
        name=name,
        version=version,
        wheels=(Wheel(name=f"{name}-{version}-py3-none-any.whl", hashes={"sha256": sha256}),),
    )


def os_package(name: str, version: str, architecture: str = "amd64") -> OsPackage:
    return OsPackage(name=name, version=version, architecture=architecture, size=1, sha256="0" * 64, url="https://x/y")


def lock(*packages: tuple[str, str], **more: Any) -> Lock:
    made = Lock(
        source_date_epoch=1783764997,
        sources=Sources(requirements=(), base="b (chosen)", python="3.11 (base)", resolver="none"),
        base=Base(reference="base:12", layers=("sha256:" + "a" * 64,), os="linux", architecture="amd64"),
        os=OperatingSystem(
            id="debian", version="12", name="Debian 12", packages=("libc6 2.36-9 amd64 sha256:00", "tzdata 2024a all")
        ),
        python=Python(
            version="3.11.2", implementation="cpython", build="", executable="/usr/bin/python3", platform="x"
        ),
        packages=tuple(package(*pair) for pair in packages),
    )
    return msgspec.structs.replace(made, **more)


def told(old: Lock, new: Lock) -> list[tuple[str, str, str | None, str | None]]:
    return [(change.word, change.name, change.old, change.new) for change in changes(old, new)]


def test_packages_go_up_and_down_come_and_go() -> None:
    old = lock(("numpy", "2.9.0"), ("scipy", "1.17"), ("six", "1.17.0"), ("torch", "2.4.1"))
    new = lock(("joblib", "1.4"), ("numpy", "2.10.0"), ("scipy", "1.16.3"), ("torch", "2.4.1"))
    assert told(old, new) == [
        ("added", "joblib", None, "1.4"),
        ("up", "numpy", "2.9.0", "2.10.0"),
        ("down", "scipy", "1.17", "1.16.3"),
        ("gone", "six", "1.17.0", None),
    ]
    assert changes(old, old) == ()


def test_the_platform_comes_first() -> None:
    old = lock(("numpy", "1.0"), cuda=Cuda(runtime="12.9", because="x", driver_minimum="525.60.13"))
    new = lock(
        ("numpy", "2.0"),
        cuda=Cuda(runtime="13.0", because="x", driver_minimum="580.65.06"),
        base=msgspec.structs.replace(old.base, reference="base:13"),
        python=msgspec.structs.replace(old.python, version="3.13.5"),
        import_roots=("src",),
    )
    assert told(old, new) == [
        ("changed", "base", "base:12", "base:13"),
        ("up", "Python", "3.11.2", "3.13.5"),
        ("up", "CUDA", "12.9", "13.0"),
        ("up", "driver", "525.60.13", "580.65.06"),
        ("added", "import path", None, "src"),
        ("up", "numpy", "1.0", "2.0"),
    ]
    assert told(new, old)[2:5] == [
        ("down", "CUDA", "13.0", "12.9"),
        ("down", "driver", "580.65.06", "525.60.13"),
        ("gone", "import path", "src", None),
    ]


def test_a_cuda_more() -> None:
    new = lock(cuda=Cuda(runtime="12.9", because="x", driver_minimum="525.60.13"))
    assert told(lock(), new) == [("added", "CUDA", None, "12.9"), ("added", "driver", None, "525.60.13")]


def test_the_same_name_with_other_content_is_told_by_the_content() -> None:
    old = lock(("torch", "2.0"))
    new = lock(
        base=msgspec.structs.replace(old.base, layers=("sha256:" + "b" * 64,)),
        packages=(package("torch", "2.0", "1" * 64),),
    )
    assert told(old, new) == [
        ("changed", "base", f"base:12 ({'a' * 12})", f"base:12 ({'b' * 12})"),
        ("changed", "torch", f"2.0 ({'0' * 12})", f"2.0 ({'1' * 12})"),
    ]


def test_os_packages_of_the_base_and_on_top_of_it() -> None:
    old = lock(os_packages=(os_package("libgomp1", "12.2"),))
    new = lock(
        os=msgspec.structs.replace(old.os, packages=("libc6 2.41-12 amd64", "nonsense")),
        os_packages=(os_package("zlib1g", "1.2"), os_package("zlib1g", "1.2", "i386")),
    )
    assert told(old, new) == [
        ("changed", "libc6 (OS)", "2.36-9", "2.41-12"),
        ("gone", "libgomp1 (OS)", "12.2", None),
        ("gone", "tzdata (OS)", "2024a", None),
        ("added", "zlib1g:amd64 (OS)", None, "1.2"),
        ("added", "zlib1g:i386 (OS)", None, "1.2"),
    ]


def test_an_os_package_that_replaces_that_of_the_base() -> None:
    assert told(lock(), lock(os_packages=(os_package("libc6", "2.36-10"),))) == [
        ("changed", "libc6 (OS)", "2.36-9", "2.36-10")
    ]


def test_a_first_lock_has_nothing_to_differ_from() -> None:
    assert changes(None, lock(("numpy", "1.0"))) == ()


@pytest.mark.parametrize(("old", "new"), [("1.0", "1.0.0"), ("banana", "1.0")])
def test_versions_that_are_neither_newer_nor_older(old: str, new: str) -> None:
    assert told(lock(("x", old)), lock(("x", new))) == [("changed", "x", old, new)]


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2"])),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2"])),
)
def test_each_difference_is_told_once(old: dict[str, str], new: dict[str, str]) -> None:
    found = changes(lock(*old.items()), lock(*new.items()))
    assert {(c.name, c.old, c.new) for c in found} == {
        (name, old.get(name), new.get(name)) for name in old | new if old.get(name) != new.get(name)
    }
    assert len(found) == len({c.name for c in found})
