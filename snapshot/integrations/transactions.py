"""The file that W&B writes: LevelDB's log (`doc/log_format.md` there), each entry a record of protobuf.

It is read since the library says nothing of a record that could not be written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snapshot.integrations.library import library

_BLOCK = 1 << 15
_MARK = b":W&B"
_OF_FILE = 7
"""Bytes of the file's own head: the mark, a number and a version."""
_HEAD = struct.Struct("<IHB")
"""Of each fragment: checksum, length, kind."""
_WHOLE, _LAST = 1, 4
"""Kinds of the fragments that end an entry."""


def records(path: Path) -> Iterator[Any]:
    """W&B's records in the file, up to where it was cut off."""
    kind = library("wandb.proto.wandb_internal_pb2").Record
    for entry in _entries(path):
        record = kind()
        record.ParseFromString(entry)
        yield record


def is_whole(path: Path) -> bool:
    """Whether the file ends with how the run ended."""
    last = None
    for entry in records(path):
        last = entry
    return last is not None and bool(last.HasField("exit"))


def _entries(path: Path) -> Iterator[bytes]:
    parts: list[bytes] = []
    with path.open("rb") as file:
        at = _OF_FILE if file.read(_OF_FILE).startswith(_MARK) else _BLOCK
        file.seek(0)
        while block := file.read(_BLOCK):
            while at + _HEAD.size <= len(block):
                _, length, kind = _HEAD.unpack_from(block, at)
                at += _HEAD.size
                if at + length > len(block):
                    return
                parts.append(block[at : at + length])
                at += length
                if kind in (_WHOLE, _LAST):
                    yield b"".join(parts)
                    parts = []
            at = 0
