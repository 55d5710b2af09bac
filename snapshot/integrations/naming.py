"""Names and words as MLflow takes them. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

_FOREIGN = re.compile(r"[^/\w.\- :]")
LONGEST = 250
"""Letters in the name of a metric, parameter or tag."""
LONGEST_PARAMETER, LONGEST_TAG = 6000, 5000
"""Letters in the value of one."""


def names(found: Iterable[str]) -> dict[str, str]:
    """Each name as MLflow takes it, no two of them the same: what it refuses is `_`."""
    taken: set[str] = set()
    out: dict[str, str] = {}
    for name in sorted(found, key=lambda name: _fitting(name) != name):  # those that fit as they are keep their names
        wanted = fitting = _fitting(name)
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
