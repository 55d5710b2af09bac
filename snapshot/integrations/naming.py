"""Names as trackers take them. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable

from snapshot.report.text import shown

_FOREIGN = re.compile(r"[^/\w.\- :]")
LONGEST = 250
"""Letters in the name of a metric, parameter or tag."""
LONGEST_PARAMETER, LONGEST_TAG = 6000, 5000
"""Letters in the value of one."""


def names(found: Iterable[str]) -> dict[str, str]:
    """Each name as MLflow takes it, no two of them the same: what it refuses is `_`."""
    return _distinct(found, _fitting)


def keys(found: Iterable[str]) -> dict[str, str]:
    """Each name as W&B takes it, no two of them the same: what begins with `_` is its own."""
    return _distinct(found, lambda name: shown(name).lstrip("_") or "metric")


def _distinct(found: Iterable[str], fitting_of: Callable[[str], str]) -> dict[str, str]:
    taken: set[str] = set()
    out: dict[str, str] = {}
    for name in sorted(found, key=lambda name: fitting_of(name) != name):  # those that fit as they are keep their names
        wanted = fitting = fitting_of(name)
        number = 1
        while fitting in taken:
            number += 1
            mark = f"_{number}"
            fitting = wanted[: LONGEST - len(mark)] + mark
        taken.add(fitting)
        out[name] = fitting
    return out


def is_path(name: str) -> bool:
    """Whether a file of this name arrives under it: MLflow's client writes names into URLs as they are."""
    return name.isprintable() and not set(name) & set("#?%\\")


def _fitting(name: str) -> str:
    """Some stores of MLflow make paths of names, so that all of it refuses those that mean another path."""
    plain = _FOREIGN.sub("_", name)[:LONGEST] or "_"
    if posixpath.normpath(plain) != plain or plain.startswith(("/", "..")):
        plain = plain.replace("/", "_")
    return plain.replace(".", "_") if plain == "." or plain.startswith("..") else plain
