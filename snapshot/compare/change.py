"""One thing that is not as it was."""

from __future__ import annotations

from collections.abc import Mapping

from snapshot.document import Value


class Change(Value, kw_only=True, frozen=True):
    """One thing that is not as it was, or not the same in two runs."""

    name: str
    """Of a package, a parameter, a path, or what else it is: `base`, `Python`, `CUDA`, `driver`."""
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


class Section(Value, kw_only=True, frozen=True):
    """Differences of one kind."""

    name: str
    """command, arguments, options, environment, platform, packages, OS packages, GPUs, host, inputs, outcome or
    outputs."""
    changes: tuple[Change, ...]


class Unknown(Value, kw_only=True, frozen=True):
    """Something of which nobody can say whether it is the same."""

    name: str
    """What it is, or its path as `project.names` writes it."""
    reason: str


class Equal(Value, kw_only=True, frozen=True):
    """Something that is the same."""

    name: str
    number: int | None = None
    """How many of them; None for what there is one of."""


def of_mappings(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    """What differs between two mappings, by name."""
    names = sorted(old.keys() | new.keys())
    return tuple(Change(name=n, old=old.get(n), new=new.get(n)) for n in names if old.get(n) != new.get(n))


def _direction(old: str, new: str) -> str | None:
    from packaging.version import InvalidVersion, Version

    try:
        was, now = Version(old), Version(new)
    except InvalidVersion:
        return None
    return "up" if now > was else "down" if now < was else None
