"""safetensors: a header in JSON, and then the tensors, one behind the other.

The header is read as strictly as the format says it must be
(https://github.com/huggingface/safetensors#format): no holes, nothing twice, nothing that is not there.
"""

from __future__ import annotations

import os
from typing import BinaryIO

import msgspec

from snapshot.compare import arrays, elements, volatile
from snapshot.compare.arrays import Array, Region
from snapshot.compare.formats import texts
from snapshot.compare.tally import IncomparableError, Tally
from snapshot.document import Value

LONGEST_HEADER = 32 << 20
"""Bytes: 100,000 tensors have some 10 MB."""
_BEFORE = 8
"""Bytes that say how long the header is."""


class _Tensor(Value, kw_only=True, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def compare(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Tensors in any order, and what is said of them."""
    (was, old), (now, new) = (_read(file) for file in (first, second))
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key):
            _said(key, was.get(key), now.get(key), tally)
    arrays.compare(arrays.by_name(old, new, tally), tally)


def _said(key: str, a: str | None, b: str | None, tally: Tally) -> None:
    if a is None or b is None:
        tally.other(f"__metadata__.{key}", f"only the {'second' if a is None else 'first'} has it", a, b)
    elif volatile.is_time(key):
        tally.ignore(f"`{key}`")
    else:
        texts.exactly(a, b, tally, f"__metadata__.{key}")


def _read(file: BinaryIO) -> tuple[dict[str, str], dict[str, Array]]:
    """What the header says of the file, and its tensors in the order in which they lie there."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_BEFORE), "little")
    if length > min(LONGEST_HEADER, size - _BEFORE):
        raise IncomparableError("it is no safetensors file: its header is too long")
    try:
        raw = msgspec.json.decode(file.read(length), type=dict[str, msgspec.Raw])
        said = msgspec.json.decode(raw.pop("__metadata__", b"{}"), type=dict[str, str])
        found = {name: msgspec.json.decode(part, type=_Tensor) for name, part in raw.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise IncomparableError(f"it is no safetensors file: {str(problem).lower()}") from None
    start = _BEFORE + length
    _check(found, size - start)
    ordered = sorted(found.items(), key=lambda pair: pair[1].data_offsets)
    return said, {name: _array(name, tensor, file.fileno(), start) for name, tensor in ordered}


def _check(found: dict[str, _Tensor], size: int) -> None:
    """Raises IncomparableError unless the tensors are all of the `size` bytes behind the header, each once."""
    at = 0
    for begin, end in sorted(tensor.data_offsets for tensor in found.values()):
        if begin != at or end < begin:
            raise IncomparableError("it is no safetensors file: its tensors overlap, or leave something out")
        at = end
    if at != size:
        raise IncomparableError(f"it is no safetensors file: {size:,} bytes of tensors where {at:,} are told of")


def _array(name: str, tensor: _Tensor, descriptor: int, start: int) -> Array:
    element = elements.of_tensor(tensor.dtype)
    begin, end = tensor.data_offsets
    shape = tensor.shape if element.is_known else (end - begin,)
    arrays.check_shape(shape, element, end - begin)
    return Array(name=name, element=element, shape=shape, source=Region(descriptor, start + begin))
