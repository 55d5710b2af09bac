"""What one element of an array is: how many bytes, and which number they write. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

import numpy as np

from snapshot.document import Value

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Part(Value, kw_only=True, frozen=True):
    """A number, or something else that is compared as it stands, within each element."""

    name: str
    """Of a field of a record, with a dot in front; empty where the element is all of it."""
    count: int
    """How many there are in each element."""
    is_number: bool
    read: Callable[[Numbers], Numbers]
    """The values in the bytes of some elements, one after the other; of what is no number the bytes of each."""
    say: Callable[[Numbers], str] = str
    """One of them for people."""


class Element(Value, kw_only=True, frozen=True):
    """One kind of element."""

    name: str
    """As the file writes it."""
    size: int
    """Bytes."""
    parts: tuple[Part, ...]
    is_known: bool = True
    """Whether it can be told what the bytes mean."""


def of_dtype(dtype: np.dtype[Any]) -> Element:
    """That of a NumPy array; its objects, if it has any, are no values."""
    return Element(name=dtype.str if dtype.names is None else str(dtype), size=dtype.itemsize, parts=(*_parts(dtype),))


def of_bytes(name: str, size: int, read: Callable[[Numbers], Numbers]) -> Element:
    """Numbers of a kind that NumPy does not have."""
    return Element(name=name, size=size, parts=(Part(name="", count=1, is_number=True, read=read),))


def of_tensor(name: str) -> Element:
    """The element of a type that safetensors names so; of one that is not known here, its bytes."""
    known = _NUMPY.get(name)
    if known:
        element = of_dtype(np.dtype(known))
        return Element(name=name, size=element.size, parts=element.parts)
    if name == "BF16":
        return of_bytes(name, 2, _bfloat16)
    if name in _BYTES:
        return of_bytes(name, 1, _byte_reader(_BYTES[name]))
    return Element(name=name, size=1, parts=(_part(np.dtype("V1"), "", 0, 1, 1),), is_known=False)


_NUMPY = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "C64": "<c8",
    "C128": "<c16",
    "BOOL": "?",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}


def _parts(dtype: np.dtype[Any], name: str = "", at: int = 0, size: int = 0) -> Iterator[Part]:
    size = size or dtype.itemsize
    if dtype.names is not None:
        for field in dtype.names:
            inner, offset = cast(Any, dtype.fields)[field][:2]
            yield from _parts(inner, f"{name}.{field}", at + offset, size)
    elif dtype.subdtype is not None and dtype.subdtype[0].names is None:
        yield _part(dtype.subdtype[0], name, at, size, int(np.prod(dtype.subdtype[1], dtype=object)))
    else:
        yield _part(dtype, name, at, size, 1)


def _part(dtype: np.dtype[Any], name: str, at: int, size: int, count: int) -> Part:
    if dtype.kind == "c":
        # Its two halves, each of which may be NaN.
        dtype, count = np.dtype(f"{dtype.byteorder}f{dtype.itemsize // 2}"), 2 * count
    is_number = dtype.kind in "iuf"
    width = dtype.itemsize * count

    def read(data: Numbers) -> Numbers:
        own = data if size == width else np.ascontiguousarray(data.reshape(-1, size)[:, at : at + width]).reshape(-1)
        return own.view(dtype) if is_number else own.reshape(-1, dtype.itemsize)

    def say(value: Numbers) -> str:
        if dtype.kind == "U":
            # What is no letter, NumPy would make a letter of.
            order = "be" if dtype.byteorder == ">" else "le"
            return value.tobytes().decode(f"utf-32-{order}", "replace").rstrip("\0")
        return str(value if is_number else value.view(dtype)[0])

    return Part(name=name, count=count, is_number=is_number, read=read, say=say)


def _bfloat16(data: Numbers) -> Numbers:
    return (data.view("<u2").astype("<u4") << 16).view("<f4")


class _Byte(Value, kw_only=True, frozen=True):
    """A float of one byte (OCP 8-bit floating point, and the variants without infinities and negative zero)."""

    exponent: int
    """Bits."""
    bias: int
    special: str
    """Which patterns are no numbers: `ieee`, `fn` (all ones only) or `fnuz` (0x80 only)."""

    def value(self, bits: int) -> float:
        """The number that the byte writes."""
        mantissa_bits = 7 - self.exponent
        exponent, mantissa = (bits & 0x7F) >> mantissa_bits, bits & ((1 << mantissa_bits) - 1)
        sign = -1.0 if bits & 0x80 else 1.0
        if self._is_nan(bits, exponent, mantissa):
            return float("nan")
        if self.special == "ieee" and exponent == (1 << self.exponent) - 1:
            return sign * float("inf")
        if exponent == 0:
            return sign * mantissa * 2.0 ** (1 - self.bias - mantissa_bits)
        return sign * (1 + mantissa / (1 << mantissa_bits)) * 2.0 ** (exponent - self.bias)

    def _is_nan(self, bits: int, exponent: int, mantissa: int) -> bool:
        match self.special:
            case "fnuz":
                return bits == 0x80
            case "fn":
                return bits & 0x7F == 0x7F
            case _:
                return exponent == (1 << self.exponent) - 1 and mantissa != 0


_BYTES: dict[str, Callable[[int], float]] = {
    "F8_E4M3": _Byte(exponent=4, bias=7, special="fn").value,
    "F8_E5M2": _Byte(exponent=5, bias=15, special="ieee").value,
    "F8_E4M3FNUZ": _Byte(exponent=4, bias=8, special="fnuz").value,
    "F8_E5M2FNUZ": _Byte(exponent=5, bias=16, special="fnuz").value,
    # Nothing but an exponent (OCP microscaling formats).
    "F8_E8M0": lambda bits: float("nan") if bits == 255 else 2.0 ** (bits - 127),
}


def _byte_reader(value: Callable[[int], float]) -> Callable[[Numbers], Numbers]:
    table = np.array([value(bits) for bits in range(256)], dtype="f8")

    def read(data: Numbers) -> Numbers:
        found: Numbers = table[data]
        return found

    return read
