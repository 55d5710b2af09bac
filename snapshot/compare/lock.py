"""What became different from one lock to the next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapshot import digest
from snapshot.compare.change import Change, of_mappings
from snapshot.lock.document import Base, Lock, Package


def changes(old: Lock | None, new: Lock) -> tuple[Change, ...]:
    """How `new` differs from `old`, the most far-reaching first; nothing where there was no lock before."""
    if old is None:
        return ()
    return (*of_platform(old, new), *of_packages(old, new), *of_os_packages(old, new))


def of_platform(old: Lock, new: Lock) -> Iterator[Change]:
    """Of base, Python, CUDA, the driver that it needs, and the import path."""
    if old.base != new.base:
        yield Change(name="base", old=_base(old.base, new.base), new=_base(new.base, old.base))
    pairs = {
        "Python": (old.python.version, new.python.version),
        "CUDA": tuple(lock.cuda.runtime if lock.cuda else None for lock in (old, new)),
        "driver": tuple(lock.cuda.driver_minimum if lock.cuda else None for lock in (old, new)),
    }
    for name, (was, now) in pairs.items():
        if was != now:
            yield Change(name=name, old=was, new=now, is_ordered=True)
    roots = tuple(", ".join(lock.import_roots) or None for lock in (old, new))
    if roots[0] != roots[1]:
        yield Change(name="import path", old=roots[0], new=roots[1])


def _base(base: Base, other: Base) -> str:
    """What tells `base` from `other`: the name, and where that is the same the content."""
    return base.reference if base.reference != other.reference else f"{base.reference} ({_content(base)})"


def _content(base: Base) -> str:
    return digest.short(base.digest or base.layers[-1])


def of_packages(old: Lock, new: Lock) -> Iterator[Change]:
    """Of the Python packages: versions, and files of the same version."""
    was, now = ({package.name: package for package in lock.packages} for lock in (old, new))
    for name in sorted(was.keys() | now.keys()):
        a, b = was.get(name), now.get(name)
        if a is None or b is None or a.version != b.version:
            yield Change(name=name, old=a.version if a else None, new=b.version if b else None, is_ordered=True)
        elif a.wheel.sha256 != b.wheel.sha256:
            yield Change(name=name, old=_file(a), new=_file(b))


def _file(package: Package) -> str:
    return f"{package.version} ({digest.short(package.wheel.sha256)})"


def of_os_packages(old: Lock, new: Lock) -> Iterator[Change]:
    """Of the packages of the operating system."""
    for change in of_mappings(of_system(old), of_system(new)):
        # Debian's order of versions is not PEP 440's.
        yield Change(name=f"{change.name} (OS)", old=change.old, new=change.new)


def of_system(lock: Lock) -> Mapping[str, str]:
    """Version of every OS package, of the base and on top of it, by name; of several architectures each."""
    listed = [tuple(line.split(" ")[:3]) for line in lock.os.packages if line.count(" ") >= 2]
    listed += [(package.name, package.version, package.architecture) for package in lock.os_packages]
    versions = {(name, architecture): version for name, version, architecture in listed}
    names = [name for name, _ in versions]
    return {
        name if names.count(name) == 1 else f"{name}:{architecture}": version
        for (name, architecture), version in versions.items()
    }
