"""What can be told to be wrong with a `snap run` before anything starts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from snapshot.errors import UsageError
from snapshot.project.names import display

SCRIPTS = (".py", ".ipynb")


def data(paths: Iterable[str], *, cwd: Path, root: Path) -> None:
    """Raises UsageError for `--data` that lies in the project."""
    for text in paths:
        path = Path(os.path.normpath(cwd / os.path.expanduser(text)))
        if os.path.exists(path) and path.is_relative_to(root):
            raise UsageError(
                f"`--data {display(text)}` lies in the project, which the run sees anyway", hint="leave it out"
            )


def exists(script: str, *, cwd: Path) -> None:
    """Raises UsageError for a script that is not there, with the names that are; not for a single word."""
    if not script:
        raise UsageError("the name of the script is empty", hint="name a script, as in `snap run train.py`")
    path = Path(os.path.normpath(cwd / script))
    if os.path.lexists(path) or not ("/" in script or script.endswith(SCRIPTS)):
        return
    folder = Path(script).parent
    if not path.parent.is_dir():
        raise UsageError(
            f"there is no script `{display(script)}`: the folder `{display(str(folder))}` does not exist",
            hint="check the path; it counts from the working directory",
        )
    raise UsageError(f"there is no script `{display(script)}`", hint=_instead(path, folder))


def _instead(path: Path, folder: Path) -> str:
    import difflib

    try:
        names = sorted(entry.name for entry in os.scandir(path.parent) if not entry.name.startswith("."))
    except OSError:
        return f"see `ls {display(str(folder))}`"
    near = difflib.get_close_matches(path.name, names, n=3)
    if near:
        return f"did you mean {_listed(folder, near)}?"
    scripts = [name for name in names if name.endswith(SCRIPTS)]
    if scripts:
        return f"that folder has {_listed(folder, scripts[:5])}" + (" …" if len(scripts) > 5 else "")
    return "check the path; that folder has no Python script"


def _listed(folder: Path, names: list[str]) -> str:
    return ", ".join(f"`{display(str(folder / name))}`" for name in names)


def startable(script: Path, typed: str) -> None:
    """Raises UsageError for a script of the project that can't be read, or executed where that is needed."""
    if not os.access(script, os.R_OK):
        raise UsageError(f"no permission to read the script `{display(typed)}`", hint=f"see `ls -l {display(typed)}`")
    if script.suffix not in SCRIPTS and not os.access(script, os.X_OK):
        raise UsageError(
            f"`{display(typed)}` is not executable", hint=f"run `chmod +x {display(typed)}`, or name a `.py` file"
        )
