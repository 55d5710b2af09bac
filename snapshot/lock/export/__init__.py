"""The lock in formats that other tools read. Equal locks are equal text; nothing is asked of anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snapshot.lock.document import Lock

FORMATS = ("pylock", "requirements", "cyclonedx", "devcontainer")


def export(lock: Lock, form: str, *, root: Path) -> str:
    """`lock` in one of `FORMATS`; `root` is the project, where paths in the lock begin that are not absolute.

    Raises HostError when a library that the format needs is not installed.
    """
    if form == "pylock":
        from snapshot.lock.export import pylock

        return pylock.dumps(lock)
    if form == "requirements":
        from snapshot.lock.export import requirements

        return requirements.dumps(lock, root=root)
    if form == "devcontainer":
        from snapshot.lock.export import devcontainer

        return devcontainer.dumps(lock, root=root)
    from snapshot.lock.export import cyclonedx

    return cyclonedx.dumps(lock)
