"""What the run really reads: the tracer's way into the container, and what it noted as names of the project and data.

In the image's site-packages appears one file, `snapshot-run.pth`; what it starts lies in `inside/`. Nothing of the
image changes, and nothing in the environment of the training.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import HostError
from snapshot.host.container import Mount
from snapshot.host.files import make_dirs, remove_tree
from snapshot.lock.document import Python
from snapshot.project.names import from_text, to_text
from snapshot.record import reads
from snapshot.record.document import Data, Reads
from snapshot.run.noted import Noted
from snapshot.run.outside import WORKSPACE

FOLDER = "trace"
"""In the run's folder: one file for each interpreter."""
PLACE = "/run/snapshot"
METRICS = "snap-metrics.jsonl"
"""Where `snapshot.log` writes, in the project."""

_MOST_ASKED, _MOST_MISSING = 10_000, 100
"""Missing paths that this machine is asked for, and that the record names; the file has all."""

_HERE = Path(__file__).parent
_CACHED = re.compile(r"(?P<folder>.*/)?__pycache__/(?P<module>[^/.]+)\.[^/]*", re.DOTALL)


def mounts(run_folder: Path, python: Python, *, trace: bool = True) -> tuple[Mount, ...]:
    """What brings `snapshot.log` and, unless told otherwise, the tracer into the container of a run.

    Makes the folder for what is noted. Raises HostError as `make_dirs` does.
    """
    found = [
        Mount(
            source=str(_HERE / "inside" / "snapshot-run.pth"), target=f"{site(python)}/snapshot-run.pth", read_only=True
        ),
        Mount(source=str(_HERE.parent), target=f"{PLACE}/lib/snapshot", read_only=True),
    ]
    if trace:
        make_dirs(run_folder / FOLDER)
        found.append(Mount(source=str(run_folder / FOLDER), target=f"{PLACE}/trace"))
    return tuple(found)


def environment() -> dict[str, str]:
    """What `snapshot.log` goes by."""
    return {"SNAP_METRICS": f"{WORKSPACE}/{METRICS}"}


def site(python: Python) -> str:
    """The folder where the interpreter looks for `.pth` files, as CPython's `site.getsitepackages()` builds it.

    Debian's and Ubuntu's own Python has moved it (their patch of `site.py`). Of an interpreter that is a link into
    another folder it can't be told: its runs are not traced.
    """
    prefix = os.path.dirname(os.path.dirname(python.executable))
    name = f"python{'.'.join(python.version.split('.')[:2])}"
    return f"/usr/local/lib/{name}/dist-packages" if prefix == "/usr" else f"{prefix}/lib/{name}/site-packages"


def gather(
    run_folder: Path,
    *,
    project: Path,
    code: Container[str],
    data: Sequence[Data],
    exists: Callable[[str], bool] = os.path.lexists,
) -> tuple[reads.ReadsFile, Reads] | None:
    """What the run's processes noted, written beside the record, and its summary; None when it was not traced.

    `code` has the paths of the snapshot: what else was read below the project, the run had written itself. Can be done
    again until `discard`. Raises HostError on a full disk, StoreError when it was gathered before and is damaged now.
    """
    if (run_folder / FOLDER).is_dir():
        noted = Noted(run_folder / FOLDER)
        found = _sorted_out(noted, str(project), code, data)
        reads.write(run_folder, found)
    elif (known := reads.read(run_folder)) is not None:
        found = known
    else:
        return None
    missing = [path for path in found.missing[:_MOST_ASKED] if exists(from_text(path))]
    return found, Reads(
        processes=found.processes,
        project=len(found.project),
        data=len(found.data),
        modules=len(found.modules),
        missing=tuple(missing[:_MOST_MISSING]),
        complete=found.complete,
    )


def discard(run_folder: Path) -> None:
    """Remove what was noted, once the record is final; what can't be removed stays."""
    hidden = run_folder / f".{FOLDER}"
    with suppress(OSError, HostError):
        remove_tree(hidden)
        # At once, so that half of it is never gathered.
        (run_folder / FOLDER).rename(hidden)
        remove_tree(hidden)


class _Places(Value, frozen=True):
    """What lies where in the container."""

    project: str
    code: Container[str]
    data: dict[str, str]
    """Target → path of the data."""

    def of(self, path: str) -> tuple[str, str]:
        """`project`, `data`, `outside` or nothing, and the name there."""
        if path.startswith(self.project + "/"):
            path = WORKSPACE + path[len(self.project) :]
        above = path
        while len(above) > 1:
            if above in self.data:
                return "data", self.data[above] + path[len(above) :]
            above = above.rpartition("/")[0]
        if not path.startswith(WORKSPACE + "/"):
            return "" if path.startswith("/tmp/") else "outside", path
        name = path[len(WORKSPACE) + 1 :]
        if cached := _CACHED.fullmatch(name):
            name = f"{cached['folder'] or ''}{cached['module']}.py"
        return "project" if name in self.code else "", name


def _sorted_out(noted: Noted, project: str, code: Container[str], data: Sequence[Data]) -> reads.ReadsFile:
    places = _Places(project, code, {from_text(d.target): from_text(d.path) for d in data})
    found: dict[str, set[str]] = {"project": set(), "data": set(), "outside": set(), "": set()}
    opened = {_normal(path) for path in noted.names(b"/")}
    for path in opened:
        kind, name = places.of(path)
        found[kind].add(to_text(name))
    missing = {_normal(entry[1:]) for entry in noted.names(b"?/")} - opened
    modules = {_module(entry[1:]) for entry in noted.names(b"m")}
    return reads.ReadsFile(
        processes=noted.processes,
        project=tuple(sorted(found["project"])),
        data=tuple(sorted(found["data"])),
        outside=tuple(sorted(found["outside"])),
        modules=tuple(sorted(modules - {""})),
        missing=tuple(sorted(map(to_text, missing))),
        programs=tuple(sorted(to_text(entry[1:]) for entry in noted.names(b"x"))),
        complete=noted.complete,
    )


def _module(file: str) -> str:
    """The name by which the file or folder of site-packages is imported; empty when it is something else."""
    name, _, ending = _CACHED.sub(r"\g<module>", file).partition(".")
    return name if name.isidentifier() and ending != "pth" else ""


def _normal(path: str) -> str:
    # Two slashes at the beginning are something else to POSIX, and not to Linux.
    return "/" + os.path.normpath(path).lstrip("/")
