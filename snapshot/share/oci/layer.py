"""Layers: tars that are compressed once, on their way into a file, and unpacked again within bounds."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import IntegrityError
from snapshot.host.files import disk_errors
from snapshot.share.entry import Entry, checked
from snapshot.share.oci.document import LAYER, ROLE, SIZE, Descriptor
from snapshot.share.tar import tar

_LEVEL = 1
_THREADS = min(4, os.cpu_count() or 1)
"""That compress; the bytes are the same for any number of them."""


class Layer(Value, kw_only=True, frozen=True):
    """A layer as a registry has it."""

    role: str
    diff_id: str
    """Digest of the tar; of a layer that the engine had compressed nobody may know it here."""
    digest: str
    size: int
    unpacked: int | None = None
    """Bytes of the tar, as far as it was compressed here."""
    media_type: str = LAYER
    path: Path | None = None
    """Where its bytes are; None where the registry is known to have them."""

    @property
    def descriptor(self) -> Descriptor:
        """How a manifest names it."""
        size = {} if self.unpacked is None else {SIZE: str(self.unpacked)}
        return Descriptor(
            media_type=self.media_type, digest=self.digest, size=self.size, annotations={ROLE: self.role, **size}
        )


def pack(entries: Iterable[Entry], role: str, folder: Path, time: int) -> Layer:
    """The layer of `entries`, every file with `time`, as a file in `folder`.

    Raises IntegrityError for a file that is not what its entry says, HostError for a full disk.
    """
    with Packing(folder) as packing:
        for chunk in tar(entries, time, checked):
            packing.write(chunk)
    return packing.layer(role)


class Packing:
    """A tar that is compressed while it is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tar, self._size, self._held = hashlib.sha256(), 0, bytearray()

    def __enter__(self) -> Self:
        from isal import igzip_threaded

        with disk_errors(self._folder):
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="layer-")
        self.path, self._file = Path(name), _Hashed(os.fdopen(descriptor, "wb"))
        # The head has neither name nor time: the same tar is the same blob.
        self._gzip = igzip_threaded.open(self._file, "wb", compresslevel=_LEVEL, threads=_THREADS)  # type: ignore[no-untyped-call]
        return self

    def write(self, chunk: bytes) -> None:
        """Add to the tar."""
        self._tar.update(chunk)
        self._size += len(chunk)
        self._held += chunk
        # Blocks of one size: where they end decides what comes out.
        while len(self._held) >= digest.CHUNK:
            self._compress(digest.CHUNK)

    def _compress(self, size: int) -> None:
        with disk_errors(self.path):
            self._gzip.write(bytes(self._held[:size]))
        del self._held[:size]

    def check(self, diff_id: str) -> None:
        """Raise IntegrityError unless the tar, all of which is written, has this digest."""
        if (got := digest.PREFIX + self._tar.hexdigest()) != diff_id:
            raise IntegrityError(f"the engine gave {got} for its layer {diff_id}", hint="look at the engine's disk")

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._compress(len(self._held))
            with disk_errors(self.path):
                self._gzip.close()
        finally:
            self._file.file.close()
            if kind is not None:
                self.path.unlink()

    def layer(self, role: str, *, media_type: str = LAYER) -> Layer:
        """The layer, once all of it is written."""
        return Layer(
            role=role,
            diff_id=digest.PREFIX + self._tar.hexdigest(),
            digest=digest.PREFIX + self._file.hash.hexdigest(),
            size=self._file.size,
            unpacked=self._size,
            media_type=media_type,
            path=self.path,
        )


class _Hashed:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def unpack(source: Path, target: Path, diff_id: str, most: int | None) -> None:
    """Write the tar in the layer `source` to `target`, no more than `most` bytes.

    Raises IntegrityError when it is none, is larger, or is not that of `diff_id`; HostError for a full disk.
    """
    hasher, size = hashlib.sha256(), 0
    with disk_errors(target), target.open("xb") as file:
        for chunk in _inflated(source, diff_id):
            size += len(chunk)
            if most is not None and size > most:
                raise IntegrityError(f"the layer `{diff_id}` is larger than it can be", hint="don't use it")
            hasher.update(chunk)
            file.write(chunk)
    if digest.PREFIX + hasher.hexdigest() != diff_id:
        raise IntegrityError(
            f"a layer has {digest.PREFIX}{hasher.hexdigest()} unpacked, and the configuration says {diff_id}",
            hint="push it anew from where it was made",
        )


def _inflated(source: Path, diff_id: str) -> Iterator[bytes]:
    from isal import igzip

    try:
        with igzip.open(source, "rb") as file:  # type: ignore[no-untyped-call]
            while chunk := file.read(digest.CHUNK):
                yield chunk
    except (igzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise IntegrityError(f"the layer `{diff_id}` can't be unpacked: {problem}", hint="don't use it") from None
