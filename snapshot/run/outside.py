"""Paths outside the project that a run needs: mounted read-only at the same place."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.project.names import to_text
from snapshot.record.document import Data

WORKSPACE = "/workspace"
"""Where a run sees the project: the same for everybody, so that paths in outputs are."""

_SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
)
_TOO_WIDE = ("/", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var", WORKSPACE)


class Bind(Value, frozen=True):
    """A path of the host and where the run sees it."""

    source: Path
    data: Data


def is_inside(data: Data) -> bool:
    """Whether the data lie in the project, not outside and bound read-only."""
    return data.reason in ("ignored", "large", "declared") and not data.path.startswith("/")


def declared(paths: Iterable[str], *, cwd: Path, reason: str) -> list[Bind]:
    """What `--data` or the configuration names; raises UsageError for what is not there or would hide the platform."""
    return [_declared(text, cwd=cwd, reason=reason) for text in paths]


def _declared(text: str, *, cwd: Path, reason: str) -> Bind:
    path = Path(os.path.normpath(cwd / os.path.expanduser(text)))
    if not path.exists():
        raise UsageError(f"the data path `{text}` does not exist", hint="check the path, also that its disk is mounted")
    if hides_platform(str(path)):
        raise UsageError(
            f"the data path `{path}` would hide the image's own files", hint="name the folder inside it that is meant"
        )
    return _bind(path, str(path), str(path), reason)


def from_arguments(arguments: Iterable[str], *, cwd: Path, root: Path, directory: PurePosixPath) -> list[Bind]:
    """Existing paths outside the project among the arguments, also after `=` as in `--data=/mnt/x` or `data=/mnt/x`.

    A relative one (`../data`) is put where it leads from the working directory of the container.
    """
    return [bind for text in _candidates(arguments) if (bind := _from_argument(text, cwd, root, directory))]


def _candidates(arguments: Iterable[str]) -> Iterator[str]:
    for argument in arguments:
        value = argument if argument.startswith(("/", ".")) else argument.partition("=")[2] or argument
        # A lone word is a path of the working directory, so in the project; only these can lead out of it.
        if value.startswith(("/", "../")) or "/../" in value or value == "..":
            yield value


def _from_argument(text: str, cwd: Path, root: Path, directory: PurePosixPath) -> Bind | None:
    path = Path(os.path.normpath(cwd / text))
    if path.is_relative_to(root) or not os.path.lexists(path):
        return None
    target = os.path.normpath(PurePosixPath(WORKSPACE) / directory / text)
    if hides_platform(target) or not path.exists():
        return None
    return _bind(path, str(path), target, "argument")


def lost(arguments: Iterable[str], *, cwd: Path, root: Path) -> list[str]:
    """Paths among the arguments that do not exist yet and lie outside the project: what is written there is lost."""
    found = []
    for text in _candidates(arguments):
        path = Path(os.path.normpath(cwd / text))
        outside = not path.is_relative_to(root) and not hides_platform(str(path)) and path.parent != Path("/tmp")
        if outside and not os.path.lexists(path) and path.parent.is_dir():
            found.append(text)
    return found


def from_links(links: Iterable[tuple[str, str, str]]) -> list[Bind]:
    """Where symbolic links of the project lead out of it: the link's path, its text, and what it leads to in the end.

    What it leads to is put where the text leads from the link's place in the container.
    """
    binds = []
    for link, text, end in links:
        target = os.path.normpath(PurePosixPath(WORKSPACE) / PurePosixPath(link).parent / text)
        if not hides_platform(target):
            binds.append(_bind(Path(end), link, target, "link"))
    return binds


def needs_project_path(arguments: Iterable[str], root: Path) -> bool:
    """Whether an argument names the project by its absolute path, which must then exist in the container too."""
    return any(str(root) in argument for argument in arguments)


def distinct(binds: Iterable[Bind]) -> list[Bind]:
    """One bind for each target, and none below another with the same source beneath."""
    by_target: dict[str, Bind] = {}
    for bind in binds:
        by_target.setdefault(bind.data.target, bind)
    kept: list[Bind] = []
    for target in sorted(by_target):
        bind = by_target[target]
        if not any(target.startswith(k.data.target + "/") and bind.source.is_relative_to(k.source) for k in kept):
            kept.append(bind)
    return kept


def _bind(source: Path, path: str, target: str, reason: str) -> Bind:
    kind = "folder" if source.is_dir() else "file"
    return Bind(source=source, data=Data(path=to_text(path), target=to_text(target), kind=kind, reason=reason))


def hides_platform(target: str) -> bool:
    """Whether a mount at `target` would lie over the image's own files, or over the project."""
    return (
        target in _TOO_WIDE
        or any(target == s or target.startswith(s + "/") for s in _SYSTEM)
        or target.startswith(WORKSPACE + "/")
    )
