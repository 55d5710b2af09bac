"""Everything that would leave the machine is looked through first: for secrets, and for what tells of who and where."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec

from snapshot.document import Value
from snapshot.lock.document import FILE_NAME
from snapshot.project.names import display
from snapshot.share.entry import Entry
from snapshot.share.export.document import CODE, LISTS
from snapshot.share.export.private import SECRET, Private
from snapshot.share.secrets.scan import masked, scan, text_of

BLOCK = 1 << 20
_OVERLAP = 1 << 16
"""Of a block, what the next one has too, so that a key of many lines is in one of them."""
_STRINGS = re.compile(rb"[\x20-\x7e]{8,}")
_DIGEST = re.compile(rb"\b[0-9a-f]{64}\b")
_GZIP = 31
_PACKED = (".whl", ".zip", ".npz", ".pt", ".pth", ".ckpt", ".keras")
"""Zip archives of which the text of the members is looked at."""
_BY_NAME = "file-name"
_LOCK = f"{CODE}/{FILE_NAME}"
_LARGEST_MEMBER = 1 << 26


class Finding(Value, kw_only=True, frozen=True):
    """Something in a file that must not leave without somebody's saying so."""

    path: str
    """In the export."""
    line: int
    """From 1; 0 where it is the file's name, or in a file that is no text."""
    rule: str
    masked: str
    """Enough to recognize it by; of what is private and no secret, all of it."""
    count: int = 1
    """How often the same is in the file; `line` is the first."""

    @property
    def fingerprint(self) -> str:
        """What `--allow` takes."""
        return f"{display(self.path)}:{self.rule}:{self.line}"


def find(entries: Iterable[Entry], unseen: Iterable[str], private: Private) -> tuple[Finding, ...]:
    """What is in `entries`, by path and line. Raises OSError when one can't be read.

    `unseen` are files that the run could see and that do not leave: those that hold secrets by their kind count all the
    same, since the results may have come by them.
    """
    found = [secret for path in unseen for secret in _named(path, private) if secret.rule == _BY_NAME]
    for entry in entries:
        found += _named(entry.path, private)
        if isinstance(entry.source, bytes) and (not entry.path.startswith(f"{CODE}/") or entry.path == _LOCK):
            # Written by us: digests, which look like keys.
            entry = msgspec.structs.replace(entry, source=_DIGEST.sub(b"", entry.source))
        if entry.link is not None:
            found += _private(entry.path, entry.link, 0, private)
        elif entry.is_file:
            found += _collected(_inside(entry, private))
    return tuple(sorted(found, key=lambda one: (one.path, one.line, one.rule)))


def _named(path: str, private: Private) -> Iterator[Finding]:
    """What the name alone tells."""
    for secret in scan(path, b""):
        yield Finding(path=path, line=0, rule=secret.rule, masked=secret.masked)
    yield from _private(path, path, 0, private)


def _inside(entry: Entry, private: Private) -> Iterator[Finding]:
    if entry.path.startswith(f"{LISTS}/"):
        yield from _private(entry.path, _names(entry), 0, private)
    elif entry.path.endswith(_PACKED) and zipfile.is_zipfile(_opened(entry)):
        yield from _archive(entry, private)
    else:
        yield from _stream(entry, private)


def _stream(entry: Entry, private: Private) -> Iterator[Finding]:
    """A file, block by block: its lines if it is text, and the legible parts of anything else."""
    line, is_text = 1, None
    for block, fresh in _blocks(entry):
        if is_text is None:
            is_text = text_of(block) is not None
        yield from _content(entry.path, block, line, is_text, private)
        line += block[: len(block) - fresh].count(b"\n")


def _blocks(entry: Entry) -> Iterator[tuple[bytes, int]]:
    """The bytes, each block with how many of its last are in the next one too; blocks begin with lines."""
    with _opened(entry) as file:
        kept = b""
        while data := file.read(BLOCK):
            block = kept + data
            start = block.rfind(b"\n", 0, max(len(block) - _OVERLAP, 0)) + 1 or max(len(block) - _OVERLAP, 0)
            kept = block[start:]
            yield block, len(kept)
        if not kept:
            yield b"", 0


def _content(path: str, block: bytes, first: int, is_text: bool, private: Private) -> Iterator[Finding]:
    """The findings in a block that begins with the line `first`."""
    if not is_text:
        block = b"\n".join(_STRINGS.findall(block))
    for secret in scan(path, block):
        if secret.line:
            line = secret.line + first - 1 if is_text else 0
            yield Finding(path=path, line=line, rule=secret.rule, masked=secret.masked)
    yield from _private(path, text_of(block) or "", first if is_text else 0, private)


def _archive(entry: Entry, private: Private) -> Iterator[Finding]:
    """The members of a zip archive, each as a file `ARCHIVE!MEMBER`."""
    try:
        with _opened(entry) as file, zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                path = f"{entry.path}!{member.filename}"
                yield from _named(path, private)
                with archive.open(member) as content:
                    while block := content.read(_LARGEST_MEMBER):
                        yield from _content(path, block, 1, text_of(block) is not None, private)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        yield from _stream(entry, private)


def _private(path: str, text: str, first: int, private: Private) -> Iterator[Finding]:
    at, line = 0, first
    for one in private.find(text):
        line += text.count("\n", at, one.start) if first else 0
        at = one.start
        yield Finding(
            path=path, line=line, rule=one.rule, masked=masked(one.text) if one.rule in SECRET else display(one.text)
        )


def _collected(found: Iterable[Finding]) -> Iterator[Finding]:
    """Each once; the same private thing in many lines is one finding."""
    first: dict[tuple[str, str, str, int], Finding] = {}
    lines: dict[tuple[str, str, str, int], set[int]] = {}
    for one in found:
        key = (one.path, one.rule, one.masked, one.line if "…" in one.masked else 0)
        first.setdefault(key, one)
        lines.setdefault(key, set()).add(one.line)
    for key, one in first.items():
        yield Finding(path=one.path, line=one.line, rule=one.rule, masked=one.masked, count=len(lines[key]))


def _opened(entry: Entry) -> BinaryIO:
    return BytesIO(entry.source) if isinstance(entry.source, bytes) else entry.source.open("rb")


def _names(entry: Entry) -> str:
    """The names in a list of data files."""
    data = entry.source if isinstance(entry.source, bytes) else Path(entry.source).read_bytes()
    with suppress(zlib.error):
        return zlib.decompress(data, _GZIP).replace(b"\0", b"\n").decode("utf-8", "surrogateescape")
    return ""
