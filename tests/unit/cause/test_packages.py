"""Locks apart, what must go together, and hybrids."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from snapshot.cause.candidate import closed
from snapshot.cause.packages import Packages
from snapshot.lock.document import Lock, OsPackage, Package, Wheel
from tests.unit.share.kits import a_lock


def package(name: str, version: str, *dependencies: str) -> Package:
    file = f"{name}-{version}-py3-none-any.whl"
    hashes = {"sha256": hashlib.sha256(file.encode()).hexdigest()}
    return Package(name=name, version=version, dependencies=dependencies, wheels=(Wheel(name=file, hashes=hashes),))


def lock(*packages: Package, **changes: Any) -> Lock:
    return msgspec.structs.replace(a_lock(), packages=tuple(sorted(packages, key=lambda p: p.name)), **changes)


def made(old: Lock, new: Lock, **requires: str) -> Packages:
    """`requires` are the requirements of packages, by name and major version, as in `pandas_2`."""
    return Packages(old, new, lambda p: requires.get(f"{p.name}_{p.version.split('.')[0]}", "").split(";"))


def test_versions_that_changed_that_came_and_that_went() -> None:
    old = lock(package("numpy", "1.26"), package("same", "1"), package("gone", "3"))
    new = lock(package("numpy", "2.0"), package("same", "1"), package("new", "4"))
    found = made(old, new)
    assert {candidate.key: candidate.text for candidate in found.candidates()} == {
        "package gone": "gone 3 → not there",
        "package new": "new not there → 4",
        "package numpy": "numpy 1.26 → 2.0",
    }
    assert found.mixed(()).digest == old.digest
    keys = [candidate.key for candidate in found.candidates()]
    assert found.mixed(keys).digest == new.digest
    assert [p.version for p in found.mixed({"package numpy"}).packages] == ["3", "2.0", "1"]


def test_what_can_not_do_without_the_other_goes_with_it() -> None:
    old = lock(package("numpy", "1.26"), package("pandas", "1.5", "numpy"), package("free", "1"))
    new = lock(package("numpy", "2.0"), package("pandas", "2.2", "numpy"), package("free", "2"))
    found = made(old, new, pandas_1="numpy<2", pandas_2="numpy>=1.20")
    candidates = {candidate.key: candidate for candidate in found.candidates()}
    # The new pandas can do with the old numpy; the old pandas not with the new one.
    assert closed(["package pandas"], candidates) == {"package pandas"}
    assert closed(["package numpy"], candidates) == {"package numpy", "package pandas"}
    assert closed(["package free"], candidates) == {"package free"}


def test_what_a_new_package_needs_comes_along_and_what_needs_one_that_goes_goes() -> None:
    old = lock(package("torch", "1.0", "typing"), package("typing", "3"))
    new = lock(package("torch", "2.0", "sympy"), package("sympy", "1"))
    found = made(old, new, torch_1="typing", torch_2="sympy>=1")
    candidates = {candidate.key: candidate for candidate in found.candidates()}
    assert closed(["package torch"], candidates) == {"package torch", "package sympy"}
    assert closed(["package typing"], candidates) == {"package typing", "package torch", "package sympy"}
    assert closed(["package sympy"], candidates) == {"package sympy"}


def test_another_python_takes_all_packages_along() -> None:
    old = lock(package("a", "1"), package("b", "1"))
    new = lock(package("a", "2"), package("b", "1"))
    new = msgspec.structs.replace(new, python=msgspec.structs.replace(new.python, version="3.12.1"))
    found = made(old, new)
    (base,) = [candidate for candidate in found.candidates() if candidate.kind == "base"]
    assert (base.text, base.needs) == ("Python 3.11.2 → Python 3.12.1", {"package a"})
    assert found.mixed({"base", "package a"}).digest == new.digest


def test_os_packages() -> None:
    def system(version: str) -> OsPackage:
        return OsPackage(
            name="tree", version=version, architecture="amd64", size=1, sha256=version * 64, url="http://x"
        )

    old, new = lock(os_packages=(system("1"),)), lock(os_packages=(system("2"),))
    found = made(old, new)
    (only,) = found.candidates()
    assert (only.key, only.text) == ("OS package tree", "tree 1 → 2")
    assert found.mixed({only.key}).os_packages == new.os_packages


def test_requirements_that_nobody_understands_are_none() -> None:
    old, new = (
        lock(package("a", "1", "b"), package("b", "1")),
        lock(package("a", "2", "b"), package("b", "odd version")),
    )
    found = made(old, new, a_1="b (???)", a_2="b>=1;!!")
    assert [candidate.needs for candidate in found.candidates()] == [frozenset(), frozenset()]
