"""What the project folder holds: code, which every run keeps a copy of, and data, which is only pointed at."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from snapshot.document import Document
from snapshot.project import ignore

LARGE_FILE = 10 * 10**6
LARGE_FOLDER = 100 * 10**6

REPOSITORIES = frozenset({".git", ".hg", ".svn"})
CACHES = frozenset(
    {
        *("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".hypothesis"),
        *(".tox", ".nox", "node_modules"),
    }
)
STORE = ".snap"
EXECUTED = ".executed.ipynb"
"""How a notebook is called that `snap run` has written with what came out: neither code nor data of the next run."""
ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
DEEPEST = 300
"""Folders within folders; deeper ones are reported, since Python's stack has an end."""

_NEITHER = REPOSITORIES | CACHES


class Entry(Document, frozen=True, array_like=True, gc=False):
    """One file, link or folder of the code; `path` as the file system functions give it (see `names`)."""

    path: str
    kind: Literal["file", "link", "folder"]
    mode: int
    """Permission bits."""
    size: int
    """Bytes of a file, 0 of the others."""
    mtime_ns: int
    ctime_ns: int
    inode: int
    target: str = ""
    """Text of a link."""


class Data(Document, frozen=True, kw_only=True):
    """One file or folder that stays where it is."""

    path: str
    kind: Literal["file", "folder"]
    reason: Literal["ignored", "large", "declared"]
    size: int | None = None
    """Bytes of a file, or of what makes a folder large; None for folders that were not looked into."""


class Outward(Document, frozen=True, kw_only=True):
    """A link that leads out of the project."""

    path: str
    target: str
    """What it leads to in the end, an absolute path."""


class Skipped(Document, frozen=True, kw_only=True):
    """What can't be kept: neither code nor data."""

    path: str
    reason: str


class Scan(Document, frozen=True, kw_only=True):
    """A project folder at one moment; each part is sorted by path."""

    entries: tuple[Entry, ...]
    data: tuple[Data, ...]
    outward: tuple[Outward, ...]
    skipped: tuple[Skipped, ...]


def scan(
    root: Path,
    *,
    large_file: int = LARGE_FILE,
    large_folder: int = LARGE_FOLDER,
    data: Collection[str] = (),
    always: Collection[str] = (),
) -> Scan:
    """Look through `root` once, without reading a file and without entering what is ignored.

    `data` names paths that are data whatever they are; those outside `root` are not this function's business.
    `always` names files that are code whatever they are, as the script that is about to run; a folder that holds one
    is never data as a whole. Links are never followed, and never data.
    """
    root = Path(os.path.realpath(root))
    rules, base = ignore.above(root)
    walk = _Walk(root, base, large_file, large_folder, _relative(data, root), _relative(always, root))
    walk.folder("", 0, rules)
    by_path = attrgetter("path")
    return Scan(
        entries=tuple(sorted(walk.entries, key=by_path)),
        data=tuple(sorted(walk.data, key=by_path)),
        outward=tuple(sorted(walk.outward, key=by_path)),
        skipped=tuple(sorted(walk.skipped, key=by_path)),
    )


def _relative(paths: Collection[str], root: Path) -> frozenset[str]:
    """`paths`, relative to `root` or absolute, as plain paths below `root`; others are dropped."""
    below = (os.path.relpath(os.path.join(root, path), root) for path in paths)
    return frozenset(path for path in below if path != "." and path != ".." and not path.startswith("../"))


class _Walk:
    """One scan under way."""

    def __init__(
        self,
        root: Path,
        base: str,
        large_file: int,
        large_folder: int,
        declared: frozenset[str],
        always: frozenset[str],
    ) -> None:
        self.root = str(root)
        self.inside = self.root.rstrip("/") + "/"
        self.above = base + "/" if base else ""
        self.large_file, self.large_folder = large_file, large_folder
        self.declared, self.always = declared, always
        self.towards = {path[:at] for path in always for at, letter in enumerate(path) if letter == "/"}
        """Folders on the way to what is always code."""
        self.entries: list[Entry] = []
        self.data: list[Data] = []
        self.outward: list[Outward] = []
        self.skipped: list[Skipped] = []
        self.found: tuple[list[Any], ...] = (self.entries, self.data, self.outward, self.skipped)

    def folder(self, path: str, depth: int, rules: ignore.Rules) -> int | None:
        """Look through the folder `path`; returns the bytes of its code, None when it is neither code nor data."""
        try:
            with os.scandir(self.inside + path) as found:
                children = list(found)
        except OSError as problem:
            self.skip(path, problem.strerror or "can't be read")
            return None if path else 0
        names = {child.name for child in children}
        if path and not names.isdisjoint(ENVIRONMENT_MARKS):
            return None
        prefix = path + "/" if path else ""
        if ignore.FILE_NAME in names and (text := ignore.read_file(self.inside + prefix + ignore.FILE_NAME)):
            rules = rules.extended(text, (self.above + path).rstrip("/"))
        return self.children(children, prefix, depth, rules)

    def children(self, children: list[os.DirEntry[str]], prefix: str, depth: int, rules: ignore.Rules) -> int:
        """Sort the content of one folder into code and data: the one loop that must be fast."""
        total = 0
        above, always, declared, large = self.above + prefix, self.always, self.declared, self.large_file
        ignores = rules.ignores if rules else None
        append = self.entries.append
        for child in children:
            name = child.name
            path = prefix + name
            try:
                status = child.stat(follow_symlinks=False)
            except OSError as problem:
                if not isinstance(problem, FileNotFoundError):  # gone since the folder was listed: not there
                    self.skip(path, problem.strerror or "can't be read")
                continue
            kind, size = status.st_mode & 0o170000, status.st_size
            if kind == stat.S_IFREG:
                if name == ".git":  # of a worktree or a submodule
                    continue
                if path not in always:
                    if path in declared:
                        self.data.append(Data(path=path, kind="file", reason="declared", size=size))
                        continue
                    if name.endswith(EXECUTED):
                        continue
                    if ignores and ignores(above + name, name, False):
                        self.data.append(Data(path=path, kind="file", reason="ignored", size=size))
                        continue
                    if size > large:
                        self.data.append(Data(path=path, kind="file", reason="large", size=size))
                        continue
                total += size
                append(_entry(path, "file", status, size))
            elif kind == stat.S_IFDIR:
                total += self.subfolder(path, name, status, depth + 1, rules)
            elif kind == stat.S_IFLNK:
                self.link(path, status)
            else:
                self.skip(path, _KINDS.get(kind, "not a file"))
        return total

    def subfolder(self, path: str, name: str, status: os.stat_result, depth: int, rules: ignore.Rules) -> int:
        """Decide on one folder and, if it can be code, look through it; returns the bytes of its code."""
        if name == STORE:
            return 0
        on_the_way = path in self.towards
        reason: Literal["ignored", "declared"] | None = None
        if path in self.declared:
            reason = "declared"
        elif rules and rules.ignores(self.above + path, name, True):
            reason = "ignored"
        if name in _NEITHER or reason:
            if on_the_way:
                return self.only_always(path, status, reason if name not in _NEITHER else None)
            if name not in _NEITHER and reason and not self.is_environment(path):
                self.data.append(Data(path=path, kind="folder", reason=reason))
            return 0
        if depth > DEEPEST:
            self.skip(path, f"more than {DEEPEST} folders deep")
            return 0
        marks = [len(found) for found in self.found]
        self.entries.append(_entry(path, "folder", status))
        size = self.folder(path, depth, rules)
        if size is None:
            self.entries.pop()
            return self.only_always(path, status, None) if on_the_way else 0
        if size <= self.large_folder or on_the_way:
            return size
        for mark, found in zip(marks, self.found, strict=True):
            del found[mark:]
        self.data.append(Data(path=path, kind="folder", reason="large", size=size))
        return 0

    def only_always(self, path: str, status: os.stat_result, reason: Literal["ignored", "declared"] | None) -> int:
        """Keep of a folder only what is always code; the rest is data for `reason`, or nothing if there is none."""
        try:
            with os.scandir(self.inside + path) as found:
                children = [(child.name, child.stat(follow_symlinks=False)) for child in found]
        except OSError:  # the caller has reported it, or it changes while it is looked at, and the run will tell
            return 0
        self.entries.append(_entry(path, "folder", status))
        return sum(self.only_if_always(f"{path}/{name}", name, status, reason) for name, status in children)

    def only_if_always(
        self, path: str, name: str, status: os.stat_result, reason: Literal["ignored", "declared"] | None
    ) -> int:
        """Decide on one child of a folder that is data, or nothing, but for what is always code."""
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFLNK and (reason or path in self.always):
            self.link(path, status)
        elif kind == stat.S_IFDIR and path in self.towards and name != STORE:
            return self.only_always(path, status, reason)
        elif kind == stat.S_IFDIR and reason and name not in _NEITHER and name != STORE:
            self.data.append(Data(path=path, kind="folder", reason=reason))
        elif kind == stat.S_IFREG and path in self.always:
            self.entries.append(_entry(path, "file", status, status.st_size))
            return status.st_size
        elif kind == stat.S_IFREG and reason:
            self.data.append(Data(path=path, kind="file", reason=reason, size=status.st_size))
        return 0

    def link(self, path: str, status: os.stat_result) -> None:
        """Keep a link, and say so if it leads to something outside of the project."""
        place = self.inside + path
        try:
            target = os.readlink(place)
        except OSError:
            return
        self.entries.append(_entry(path, "link", status, target=target))
        end = os.path.realpath(place)
        if end != self.root and not end.startswith(self.inside) and os.path.exists(end):
            self.outward.append(Outward(path=path, target=end))

    def is_environment(self, path: str) -> bool:
        """Whether the folder `path`, which is not looked into, is a virtual environment all the same."""
        return any(os.path.lexists(f"{self.inside}{path}/{mark}") for mark in ENVIRONMENT_MARKS)

    def skip(self, path: str, reason: str) -> None:
        """Note what can't be kept."""
        self.skipped.append(Skipped(path=path, reason=reason.lower()))


_KINDS = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def _entry(
    path: str, kind: Literal["file", "link", "folder"], status: os.stat_result, size: int = 0, target: str = ""
) -> Entry:
    mode = status.st_mode & 0o777
    return Entry(path, kind, mode, size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, target)
