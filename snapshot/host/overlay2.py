"""The images of an overlay2 engine of this host, read where the engine keeps them, as root may.

`docker save` first writes all of an image into a folder of its own, which takes longer than all that comes after. What
is read here is the engine's own affair, so whoever reads it checks the digests, and asks `docker save` where they
don't fit. https://github.com/vbatts/tar-split: a layer's folder has the files, its `tar-split.json.gz` the rest of the
tar.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from snapshot import digest
from snapshot.document import Value

_LAYERS = "image/overlay2/layerdb/sha256"
_CONFIGS = "image/overlay2/imagedb/content/sha256"
_CHUNK = 1 << 20
_FILE, _REST = 1, 2


class _Entry(Value, frozen=True):
    """A line of `tar-split.json.gz`: bytes of the tar, or a file's name and size."""

    type: int
    name: str = ""
    size: int = 0
    payload: str | None = None


def config(root: Path, image: str) -> bytes | None:
    """The configuration of the image with that ID; None where it can't be read, or is another one."""
    try:
        data = (root / _CONFIGS / digest.hex_of(image)).read_bytes()
    except OSError:
        return None
    return data if digest.of_bytes(data) == image else None


def tars(root: Path, diff_ids: Sequence[str]) -> Iterator[Iterator[bytes]]:
    """The tar of each layer in chunks, lowest first. Raises OSError and ValueError where that is not to be had."""
    chain = ""
    for diff_id in diff_ids:
        # https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
        chain = digest.of_bytes(f"{chain} {diff_id}".encode()) if chain else diff_id
        yield _tar(root, root / _LAYERS / digest.hex_of(chain))


def _tar(root: Path, layer: Path) -> Iterator[bytes]:
    from isal import igzip

    folder = root / "overlay2" / (layer / "cache-id").read_text().strip() / "diff"
    held = bytearray()
    decode = msgspec.json.Decoder(_Entry).decode
    with igzip.open(layer / "tar-split.json.gz", "rb") as lines:  # type: ignore[no-untyped-call]
        for line in lines:
            entry = decode(line)
            if entry.type == _REST and entry.payload:
                held += base64.b64decode(entry.payload)
            elif entry.type == _FILE and entry.size:
                yield from _file(f"{folder}/{entry.name}", entry.size, held)
    yield bytes(held)


def _file(path: str, size: int, held: bytearray) -> Iterator[bytes]:
    """The content of a file behind what is `held` back; small ones are held back as well."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while size:
            chunk = os.read(descriptor, min(size, _CHUNK))
            if not chunk:
                raise ValueError(f"{path} is shorter than it was")
            held += chunk
            size -= len(chunk)
            if len(held) >= _CHUNK:
                yield bytes(held)
                held.clear()
    finally:
        os.close(descriptor)
