"""Two code snapshots side by side, and the patch that makes the second of the first. Pure but for asking for contents.

The patch is git's format of a unified diff, which `patch -p1` and `git apply` take: also modes, links, files that come
and go. Nothing in it depends on when it was made.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from snapshot.document import Value
from snapshot.project import names
from snapshot.record.code.snapshots import DIRECTORY, LINK, CodeEntry

Read = Callable[[CodeEntry], bytes]
"""The content of a file of a snapshot; raises StoreError when the store has lost it."""
_SPECIAL = b'"\\\x7f'
Opcode = tuple[str, int, int, int, int]

CONTEXT = 3
"""Lines around a change, as in git."""
PATIENCE = 40_000
"""Lines of both files together that are matched, in less than a second; beyond that it may take minutes."""
_LOOKS = 8000
"""Bytes at the beginning of a file that tell whether it is text, as in git: there is no NUL in text."""


class FileChange(Value, kw_only=True, frozen=True):
    """A file, link or folder that is not the same in both snapshots."""

    path: str
    """As `project.names` writes it."""
    old: CodeEntry | None
    new: CodeEntry | None

    @property
    def word(self) -> str:
        """What happened: `added`, `removed`, `mode` (nothing but that) or `changed`."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        return "mode" if _content(self.old) == _content(self.new) else "changed"

    @property
    def is_file(self) -> bool:
        """Whether the second run has a file here."""
        return self.new is not None and bool(self.new.sha256)


class Patch(Value, kw_only=True, frozen=True):
    """What makes the new file of the old."""

    head: tuple[bytes, ...]
    lines: tuple[bytes, ...] = ()
    """Of all hunks; each ends in a new line."""
    added: int = 0
    removed: int = 0
    binary: bool = False
    """Whether it only names a file, since that is no text."""


def changes(old: Iterable[CodeEntry], new: Iterable[CodeEntry]) -> tuple[FileChange, ...]:
    """What differs, by path; a folder is told only where nothing in it is."""
    was, now = ({names.from_text(entry.path): entry for entry in entries} for entries in (old, new))
    paths = [path for path in sorted(was.keys() | now.keys()) if was.get(path) != now.get(path)]
    filled = {parent for path in paths for parent in _parents(path)}
    found = ((p, FileChange(path=names.to_text(p), old=was.get(p), new=now.get(p))) for p in paths)
    return tuple(change for path, change in found if not (path in filled and _is_folder(change)))


def patch(change: FileChange, read: Read) -> Patch:
    """The patch for one file; empty for a folder. Raises what `read` raises."""
    old, new = (entry if entry and entry.mode != DIRECTORY else None for entry in (change.old, change.new))
    if old and new and LINK in (old.mode, new.mode) and old.mode != new.mode:
        # A file can't be made a link by changing it.
        gone, came = _patch(change.path, old, None, read), _patch(change.path, None, new, read)
        lines = (*gone.lines, *came.head, *came.lines)
        return Patch(head=gone.head, lines=lines, added=came.added, removed=gone.removed)
    return _patch(change.path, old, new, read) if old or new else Patch(head=())


def _patch(path: str, old: CodeEntry | None, new: CodeEntry | None, read: Read) -> Patch:
    was, now = (b"" if entry is None else _bytes(entry, read) for entry in (old, new))
    head = (*_head(path, old, new), *_index(old, new, was, now))
    if was == now:
        return Patch(head=head)
    a, b = (_quoted(side, path) if entry else b"/dev/null" for side, entry in ((b"a/", old), (b"b/", new)))
    if b"\0" in was[:_LOOKS] or b"\0" in now[:_LOOKS]:
        return Patch(head=(*head, b"Binary files %s and %s differ\n" % (a, b)), binary=True)
    old_lines, new_lines = _lines(was), _lines(now)
    lines = tuple(line for group in _groups(old_lines, new_lines) for line in _hunk(old_lines, new_lines, group))
    return Patch(
        head=(*head, b"--- %s\n" % a, b"+++ %s\n" % b),
        lines=lines,
        added=sum(line.startswith(b"+") for line in lines),
        removed=sum(line.startswith(b"-") for line in lines),
    )


def _head(path: str, old: CodeEntry | None, new: CodeEntry | None) -> Iterator[bytes]:
    yield b"diff --git %s %s\n" % (_quoted(b"a/", path), _quoted(b"b/", path))
    if old is None and new is not None:
        yield b"new file mode %s\n" % new.mode.encode()
    elif new is None and old is not None:
        yield b"deleted file mode %s\n" % old.mode.encode()
    elif old and new and old.mode != new.mode:
        yield b"old mode %s\nnew mode %s\n" % (old.mode.encode(), new.mode.encode())


def _index(old: CodeEntry | None, new: CodeEntry | None, was: bytes, now: bytes) -> Iterator[bytes]:
    """The line by which `patch` knows that a changed link is one, and `git apply -3` what was changed."""
    blobs = (b"0" * 12 if entry is None else _blob(data) for entry, data in ((old, was), (new, now)))
    if was != now or old is None or new is None:
        mode = b" %s" % old.mode.encode() if old and new and old.mode == new.mode else b""
        yield b"index %s%s\n" % (b"..".join(blobs), mode)


def _blob(data: bytes) -> bytes:
    """What git calls the content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()[:12].encode()


def _bytes(entry: CodeEntry, read: Read) -> bytes:
    return os.fsencode(names.from_text(entry.target)) if entry.mode == LINK else read(entry)


def _lines(data: bytes) -> list[bytes]:
    """Lines with their ends; only `\\n` ends one, as for `patch`."""
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def _groups(a: list[bytes], b: list[bytes]) -> Iterable[Sequence[Opcode]]:
    """The hunks, each as `difflib` has them: what happens to which lines."""
    matcher = SequenceMatcher(None, a, b)
    if len(a) + len(b) > PATIENCE:
        matcher.opcodes = _ends(a, b)  # type: ignore[attr-defined]
    return matcher.get_grouped_opcodes(CONTEXT)


def _ends(a: list[bytes], b: list[bytes]) -> list[Opcode]:
    """Only what is the same at the beginning and at the end is told to be the same."""
    shorter = min(len(a), len(b))
    start = next((at for at in range(shorter) if a[at] != b[at]), shorter)
    end = next((at for at in range(shorter - start) if a[-1 - at] != b[-1 - at]), shorter - start)
    return [
        ("equal", 0, start, 0, start),
        ("replace", start, len(a) - end, start, len(b) - end),
        ("equal", len(a) - end, len(a), len(b) - end, len(b)),
    ]


def _hunk(a: list[bytes], b: list[bytes], group: Sequence[Opcode]) -> Iterator[bytes]:
    places = _place(group[0][1], group[-1][2]), _place(group[0][3], group[-1][4])
    yield b"@@ -%s +%s @@\n" % places
    for tag, a_start, a_end, b_start, b_end in group:
        if tag == "equal":
            yield from (_ended(b" " + line) for line in a[a_start:a_end])
            continue
        yield from (_ended(b"-" + line) for line in a[a_start:a_end])
        yield from (_ended(b"+" + line) for line in b[b_start:b_end])


def _place(start: int, end: int) -> bytes:
    """First line and number of lines; of none the line before."""
    length = end - start
    return b"%d" % (start + 1) if length == 1 else b"%d,%d" % (start + (length > 0), length)


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"


def _quoted(side: bytes, path: str) -> bytes:
    """A path as git quotes it, where it could be misunderstood; GNU patch understands it so with spaces too."""
    name = side + os.fsencode(names.from_text(path))
    if all(byte > 32 and byte not in _SPECIAL for byte in name):
        return name
    return b'"%s"' % b"".join(b"\\%03o" % byte if byte < 32 or byte in _SPECIAL else b"%c" % byte for byte in name)


def _content(entry: CodeEntry) -> tuple[str, str]:
    return entry.sha256, entry.target


def _is_folder(change: FileChange) -> bool:
    return all(entry is None or entry.mode == DIRECTORY for entry in (change.old, change.new))


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
