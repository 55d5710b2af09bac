"""One file of what is shared, before it is written."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from snapshot.digest import CHUNK
from snapshot.document import Value
from snapshot.errors import IntegrityError
from snapshot.project.names import display


class Entry(Value, kw_only=True, frozen=True):
    """A file, a symbolic link, or a folder that may be empty."""

    path: str
    """Relative, as the file system functions give names."""
    source: Path | bytes = b""
    """Where its bytes are, or these."""
    mode: int = 0o644
    link: str | None = None
    """What a symbolic link says."""
    is_folder: bool = False
    sha256: str | None = None
    """64 hexadecimal digits, where it is known what the bytes must be."""

    @property
    def is_file(self) -> bool:
        """Whether it has bytes."""
        return self.link is None and not self.is_folder

    @property
    def size(self) -> int:
        """Bytes; raises OSError when the source is gone."""
        if not self.is_file:
            return 0
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size


def chunks(entry: Entry) -> Iterator[bytes]:
    """Its bytes, some at a time; raises OSError."""
    with io.BytesIO(entry.source) if isinstance(entry.source, bytes) else entry.source.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def checked(entry: Entry) -> Iterator[bytes]:
    """The same; raises IntegrityError at their end if they are not what they must be."""
    hasher = hashlib.sha256()
    for chunk in chunks(entry):
        hasher.update(chunk)
        yield chunk
    check(entry, hasher.hexdigest())


def check(entry: Entry, sha256: str) -> None:
    """Raise IntegrityError unless bytes with the digest `sha256`, in hexadecimal digits, are what they must be."""
    if entry.sha256 not in (None, sha256):
        raise IntegrityError(
            f"`{display(str(entry.source))}` is not what it was: it has sha256:{sha256}, "
            f"and the record says sha256:{entry.sha256}",
            hint="see `snap fsck` and `snap data verify`",
        )
