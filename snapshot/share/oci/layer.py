"""Layers: tars that are compressed once, on their way into a file, and unpacked again within bounds."""

from __future__ import annotations

import hashlib
import os
import queue
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import IntegrityError
from snapshot.host.files import disk_errors
from snapshot.share.entry import Entry, checked
from snapshot.share.oci.document import LAYER, ROLE, SIZE, Descriptor
from snapshot.share.tar import tar

_LEVEL = 1
_GZIP = 31
"""What zlib calls its container."""
_AHEAD = 16
"""Blocks of 1 MiB that wait to be compressed, at most."""


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
    """A tar that is compressed while it is written, in a thread of its own.

    `isal.igzip_threaded` does that too, but takes up to 50 ms to end: as much as all else when a run is pushed whose
    platform is there.
    """

    def __init__(self, folder: Path) -> None:
        with disk_errors(folder):
            descriptor, name = tempfile.mkstemp(dir=folder, prefix="layer-")
        self.path, self._file = Path(name), os.fdopen(descriptor, "wb")
        self._tar, self._unpacked, self._block = hashlib.sha256(), 0, bytearray()
        self._blob, self._size = hashlib.sha256(), 0
        self._blocks: queue.Queue[bytearray | None] = queue.Queue(_AHEAD)
        self._problem: BaseException | None = None
        self._worker = threading.Thread(target=self._compress, daemon=True)

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def write(self, chunk: bytes) -> None:
        """Add to the tar. Raises HostError for a full disk."""
        self._tar.update(chunk)
        self._unpacked += len(chunk)
        rest = memoryview(chunk)
        while rest:
            room = digest.CHUNK - len(self._block)
            self._block += rest[:room]
            rest = rest[room:]
            if len(self._block) == digest.CHUNK:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._problem is not None:
            with disk_errors(self.path):
                raise self._problem
        self._blocks.put(self._block)
        self._block = bytearray()

    def _compress(self) -> None:
        """Blocks of one size: where they end decides what comes out. The head has neither name nor time."""
        from isal import isal_zlib

        compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
        try:
            while (block := self._blocks.get()) is not None:
                self._keep(compressor.compress(block))
            self._keep(compressor.flush())
        except BaseException as problem:
            self._problem = problem
            while block is not None:
                # Whoever writes is told with a later block.
                block = self._blocks.get()

    def _keep(self, data: bytes) -> None:
        self._blob.update(data)
        self._size += len(data)
        self._file.write(data)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._blocks.put(self._block)
        self._blocks.put(None)
        self._worker.join()
        try:
            with disk_errors(self.path), self._file:
                if kind is None and self._problem is not None:
                    raise self._problem
        finally:
            if kind is not None or self._problem is not None:
                self.path.unlink()

    def check(self, diff_id: str) -> None:
        """Raise IntegrityError unless the tar, all of which is written, has this digest."""
        if (got := digest.PREFIX + self._tar.hexdigest()) != diff_id:
            raise IntegrityError(f"the engine gave {got} for its layer {diff_id}", hint="look at the engine's disk")

    def layer(self, role: str) -> Layer:
        """The layer, once all of it is written."""
        return Layer(
            role=role,
            diff_id=digest.PREFIX + self._tar.hexdigest(),
            digest=digest.PREFIX + self._blob.hexdigest(),
            size=self._size,
            unpacked=self._unpacked,
            path=self.path,
        )


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
