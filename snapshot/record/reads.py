"""What a run was seen to open, `.snap/runs/ID/reads.json.gz`: `snap.reads/1`, see docs/explanation/trace.md."""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from snapshot.document import Document, check_schema, decode_json, encode_json
from snapshot.errors import StoreError
from snapshot.host.files import write_atomic

SCHEMA: Final = "snap.reads/1"
NAME = "reads.json.gz"
_GZIP = 31
"""What zlib calls its own format with the head of gzip."""
_LARGEST = 2**30
"""Bytes, unpacked: ten times what the names that are kept at most can take."""


class ReadsFile(Document, kw_only=True, frozen=True):
    """The names; each list is sorted, and as `project.names.to_text` writes them."""

    schema: Literal["snap.reads/1"] = SCHEMA
    processes: int
    project: tuple[str, ...] = ()
    """Files of the project, relative to it."""
    data: tuple[str, ...] = ()
    """Files of the data: as `Data.path`, and what lies below it."""
    outside: tuple[str, ...] = ()
    """Absolute paths in the container that are neither: of the image, or the run's own."""
    modules: tuple[str, ...] = ()
    """Packages of the image, by the names that are imported."""
    missing: tuple[str, ...] = ()
    """Absolute paths that were asked for and not there."""
    programs: tuple[str, ...] = ()
    """Programs that were started, as they were named."""
    complete: bool = True


def write(run_folder: Path, reads: ReadsFile) -> None:
    """Put it beside the record; equal values are equal bytes. Raises HostError as `write_atomic` does."""
    packer = zlib.compressobj(wbits=_GZIP)  # `gzip` itself would write down the time
    packed = packer.compress(encode_json(reads)) + packer.flush()
    # The record, which is waited for, comes after it.
    write_atomic(run_folder / NAME, packed, durable=False)


def read(run_folder: Path) -> ReadsFile | None:
    """What the run was seen to open; None when it was not traced. Raises StoreError when the file is damaged."""
    where = f"{run_folder.name}/{NAME}"
    try:
        packed = (run_folder / NAME).read_bytes()
    except FileNotFoundError:
        return None
    data = _unpacked(packed, where)
    try:
        return decode_json(data, ReadsFile, where=where)
    except StoreError:
        with suppress(msgspec.DecodeError):
            check_schema(msgspec.json.decode(data), SCHEMA, where=where)
        raise


def _unpacked(packed: bytes, where: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        data = unpacker.decompress(packed, _LARGEST)
    except zlib.error:
        data = b""
    if not unpacker.eof or unpacker.unused_data:
        raise StoreError(f"{where} is damaged", hint="see `snap fsck`")
    return data
