"""sha256 identity of bytes, files and trees, in OCI notation (`sha256:…`, OCI image-spec `descriptor.md#digests`)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

PREFIX = "sha256:"
CHUNK = 1 << 20


def of_bytes(data: bytes) -> str:
    """The digest of `data`."""
    return PREFIX + hashlib.sha256(data).hexdigest()


def of_stream(stream: BinaryIO) -> str:
    """The digest of what is left to read in `stream`, in constant memory."""
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return PREFIX + digest.hexdigest()


def of_file(path: Path) -> str:
    """The digest of the file's bytes, in constant memory; raises OSError."""
    with path.open("rb") as file:
        return of_stream(file)


def hex_of(digest: str) -> str:
    """The 64 hexadecimal digits of `digest`, as file names carry them."""
    return digest.removeprefix(PREFIX)


def short(digest: str) -> str:
    """The first 12 hexadecimal digits, enough for people."""
    return hex_of(digest)[:12]
