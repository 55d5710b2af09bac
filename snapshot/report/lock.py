"""What became different from one lock to the next, as values and as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from snapshot import digest
from snapshot.document import Value
from snapshot.lock.document import Base, Lock, Package
from snapshot.report import text


class Change(Value, kw_only=True, frozen=True):
    """One thing that is not as it was."""

    name: str
    """Of a package, or what else it is: `base`, `Python`, `CUDA`, `driver`."""
    old: str | None
    """None for what was not there."""
    new: str | None
    """None for what is gone."""
    is_ordered: bool = False
    """Whether both are versions that can be told to be newer and older (PEP 440)."""

    @property
    def word(self) -> str:
        """What happened: `added`, `gone`, `up`, `down` or `changed`."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "gone"
        return (_direction(self.old, self.new) if self.is_ordered else None) or "changed"


def changes(old: Lock | None, new: Lock) -> tuple[Change, ...]:
    """How `new` differs from `old`, the most far-reaching first; nothing where there was no lock before."""
    if old is None:
        return ()
    return (*_platform(old, new), *_packages(old, new), *_os_packages(old, new))


def table(found: Sequence[Change], *, most: int | None = None) -> str:
    """One line for each change; with `most`, that many and how many more there are. Empty when nothing changed."""
    if not found:
        return ""
    shown = found[:most]
    lines = text.table(("CHANGE", "NAME", "WAS", "IS"), [(c.word, c.name, c.old or "-", c.new or "-") for c in shown])
    rest = len(found) - len(shown)
    return lines + (f"\n… {rest:,} more" if rest else "")


def _platform(old: Lock, new: Lock) -> Iterator[Change]:
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


def _packages(old: Lock, new: Lock) -> Iterator[Change]:
    was, now = ({package.name: package for package in lock.packages} for lock in (old, new))
    for name in sorted(was.keys() | now.keys()):
        a, b = was.get(name), now.get(name)
        if a is None or b is None or a.version != b.version:
            yield Change(name=name, old=a.version if a else None, new=b.version if b else None, is_ordered=True)
        elif a.wheel.sha256 != b.wheel.sha256:
            yield Change(name=name, old=_file(a), new=_file(b))


def _file(package: Package) -> str:
    return f"{package.version} ({digest.short(package.wheel.sha256)})"


def _os_packages(old: Lock, new: Lock) -> Iterator[Change]:
    was, now = of_system(old), of_system(new)
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            # Debian's order of versions is not PEP 440's.
            yield Change(name=f"{name} (OS)", old=was.get(name), new=now.get(name))


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


def _direction(old: str, new: str) -> str | None:
    from packaging.version import InvalidVersion, Version

    try:
        was, now = Version(old), Version(new)
    except InvalidVersion:
        return None
    return "up" if now > was else "down" if now < was else None
