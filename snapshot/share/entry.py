"""One file of what is shared, before it is written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from snapshot.digest import CHUNK
from snapshot.document import Value


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
