"""The packages of another tool's lock file: what it pins is kept, and found again by its hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snapshot.lock import pins
from snapshot.lock.document import Package
from snapshot.lock.facts import Facts
from snapshot.project.requirements import Pin, Requirements

Find = Callable[[Sequence[Pin]], tuple[Package, ...]]


def packages(
    requirements: Requirements, facts: Facts, *, find: Find, direct: Find, ask_first: bool
) -> tuple[Package, ...]:
    """Every package that `requirements` pin for the base, sorted by name.

    `find` looks for the files of pins on the indexes, by version and hash, and leaves out what it can't find if the
    pin says where the file is; `direct` makes packages of repositories, archives and folders. With `ask_first` the
    indexes come before what the lock file says, since somebody who configures indexes of her own may reach no other.
    """
    assert requirements.pins is not None
    wanted = {pin.name: pin for pin in pins.applicable(requirements.pins, facts, source=requirements.source)}
    found: dict[str, Package] = {}
    there = {name: package for name, pin in wanted.items() if (package := pins.package_of(pin, facts))}
    if not ask_first:
        found |= there
    outside = [pin for name, pin in wanted.items() if name not in found and pin.direct]
    asked = [pin for name, pin in wanted.items() if name not in found and not pin.direct]
    found |= {package.name: package for package in (find(asked) if asked else ())}
    found |= {package.name: package for package in (direct(outside) if outside else ())}
    complete = [found.get(name) or there[name] for name in wanted]
    return pins.dependencies(complete, wanted, facts)
