"""TensorBoard's event files: records, each a message of Protocol Buffers that says when it was written.

Records are framed as TensorFlow does it (`tensorflow/core/lib/io/record_writer.h`). Messages are compared field by
field, by the numbers that `event.proto`, `summary.proto` and `tensor.proto` give them; only the time is ignored.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, TypeAlias

from snapshot.compare.formats.pairs import paired
from snapshot.compare.tally import IncomparableError, Tally
from snapshot.compare.volatile import MOMENT

LONGEST = 64 << 20
"""Bytes of a record."""
DAMAGED = "it is no file of events, or damaged"
Schema: TypeAlias = "dict[int, Schema | str]"
"""What the fields of a message are: messages, `f` and `d` (floats of 32 and 64 bits, of which there may be many),
`time`, and what is not named, which counts as it stands.
"""
_TENSOR: Schema = {5: "f", 6: "d"}
_HISTOGRAM: Schema = dict.fromkeys(range(1, 8), "d")
_VALUE: Schema = {2: "f", 5: _HISTOGRAM, 8: _TENSOR}
_EVENT: Schema = {1: "time", 5: {1: _VALUE}}
_WIDTHS = {1: 8, 5: 4}
"""Bytes of a field, by how it is written."""


def compare(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Event by event."""
    for number, a, b in paired(_records(first), _records(second), "event", tally):
        if a != b:
            _messages(a, b, _EVENT, tally, f"event {number}")


def _messages(a: bytes, b: bytes, schema: Schema, tally: Tally, where: str) -> None:
    was, now = ([*_fields(data)] for data in (a, b))
    if [field[:2] for field in was] != [field[:2] for field in now]:
        tally.other(where, "other fields")
        return
    if schema is _VALUE:
        where += "".join(f", {data.decode(errors='replace')}" for number, _, data in was if number == 1)
    for (number, _, old), (*_, new) in zip(was, now, strict=True):
        kind = schema.get(number)
        if isinstance(kind, dict):
            _messages(old, new, kind, tally, where)
        elif kind == "time" and old != new:
            tally.ignore(MOMENT)
        elif kind in ("f", "d"):
            _numbers(old, new, kind, tally, where)
        elif old != new:
            tally.other(where, f"field {number} has another value")


def _numbers(a: bytes, b: bytes, kind: str, tally: Tally, where: str) -> None:
    width = struct.calcsize(kind)
    if len(a) != len(b) or len(a) % width:
        tally.other(where, "another number of values", str(len(a) // width), str(len(b) // width))
        return
    form = f"<{len(a) // width}{kind}"
    for x, y in zip(struct.unpack(form, a), struct.unpack(form, b), strict=True):
        tally.number(x, y, partial(str, where))


def _records(file: BinaryIO) -> Iterator[bytes]:
    """The messages, without the sums that stand behind length and message."""
    while head := file.read(12):
        length = int.from_bytes(head[:8], "little")
        if length > LONGEST:
            raise IncomparableError(DAMAGED)
        data = file.read(length + 4)
        if len(head) + len(data) != 12 + length + 4:
            raise IncomparableError("it ends within an event")
        yield data[:length]


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, way of writing and content of each field of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, way = key >> 3, key & 7
        start = at
        if way == 0:
            _, at = _varint(data, at)
        elif way == 2:
            length, start = _varint(data, at)
            at = start + length
        elif way in _WIDTHS:
            at += _WIDTHS[way]
        else:
            raise IncomparableError(DAMAGED)
        if at > len(data):
            raise IncomparableError(DAMAGED)
        yield number, way, data[start:at]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of as many bytes as it takes, and where the next thing begins."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise IncomparableError(DAMAGED)
