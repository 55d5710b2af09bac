"""Where an export is written to."""

from __future__ import annotations

import os
from pathlib import Path

from snapshot.errors import UsageError
from snapshot.record.store import Store

SUFFIX = ".zip"
_OTHERS = (".gz", ".tgz", ".tar", ".xz", ".zst", ".bz2", ".7z")


def check(path: Path, store: Store) -> None:
    """Raise UsageError when nothing can be written to `path`, or nothing should, before any work is done."""
    if path.suffix in _OTHERS:
        raise UsageError(
            f"`{path.name}` is neither a folder nor a `.zip`", hint=f"name it `{path.name.partition('.')[0]}.zip`"
        )
    if os.path.lexists(path):
        raise UsageError(f"`{path}` is there already", hint="name one that is not, or remove it")
    if not path.parent.is_dir():
        raise UsageError(f"the folder `{path.parent}` is not there", hint=f"make it with `mkdir -p {path.parent}`")
    real = path.parent.resolve() / path.name
    if real.is_relative_to(store.path) or ".git" in real.parts:
        raise UsageError(f"`{path}` is where others keep their files", hint="name a folder outside of the project")


def is_in_project(path: Path, store: Store) -> bool:
    """Whether the next run would take the export for code."""
    return (path.parent.resolve() / path.name).is_relative_to(store.project)
