"""The data of a run as an export has them: where the training looks for them, and where they lie in it. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator

from snapshot.document import Value
from snapshot.project.names import from_text
from snapshot.record.code.snapshots import LINK, CodeEntry
from snapshot.record.document import Data, Run
from snapshot.record.reads import ReadsFile
from snapshot.run.outside import WORKSPACE
from snapshot.share.export.selection import PAST_PYTHON
from snapshot.share.kit.commands import place_of_data


class Placed(Value, kw_only=True, frozen=True):
    """Data in an export."""

    data: Data
    target: str
    """Where the training looks for them."""
    instead_of: str | None = None
    """A link of the code that led to them, in whose place they are."""

    @property
    def place(self) -> str:
        """In the export's folder."""
        return place_of_data(self.target)

    def is_written(self, run: Run) -> bool:
        """Whether the run wrote among them."""
        return any(f"{WORKSPACE}/{from_text(one.path)}".startswith(f"{self.target}/") for one in run.outputs)


def placed(
    run: Run, entries: Iterable[CodeEntry], reads: ReadsFile | None, is_private: Callable[[str], bool]
) -> tuple[Placed, ...]:
    """The data that the run may have used. Targets that tell of this machine, as `is_private` says, are others.

    Left out are ignored and large files of the project of which the run was seen to open none.
    """
    links = {from_text(entry.path): from_text(entry.target) for entry in entries if entry.mode == LINK}
    found: list[Placed] = []
    for data in run.data:
        if _is_used(data, reads):
            found += _placed(data, links, {one.target for one in found}, is_private)
    return tuple(found)


def _placed(
    data: Data, links: dict[str, str], known: Collection[str], is_private: Callable[[str], bool]
) -> Iterator[Placed]:
    target = from_text(data.target)
    leading = [link for link, text in links.items() if _end(link, text) == target]
    for link in leading:
        yield Placed(data=data, target=f"{WORKSPACE}/{link}", instead_of=link)
    if data.reason == "link" and leading:
        return
    if is_private(target):
        target = next(name for name in _names(posixpath.basename(target)) if name not in known)
    yield Placed(data=data, target=target)


def _names(base: str) -> Iterator[str]:
    yield f"/data/{base}"
    number = 2
    while True:
        yield f"/data/{base}-{number}"
        number += 1


def _end(link: str, text: str) -> str:
    return posixpath.normpath(posixpath.join(WORKSPACE, posixpath.dirname(link), text))


def _is_used(data: Data, reads: ReadsFile | None) -> bool:
    if data.reason not in ("ignored", "large") or reads is None or not reads.complete or not reads.processes:
        return True
    if any(name in PAST_PYTHON for name in reads.modules):
        return True
    return any(path == data.path or path.startswith(f"{data.path}/") for path in reads.data)


def words(argv: Iterable[str], project: str, data: Iterable[Placed]) -> tuple[str, ...]:
    """A command with the paths that an export has: of the project, and of data that have moved."""
    moved = {from_text(one.data.target): one.target for one in data if one.instead_of is None}
    return tuple(_word(word, {project: WORKSPACE, **moved}) for word in argv)


def _word(word: str, moved: dict[str, str]) -> str:
    head, equals, value = word.partition("=")
    if equals and not head.startswith("/"):
        return f"{head}={_path(value, moved)}"
    return _path(word, moved)


def _path(text: str, moved: dict[str, str]) -> str:
    for old in sorted(moved, key=len, reverse=True):
        if text == old or text.startswith(f"{old}/"):
            return moved[old] + text[len(old) :]
    return text
