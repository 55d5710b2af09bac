"""Where the source of a package that was built here is, as formats for Python packages tell sources apart (PEP 751)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from snapshot.lock.document import Package

Kind = Literal["wheel", "sdist", "archive", "vcs", "directory"]


def kind(package: Package) -> Kind:
    """What others install `package` from: its wheel where that can be had, else what the wheel was built from.

    A wheel that was built here has no place of its own; its source is a file of an index (`sdist`), a file elsewhere
    (`archive`), a commit, or a folder.
    """
    source = package.sdist
    if source is None or package.wheel.url or package.wheel.path:
        return "wheel"
    if package.vcs:
        return "vcs"
    if source.url:
        return "sdist" if package.index else "archive"
    return "archive" if PurePosixPath(source.path or "").name == source.name else "directory"
