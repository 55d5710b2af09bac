"""What to do about paths that a run asked for and did not have, though the host has them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from snapshot.project.names import display, from_text
from snapshot.run.outside import hides_platform

_MOST = 5


def hints(
    missing: Sequence[str], *, project: Path, is_folder: Callable[[str], bool] = os.path.isdir
) -> tuple[str, ...]:
    """One sentence for each folder that a run would have needed, five at most; `missing` is `Reads.missing`."""
    groups: dict[str, list[str]] = {}
    for path in map(from_text, missing):
        if remedy := _remedy(path, project, is_folder(path)):
            groups.setdefault(remedy, []).append(path)
    return tuple(_sentence(paths, remedy) for remedy, paths in list(groups.items())[:_MOST])


def _remedy(path: str, project: Path, is_folder: bool) -> str | None:
    """What to do; None when nothing can be mounted there."""
    if Path(path).is_relative_to(project):
        return "name files of the project by relative paths"
    above = os.path.dirname(path)
    folder = path if is_folder or hides_platform(above) else above
    return None if hides_platform(folder) else f"add `--data {shlex.quote(display(folder))}`"


def _sentence(paths: Sequence[str], remedy: str) -> str:
    more = len(paths) - 1
    if more:
        return f"`{display(paths[0])}` and {more} more are on this machine and the run did not have them: {remedy}"
    return f"`{display(paths[0])}` is on this machine and the run did not have it: {remedy}"
