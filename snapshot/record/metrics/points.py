"""What every kind of file is read as: points."""

from __future__ import annotations

import os
from typing import TypeAlias

Point: TypeAlias = tuple[str, float | None, float]
"""Name, step (None where the file has none), value."""

STEPS = ("step", "_step", "global_step", "iteration", "iter", "epoch")
"""Keys and columns that say where a row stands in the training, the most exact first; in any case."""
LONGEST_NAME = 200


class NotMetricsError(Exception):
    """The file is damaged, or not what its name says."""


def number(value: object) -> float | None:
    """`value` of JSON as a number; None for what is none: a boolean is not, nor is what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def step_among(keys: dict[str, object] | list[str]) -> str | None:
    """The key that holds the step, if there is one."""
    known = {key.lower(): key for key in keys}
    return next((known[step] for step in STEPS if step in known), None)


def legible(name: str) -> str | None:
    """`name` as records can hold it; None for one that is empty, or too long to be a metric's."""
    if not name or len(name) > LONGEST_NAME:
        return None
    return name if name.isascii() else name.encode(errors="replace").decode()


def stem(path: str) -> str:
    """A file's name without its suffix: what numbers are called that have no name of their own."""
    return os.path.basename(path).rpartition(".")[0] or os.path.basename(path)
