"""Which NVIDIA driver a CUDA needs on Linux, by the tables of `data/cuda.toml`."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from snapshot.document import Value

_DRIVER = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,3}", re.ASCII)


class Needed(Value, kw_only=True, frozen=True):
    """The drivers that matter to one CUDA."""

    minimum: str
    """Starts it."""
    full: str | None
    """The one that it came with; None where that is not known."""
    known: bool
    """Whether the tables name this CUDA; else the rule of its major version was taken, or the nearest to one."""


def needed(major: int, minor: int | None) -> Needed:
    """The drivers for CUDA `major.minor`, or for all of `major`.

    One that is newer than the tables has the rule of its major version, a newer major that of the newest known.
    """
    floors, toolkits = _floors(), _toolkits()
    full = toolkits.get((major, minor)) if minor is not None else None
    known = major in floors if minor is None else full is not None
    if major >= min(floors):
        return Needed(minimum=floors[min(major, max(floors))], full=full, known=known)
    # No minor-version compatibility: the driver that it came with, of several the oldest.
    of_major = [driver for (its, _), driver in sorted(toolkits.items()) if its == major]
    minimum = full or (of_major[0] if of_major else toolkits[min(toolkits)])
    return Needed(minimum=minimum, full=full, known=known)


def newest_for(driver: tuple[int, ...]) -> int | None:
    """The newest major version of CUDA that `driver` starts all of; None when it starts none."""
    return max((major for major, floor in _floors().items() if (number(floor) or ()) <= driver), default=None)


def number(driver: str) -> tuple[int, ...] | None:
    """`driver` (as in `535.104.05`) as what can be compared; None when it is no driver version."""
    if not _DRIVER.fullmatch(driver.strip()):
        return None
    parts = [int(part) for part in driver.strip().split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def _floors() -> dict[int, str]:
    return {int(major): driver for major, driver in _table()["driver-floor"].items()}


def _toolkits() -> dict[tuple[int, int], str]:
    numbers = {tuple(map(int, version.split("."))): driver for version, driver in _table()["driver-of-toolkit"].items()}
    return {(major, minor): driver for (major, minor), driver in numbers.items()}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files("snapshot.lock") / "data/cuda.toml").read_text(encoding="utf-8"))
