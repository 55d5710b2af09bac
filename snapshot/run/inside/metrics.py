"""Lines of metrics, JSON: each is one write, so that those of several processes do not mix."""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any


def append(path: str, values: dict[str, object], *, run: str) -> None:
    """Add a line to the file `path`, which begins anew in each run: an earlier one's is in the project.

    Raises TypeError for what is no number, OSError when it can't be written.
    """
    line = json.dumps({name: _number(name, value) for name, value in values.items()}) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        _begin(file, run)
        os.write(file, line.encode())
    finally:
        os.close(file)


def _begin(file: int, run: str) -> None:
    """Empty the file unless a process of this run has done so, which a mark in the container's own /tmp tells."""
    mark = f"/tmp/.snap-metrics-{run}"
    if os.path.exists(mark):
        return
    fcntl.flock(file, fcntl.LOCK_EX)  # let go of when the file is closed
    if not os.path.exists(mark):
        os.ftruncate(file, 0)
        os.close(os.open(mark, os.O_CREAT | os.O_WRONLY, 0o644))


def _number(name: str, value: Any) -> float:
    if isinstance(value, (bool, int, float)):
        return value
    try:
        number = value.item()
    except Exception:  # no scalar: each framework says that in its own way
        number = None
    if isinstance(number, (bool, int, float)):
        return number
    kind = type(value)
    where = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    raise TypeError(f"`{name}` is no number but a {where}{kind.__qualname__}: {value!r:.60}")
