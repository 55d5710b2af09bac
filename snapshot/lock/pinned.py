"""The packages of another tool's lock file: what it pins is kept, and found again by its hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snapshot.lock import pins
from snapshot.lock.document import Package
from snapshot.lock.facts import Facts
from snapshot.project.requirements import Pin, Requirements

Find = Callable[[Sequence[Pin]], tuple[Package, ...]]


def packages(requirements: Requirements, facts: Facts, *, find: Find, ask_first: bool) -> tuple[Package, ...]:
    """Every package that `requirements` pin for the base, sorted by name.

    `find` looks for the files of pins on the indexes, by version and hash, and where that fails takes what the pin
    itself says; repositories, archives and folders it packs. With `ask_first` it is asked for all of them, else for
    those only whose files the lock file does not tell.
    """
    assert requirements.pins is not None
    wanted = {pin.name: pin for pin in pins.applicable(requirements.pins, facts, source=requirements.source)}
    found = {} if ask_first else {n: package for n, pin in wanted.items() if (package := pins.package_of(pin, facts))}
    missing = [pin for name, pin in wanted.items() if name not in found]
    found |= {package.name: package for package in (find(missing) if missing else ())}
    return pins.dependencies([found[name] for name in wanted], wanted, facts)
