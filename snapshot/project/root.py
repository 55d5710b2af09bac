"""Where a project begins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from snapshot.project import git

OWN_MARKS = ("snap.toml", "snap.lock", ".snap")
COMMON_MARKS = (
    *("requirements.txt", "pyproject.toml", "pylock.toml", "Pipfile", "environment.yml", "environment.yaml"),
    *("setup.cfg", "setup.py"),
)


def find_root(start: Path, *, home: Path | None = None) -> Path:
    """The folder of the project that `start` is in.

    That is the nearest of `start` and its ancestors with a `snap.toml`, `snap.lock` or `.snap`; else the nearest,
    not above the top of the git work tree, with a file that declares a project or its requirements; else `start`.
    Of the ancestors, `/` and the home folder `home` and what is above it never count: a `.snap` there is a stray one,
    or snapd's, and would swallow every project of the user.
    """
    start = start.absolute()
    folders = [start, *_below(start.parents, home)]
    own = _nearest(folders, OWN_MARKS)
    if own:
        return own
    top = git.toplevel(start)
    if top in folders:
        folders = folders[: folders.index(top) + 1]
    return _nearest(folders, COMMON_MARKS) or start


def _below(parents: Iterable[Path], home: Path | None) -> list[Path]:
    """Those of `parents`, nearest first, that come before the home folder and `/`."""
    out: list[Path] = []
    for folder in parents:
        if folder == home or folder.parent == folder:
            break
        out.append(folder)
    return out


def _nearest(folders: Iterable[Path], names: tuple[str, ...]) -> Path | None:
    return next((folder for folder in folders if any((folder / name).exists() for name in names)), None)
