"""The code of two runs, apart into hunks and files that can be swapped alone. Pure but for asking for contents."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

import msgspec

from snapshot.cause.candidate import Candidate
from snapshot.compare.code import PATIENCE, FileChange, Read, changes
from snapshot.document import Value
from snapshot.project.names import display, from_text
from snapshot.record.code.snapshots import DIRECTORY, EXECUTABLE, FILE, CodeEntry

MOST_HUNKS = 200
"""Of one file; more, and the file is swapped as a whole."""
_REQUIREMENTS = re.compile(r"(^|/)requirements[^/]*\.txt$")
"""What they ask for is swapped as packages."""
_TEXT = 8000
"""Bytes at the beginning that tell whether a file is text, as in git."""


class Hunk(Value, kw_only=True, frozen=True):
    """Lines of the first file, and those that the second has in their place."""

    key: str
    start: int
    end: int
    lines: tuple[bytes, ...]


class Code:
    """What differs between two snapshots."""

    def __init__(self, old: Sequence[CodeEntry], new: Sequence[CodeEntry], read: Read) -> None:
        self._old, self._read = tuple(old), read
        self._new = {entry.path: entry for entry in new}
        self._changes = {change.path: change for change in changes(old, new) if not _is_folder(change)}
        self._hunks = {path: _hunks(change, read) for path, change in self._changes.items()}

    def candidates(self) -> Iterator[Candidate]:
        """One for each hunk of a text that both have, one for each other file."""
        for path, change in self._changes.items():
            shown = display(from_text(path))
            for hunk in self._hunks[path]:
                yield Candidate(key=hunk.key, kind="code", text=_place(shown, hunk))
            if not self._hunks[path]:
                yield Candidate(key=f"code {path}", kind="code", text=f"{shown} ({change.word})")

    def mixed(self, chosen: Collection[str]) -> tuple[tuple[CodeEntry, ...], Mapping[str, bytes]]:
        """The first snapshot with what was `chosen` from the second, and the contents that neither has, by sha256."""
        entries = {entry.path: entry for entry in self._old}
        contents: dict[str, bytes] = {}
        for path, change in self._changes.items():
            hunks = self._hunks[path]
            taken = [hunk for hunk in hunks if hunk.key in chosen]
            if f"code {path}" in chosen or (hunks and len(taken) == len(hunks)):
                entries.pop(path, None)
                if change.new:
                    entries[path] = change.new
            elif taken and change.old:
                data = _applied(_lines(self._read(change.old)), taken)
                sha256 = hashlib.sha256(data).hexdigest()
                contents[sha256] = data
                entries[path] = msgspec.structs.replace(change.old, sha256=sha256, size=len(data))
        return tuple(_with_folders(entries, self._new)), contents


def _hunks(change: FileChange, read: Read) -> tuple[Hunk, ...]:
    """None where the file is to be swapped as a whole."""
    old, new = change.old, change.new
    if old is None or new is None or {old.mode, new.mode} - {FILE, EXECUTABLE} or old.mode != new.mode:
        return ()
    was, now = read(old), read(new)
    a, b = _lines(was), _lines(now)
    is_text = b"\0" not in was[:_TEXT] and b"\0" not in now[:_TEXT]
    if not is_text or len(a) + len(b) > PATIENCE or _REQUIREMENTS.search(change.path):
        return ()
    found = tuple(
        Hunk(key=f"code {change.path}:{start + 1}", start=start, end=end, lines=tuple(b[first:last]))
        for tag, start, end, first, last in SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        if tag != "equal"
    )
    return found if len(found) <= MOST_HUNKS else ()


def _applied(lines: Sequence[bytes], hunks: Sequence[Hunk]) -> bytes:
    """`hunks` are in the order of the file."""
    found, at = [], 0
    for hunk in hunks:
        found += [*lines[at : hunk.start], *hunk.lines]
        at = hunk.end
    return b"".join([*found, *lines[at:]])


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _place(path: str, hunk: Hunk) -> str:
    number = hunk.end - hunk.start
    return f"{path}:{hunk.start + 1} (-{number} +{len(hunk.lines)} lines)"


def _with_folders(entries: Mapping[str, CodeEntry], new: Mapping[str, CodeEntry]) -> Iterator[CodeEntry]:
    """`entries` sorted, with the folders that a file of the second run may be in."""
    found = dict(entries)
    for path in entries:
        while path := path.rpartition("/")[0]:
            if path not in found:
                found[path] = new.get(path) or CodeEntry(path=path, mode=DIRECTORY)
    yield from found.values()


def _is_folder(change: FileChange) -> bool:
    return all(entry is None or entry.mode == DIRECTORY for entry in (change.old, change.new))
