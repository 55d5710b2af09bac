"""Files as a tree of folders, bounded whatever their number and depth. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from snapshot.document import Value
from snapshot.project.names import display, from_text
from snapshot.report import text

MOST = 200
"""Entries of one folder."""
DEEPEST = 12
"""Folders in each other; what is deeper keeps its slashes."""


class File(Value, frozen=True):
    """A file of the tree."""

    path: str
    """As documents hold names."""
    size: int
    detail: str
    """Of its digest, or where a link leads."""
    content: str | None = None
    """What is in it, where that is shown."""


class Leaf(Value, frozen=True):
    """A file in its folder."""

    name: str
    size: str
    detail: str
    content: str | None


class Folder(Value, frozen=True):
    """A folder with all that is in it."""

    name: str
    size: str
    count: str
    folders: tuple[Folder, ...]
    files: tuple[Leaf, ...]
    more: int
    """How many of its entries are left out."""


class _Growing(msgspec.Struct):
    folders: dict[str, _Growing] = msgspec.field(default_factory=dict)
    files: list[File] = msgspec.field(default_factory=list)
    size: int = 0
    count: int = 0


def tree(files: Iterable[File], name: str = "") -> Folder:
    """The folder `name` with `files` in it."""
    top = _Growing()
    for file in files:
        at = top
        at.size, at.count = at.size + file.size, at.count + 1
        for part in from_text(file.path).split("/", DEEPEST)[:-1]:
            at = at.folders.setdefault(part, _Growing())
            at.size, at.count = at.size + file.size, at.count + 1
        at.files.append(file)
    return _folder(name, top, 0)


def _folder(name: str, found: _Growing, depth: int) -> Folder:
    folders = sorted(found.folders.items())[:MOST]
    files = sorted(found.files, key=lambda file: file.path)[: MOST - len(folders)]
    return Folder(
        name=display(name),
        size=text.size(found.size),
        count=text.count(found.count, "file"),
        folders=tuple(_folder(inner, grown, depth + 1) for inner, grown in folders),
        files=tuple(_leaf(file, depth) for file in files),
        more=len(found.folders) + len(found.files) - len(folders) - len(files),
    )


def _leaf(file: File, depth: int) -> Leaf:
    name = from_text(file.path).split("/", depth)[-1]
    return Leaf(display(name), text.size(file.size), file.detail, file.content)
