"""The list of a data folder's files, kept once in `.snap/data/HEX.gz`; docs/reference/data.md has the format.

Its bytes decide the digest of the data: `zcat FILE | sha256sum` gives the file's name.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from snapshot.digest import PREFIX, hex_of
from snapshot.document import Value
from snapshot.errors import StoreError
from snapshot.host.files import disk_errors, make_dirs
from snapshot.project.names import to_text
from snapshot.record.document import Edit

FOLDER = "data"
SUFFIX = ".gz"
HEAD: Final = b"snap.data/1"
METHODS: Final = ("content", "mtime", "sample")
UNREADABLE: Final = b"unreadable"
LINK: Final = b"link:"
_GZIP = 31
_CHUNK = 1 << 18
_LONGEST = 1 << 16
"""Of one entry, bytes: Linux has no longer paths. What is longer is no manifest, and must not fill the memory."""


class Entry(Value, frozen=True):
    """One file of the data."""

    path: str
    """Below the data folder, as documents hold names."""
    size: int
    sha256: str
    """64 hexadecimal digits, of a link those of its text; empty for what could not be read."""
    kind: str
    """file, link or unreadable."""


class Writer:
    """A manifest that is being written; it is there, under its digest, only when all of it is."""

    def __init__(self, store: Path, method: str = "content") -> None:
        self._folder = store / FOLDER
        self._sha256, self._gzip = hashlib.sha256(), zlib.compressobj(1, wbits=_GZIP)
        make_dirs(self._folder)
        with disk_errors(self._folder):
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            self._file, self._path = os.fdopen(descriptor, "wb"), Path(name)
        self.add(head(method))

    def add(self, text: bytes) -> None:
        """Write entries, as `line` makes them, in the order of their paths."""
        self._sha256.update(text)
        with disk_errors(self._folder):
            self._file.write(self._gzip.compress(text))

    def finish(self) -> str:
        """Put it under its name, on the disk, and return its digest."""
        digest = PREFIX + self._sha256.hexdigest()
        target = path(self._folder.parent, digest)
        if not target.exists():
            with disk_errors(self._folder):
                self._file.write(self._gzip.flush())
                self._file.flush()
                os.fchmod(self._file.fileno(), 0o644)
                os.fsync(self._file.fileno())
                self._path.replace(target)
        return digest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def head(method: str) -> bytes:
    """The first line: what was not identified by content can never have the digest of what was."""
    return HEAD + (b"\n" if method == "content" else b" %b\n" % method.encode())


def line(identity: bytes, size: int, path: bytes) -> bytes:
    """One entry; `identity` is the sha256 in hexadecimal digits, `LINK` and that, or `UNREADABLE`."""
    return b"%b %d %b\0" % (identity, size, path)


def path(store: Path, digest: str) -> Path:
    """Where the manifest with this digest is."""
    return store / FOLDER / f"{hex_of(digest)}{SUFFIX}"


def listed(store: Path) -> list[str]:
    """The digests of all manifests in the store, sorted."""
    with suppress(FileNotFoundError):
        names = (entry.name for entry in os.scandir(store / FOLDER))
        return sorted(PREFIX + n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX) and not n.startswith("."))
    return []


def size(store: Path, digest: str) -> int:
    """Bytes that the manifest takes on the disk, 0 if it is not there."""
    with suppress(OSError):
        return path(store, digest).stat().st_size
    return 0


def read(store: Path, digest: str) -> Iterator[Entry]:
    """The files that the data had, in order. Raises StoreError when the manifest is not there or damaged."""
    for name, number, identity in _entries(store, digest):
        kind = "link" if identity.startswith(LINK) else "unreadable" if identity == UNREADABLE else "file"
        sha256 = "" if kind == "unreadable" else identity.removeprefix(LINK).decode("ascii")
        yield Entry(to_text(os.fsdecode(name)), number, sha256, kind)


def diff(store: Path, old: str, new: str) -> Iterator[Edit]:
    """What was changed to make the data `new` of `old`, in the order of paths. Raises StoreError as `read` does."""
    if old == new:
        return
    before, after = _entries(store, old), _entries(store, new)
    left, right = next(before, None), next(after, None)
    while left or right:
        if right is None or (left and left[0] < right[0]):
            assert left is not None
            yield _edit(left[0], "removed")
            left = next(before, None)
        elif left is None or right[0] < left[0]:
            yield _edit(right[0], "added")
            right = next(after, None)
        else:
            if left != right:
                yield _edit(right[0], "changed")
            left, right = next(before, None), next(after, None)


def verify(store: Path, digest: str) -> tuple[str, ...]:
    """What is wrong with the manifest: nothing when its bytes have its digest and are in order."""
    sha256, last = hashlib.sha256(), None
    try:
        for text in _inflated(store, digest):
            sha256.update(text)
        if sha256.hexdigest() != hex_of(digest):
            return (f"{_where(digest)} is not what its name says",)
        for name, _, _ in _entries(store, digest):
            if last is not None and name <= last:
                return (f"{_where(digest)} is not in order",)
            last = name
    except StoreError as problem:
        return (problem.message,)
    return ()


def _entries(store: Path, digest: str) -> Iterator[tuple[bytes, int, bytes]]:
    """Path, size and identity of each file."""
    rest, begun = b"", False
    for text in _inflated(store, digest):
        rest += text
        if not begun and b"\n" in rest:
            first, rest = rest.split(b"\n", 1)
            _check_head(first, digest)
            begun = True
        if begun:
            *whole, rest = rest.split(b"\0")
            for entry in whole:
                yield _parsed(entry, digest)
        if len(rest) > _LONGEST:
            break
    if rest or not begun:
        raise _damaged(digest)


def _check_head(first: bytes, digest: str) -> None:
    if first in {head(method)[:-1] for method in METHODS}:
        return
    kind, _, version = first.partition(b" ")[0].partition(b"/")
    if kind == HEAD.partition(b"/")[0] and version.isdigit() and version != HEAD.partition(b"/")[2]:
        raise StoreError(
            f"{_where(digest)} is of a newer version", hint="upgrade with `pip install --upgrade snapshot-ml`"
        )
    raise _damaged(digest)


def _parsed(entry: bytes, digest: str) -> tuple[bytes, int, bytes]:
    try:
        identity, number, name = entry.split(b" ", 2)
        identity.decode("ascii")
        return name, int(number), identity
    except ValueError:
        raise _damaged(digest) from None


def _inflated(store: Path, digest: str) -> Iterator[bytes]:
    """The bytes of the manifest, some at a time: a hostile file inflates no further than it is read."""
    unzip = zlib.decompressobj(wbits=_GZIP)
    try:
        with path(store, digest).open("rb") as file:
            while not unzip.eof:
                data = unzip.unconsumed_tail or file.read(_CHUNK)
                text = unzip.decompress(data, _CHUNK)
                if not data and not text:
                    raise _damaged(digest)
                yield text
    except FileNotFoundError:
        raise StoreError(
            f"{_where(digest)} is not there", hint="`snap data verify` and `snap run` make it anew from the data"
        ) from None
    except zlib.error:
        raise _damaged(digest) from None
    except OSError as problem:
        raise StoreError(f"{_where(digest)} can't be read: {(problem.strerror or str(problem)).lower()}") from None


def _edit(name: bytes, change: str) -> Edit:
    return Edit(path=to_text(os.fsdecode(name)), change=change)


def _damaged(digest: str) -> StoreError:
    return StoreError(f"{_where(digest)} is damaged", hint="see `snap fsck`")


def _where(digest: str) -> str:
    return f"`.snap/{FOLDER}/{hex_of(digest)}{SUFFIX}`"
