"""What git says of a project: commit, branch, dirty. Never the reason that a run fails, and cheap where it can be.

Commit and branch are read from the repository's files (gitrepository-layout(5)), without starting git.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from snapshot.errors import HostError, UsageError

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LINKS = 5
"""How many symbolic refs git itself follows (`SYMREF_MAXDEPTH`)."""
_PATIENCE = 20.0


class Head(NamedTuple):
    """Where HEAD is."""

    commit: str | None
    """None before the first commit, and where it can't be read."""
    branch: str | None
    """None when HEAD is detached."""


def toplevel(path: Path) -> Path | None:
    """The nearest ancestor of `path`, itself included, that is the top of a git work tree."""
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), None)


def head(path: Path) -> Head | None:
    """The commit and the branch of the work tree that `path` is in; None when it is in none."""
    top = toplevel(path)
    folder = git_dir(top) if top else None
    if folder is None:
        return None
    text = _read(folder / "HEAD")
    if text is None:
        return None
    if not text.startswith("ref:"):
        return Head(text if _HASH.fullmatch(text) else None, None)
    name = text.removeprefix("ref:").strip()
    if name == "refs/heads/.invalid":  # what the reftable format puts there for programs that read files, as we do
        return _ask(path)
    return Head(_resolve(folder, name), name.removeprefix("refs/heads/"))


def dirty(path: Path) -> bool | None:
    """Whether files under `path` differ from HEAD's, untracked ones included; None when git can't say.

    Starts git, which takes 5 ms and more.
    """
    from snapshot.host import process

    # A status that refreshes the index would take its lock, and get in the way of the user's own git.
    command = ["git", "-C", str(path), "--no-optional-locks", "status", "--porcelain", "--", ".", ":(exclude).snap"]
    try:
        done = process.run(command, timeout=_PATIENCE)
    except (HostError, OSError):
        return None
    return bool(done.stdout) if done.code == 0 else None


def tracked_though_ignored(path: Path) -> list[str]:
    """The files under `path`, relative to it, that git tracks although it would ignore them; none where git can't say.

    Starts git, which takes 5 ms and more, unless there is no repository.
    """
    if toplevel(path) is None:
        return []
    from snapshot.host import process

    command = ["git", "-C", str(path), "ls-files", "-z", "--cached", "--ignored", "--exclude-standard", "--", "."]
    try:
        done = process.run(command, timeout=_PATIENCE)
    except (HostError, OSError):
        return []
    return [name for name in done.stdout.split("\0") if name] if done.code == 0 else []


class Commit(NamedTuple):
    """One commit of a history."""

    id: str
    subject: str


def commits(path: Path, first: str, last: str) -> list[Commit]:
    """The commits from `first` to `last`, both included, oldest first, each after its parents.

    Along first parents, so that each is what somebody had. Raises UsageError when git knows no such history.
    """
    said = ("--first-parent", "--reverse", "--format=%H%x09%s", "--end-of-options")
    text = _run(path, "rev-list", "--max-count=1", *said, first) + _run(path, "rev-list", *said, f"{first}..{last}")
    lines = [line for line in text.splitlines() if line and not line.startswith("commit ")]
    found = [Commit(*line.split("\t", 1)) for line in lines]
    if len(found) < 2:
        raise UsageError(f"there are no commits between `{first}` and `{last}`", hint="name an older and a newer one")
    return found


def archive(path: Path, commit: str) -> bytes:
    """What a commit has in the folder `path`, as a tar archive."""
    prefix = _run(path, "rev-parse", "--show-prefix").strip()
    tree = f"{commit}:{prefix}" if prefix else commit
    with TemporaryDirectory() as folder:
        target = Path(folder) / "tar"
        _run(toplevel(path) or path, "archive", "--format=tar", f"--output={target}", tree)
        return target.read_bytes()


def _run(path: Path, *arguments: str) -> str:
    from snapshot.host import process

    done = process.run(["git", "-C", str(path), *arguments], timeout=_PATIENCE)
    if done.code != 0:
        raise UsageError(f"git says: {done.last_words}", hint=f"see `git -C {path} log`")
    return done.stdout


def git_dir(top: Path) -> Path | None:
    """The repository folder of the work tree `top`: `.git`, or where that points as a file (worktrees, submodules)."""
    place = top / ".git"
    if place.is_dir():
        return place
    text = _read(place)
    if text is None or not text.startswith("gitdir:"):
        return None
    folder = top / text.removeprefix("gitdir:").strip()
    return folder if folder.is_dir() else None


def common_dir(folder: Path) -> Path:
    """The folder that all worktrees of the repository `folder` share."""
    text = _read(folder / "commondir")
    return folder / text if text else folder


def _resolve(folder: Path, name: str) -> str | None:
    common = common_dir(folder)
    for _ in range(_LINKS):
        text = _read(folder / name) or _read(common / name) or _packed(common, name)
        if text is None or _HASH.fullmatch(text):
            return text
        if not text.startswith("ref:"):
            return None
        name = text.removeprefix("ref:").strip()
    return None


def _packed(common: Path, name: str) -> str | None:
    for line in (_read(common / "packed-refs") or "").splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return commit
    return None


def _ask(path: Path) -> Head | None:
    from snapshot.host import process

    try:
        commit = process.run(["git", "-C", str(path), "rev-parse", "--verify", "--quiet", "HEAD"], timeout=_PATIENCE)
        branch = process.run(["git", "-C", str(path), "symbolic-ref", "--short", "--quiet", "HEAD"], timeout=_PATIENCE)
    except (HostError, OSError):
        return None
    return Head(commit.stdout.strip() or None, branch.stdout.strip() or None)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return None
