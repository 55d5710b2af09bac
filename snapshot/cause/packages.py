"""The platforms of two runs, apart into what can be swapped alone: packages, OS packages, the base. Pure.

Nothing is resolved anew: a hybrid has the files of one lock or of the other. What of them needs which of the others is
read from their metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from snapshot.cause.candidate import Candidate
from snapshot.lock import cuda
from snapshot.lock.document import Cuda, Lock, OsPackage, Package

T = TypeVar("T", Package, OsPackage)
Requires = Callable[[Package], Collection[str]]
"""The requirements (`Requires-Dist`) of a locked package; empty where its file can't be had."""


class Packages:
    """What differs between two locks."""

    def __init__(self, old: Lock, new: Lock, requires: Requires) -> None:
        self._old, self._new = old, new
        self._was, self._now = ({package.name: package for package in lock.packages} for lock in (old, new))
        self._os_was, self._os_now = ({package.name: package for package in lock.os_packages} for lock in (old, new))
        names = sorted(self._was.keys() | self._now.keys())
        self._changed = tuple(name for name in names if not _same(self._was.get(name), self._now.get(name)))
        self._requires = requires

    def candidates(self) -> Iterator[Candidate]:
        """One for each package that is not the same file, and one for the base with its Python."""
        needs = self._needs()
        for name in self._changed:
            text = f"{name} {_version(self._was.get(name))} → {_version(self._now.get(name))}"
            yield Candidate(key=f"package {name}", kind="package", text=text, needs=frozenset(needs[name]))
        for name in self._os_changed():
            text = f"{name} {_os_version(self._os_was.get(name))} → {_os_version(self._os_now.get(name))}"
            yield Candidate(key=f"OS package {name}", kind="OS package", text=text)
        if self._bases_differ():
            yield self._base()

    def mixed(self, chosen: Collection[str]) -> Lock:
        """The first lock with what was `chosen` from the second."""
        packages = tuple(_mixed(self._was, self._now, "package", chosen))
        system = tuple(_mixed(self._os_was, self._os_now, "OS package", chosen))
        base = self._new if "base" in chosen else self._old
        return msgspec.structs.replace(
            self._old,
            base=base.base,
            os=base.os,
            python=base.python,
            source_date_epoch=base.source_date_epoch,
            packages=packages,
            os_packages=system,
            frameworks=cuda.frameworks(packages),
            cuda=self._cuda(packages),
        )

    def _cuda(self, packages: tuple[Package, ...]) -> Cuda | None:
        """That of the lock whose packages tell of it; the driver that it expects comes with it."""
        return self._new.cuda if packages == self._new.packages else self._old.cuda

    def _os_changed(self) -> list[str]:
        names = sorted(self._os_was.keys() | self._os_now.keys())
        return [name for name in names if self._os_was.get(name) != self._os_now.get(name)]

    def _bases_differ(self) -> bool:
        old, new = self._old, self._new
        return (old.base, old.python.version) != (new.base, new.python.version)

    def _base(self) -> Candidate:
        """Wheels and OS packages are of a Python and a distribution, so with another of these all go together."""
        old, new = self._old, self._new
        parts = [
            (old.base.reference, new.base.reference),
            (f"Python {old.python.version}", f"Python {new.python.version}"),
        ]
        text = ", ".join(f"{was} → {now}" for was, now in parts if was != now) or "base"
        needs: set[str] = set()
        if old.python.version.split(".")[:2] != new.python.version.split(".")[:2]:
            needs |= {f"package {name}" for name in self._changed}
        if (old.os.id, old.os.version) != (new.os.id, new.os.version):
            needs |= {f"OS package {name}" for name in self._os_changed()}
        return Candidate(key="base", kind="base", text=text, needs=frozenset(needs))

    def _needs(self) -> dict[str, set[str]]:
        """Which of the changed packages must come with each: those whose old version it can't do with, and those that
        can't do with its new one."""
        found: dict[str, set[str]] = {name: set() for name in self._changed}
        for name in self._changed:
            for dependency, specifiers in self._demands(self._now.get(name)):
                if dependency in found and not _fits(self._was.get(dependency), specifiers):
                    found[name].add(f"package {dependency}")
        for package in self._was.values():
            for dependency, specifiers in self._demands(package):
                if dependency in found and package.name in found and not _fits(self._now.get(dependency), specifiers):
                    found[dependency].add(f"package {package.name}")
        return found

    def _demands(self, package: Package | None) -> Iterator[tuple[str, Requirement]]:
        """The locked packages that it requires, each with what of it."""
        for text in self._requires(package) if package else ():
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            name = canonicalize_name(requirement.name)
            # Extras and markers: what the resolver found to apply is what the lock names.
            if package and name in package.dependencies:
                yield name, requirement


def _mixed(was: Mapping[str, T], now: Mapping[str, T], kind: str, chosen: Collection[str]) -> Iterator[T]:
    for name in sorted(was.keys() | now.keys()):
        package = (now if f"{kind} {name}" in chosen else was).get(name)
        if package is not None:
            yield package


def _fits(package: Package | None, requirement: Requirement) -> bool:
    if package is None:
        return False
    try:
        return requirement.specifier.contains(Version(package.version), prereleases=True)
    except InvalidVersion:
        return True


def _same(old: Package | None, new: Package | None) -> bool:
    return old is not None and new is not None and (old.version, old.wheel.hashes) == (new.version, new.wheel.hashes)


def _version(package: Package | None) -> str:
    return package.version if package else "not there"


def _os_version(package: OsPackage | None) -> str:
    return package.version if package else "not there"
