"""Arrays that lie in files, compared piece by piece: what is read at once is the same for any size.

Pieces are read into buffers that are used again, since pages of a file that is mapped count as memory of the process.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np

from snapshot.compare import blocks
from snapshot.compare.elements import Element, Numbers, Part
from snapshot.compare.tally import IncomparableError, Tally, clip
from snapshot.compare.verdict import Tolerance
from snapshot.document import Value

CHUNK = 1 << 21
"""Bytes that are read at once of each file."""
WIDEST = 1 << 26
"""Bytes of one element, at most."""
THREADS = 4
MOST_AXES = 32
"""As many as NumPy always had."""


class Source(Protocol):
    """Bytes of an array."""

    anywhere: bool
    """Whether they can be read in any order, and by several threads."""

    def read(self, at: int, buffer: memoryview) -> None:
        """Fill the buffer with what lies at `at`; raises IncomparableError where that is not there."""


class Region:
    """A part of a file."""

    anywhere = True

    def __init__(self, descriptor: int, start: int) -> None:
        self._descriptor = descriptor
        self._start = start

    def read(self, at: int, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            got = os.preadv(self._descriptor, [buffer[done:]], self._start + at + done)
            if not got:
                raise IncomparableError("it ends before its arrays do")
            done += got


class Array(Value, kw_only=True, frozen=True):
    """One array of a file."""

    name: str
    """Empty where the file is nothing else."""
    element: Element
    shape: tuple[int, ...]
    source: Source
    fortran: bool = False
    """Whether the first index changes fastest."""

    @property
    def count(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)


Pair: TypeAlias = tuple[Array, Array]


class _Difference(Value, kw_only=True, frozen=True):
    """What differs in one part of some elements."""

    part: Part
    beyond: int
    """Of what is no number, how many are not the same."""
    absolute: float
    relative: float | None
    at: int
    """Element of the array, counted in the order of its bytes."""
    first: str
    second: str


class _Piece(Value, kw_only=True, frozen=True):
    """Some elements of an array, compared."""

    pair: Pair
    numbers: int
    differences: tuple[_Difference, ...] = ()


def compare(pairs: Iterable[Pair], tally: Tally) -> None:
    """Pairs of arrays with the same names. Raises IncomparableError where one can't be read."""
    waiting: deque[Future[_Piece]] = deque()
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        for pair in pairs:
            if not _are_alike(pair, tally):
                continue
            for start, length in _pieces(pair[0]):
                if not (pair[0].source.anywhere and pair[1].source.anywhere):
                    _tell(_compared(pair, start, length, tally.tolerance), tally)
                    continue
                waiting.append(pool.submit(_compared, pair, start, length, tally.tolerance))
                if len(waiting) > 4 * THREADS:
                    _tell(waiting.popleft().result(), tally)
        for future in waiting:
            _tell(future.result(), tally)


def by_name(first: Mapping[str, Array], second: Mapping[str, Array], tally: Tally) -> Iterator[Pair]:
    """The arrays that both files have; the others are told."""
    for name in first:
        if name not in second:
            tally.other(name, "only the first has it", _shape(first[name]))
    for name in second:
        if name not in first:
            tally.other(name, "only the second has it", None, _shape(second[name]))
    return ((array, second[name]) for name, array in first.items() if name in second)


def check_shape(shape: tuple[int, ...], element: Element, size: int) -> None:
    """Raises IncomparableError unless an array of this shape takes `size` bytes."""
    if len(shape) > MOST_AXES or any(length < 0 for length in shape) or math.prod(shape) * element.size != size:
        raise IncomparableError(f"an array of the shape {list(shape[:MOST_AXES])} does not fit its {size:,} bytes")


def _are_alike(pair: Pair, tally: Tally) -> bool:
    """Whether element by element can be compared; says so where not."""
    first, second = pair
    name = first.name or "the array"
    if first.shape != second.shape:
        tally.other(name, "another shape", _shape(first), _shape(second))
    elif first.element.name != second.element.name:
        tally.other(name, "another type", first.element.name, second.element.name)
    elif first.fortran != second.fortran and len(first.shape) > 1:
        tally.doubt(f"{clip(name)} lies in rows in one file, in columns in the other")
    else:
        return True
    return False


def _pieces(array: Array) -> Iterator[tuple[int, int]]:
    """First element and number of elements of what is read at once."""
    size = array.element.size
    if size > WIDEST:
        raise IncomparableError(f"one element has more than {WIDEST >> 20} MiB")
    length = max(1, CHUNK // size) if size else 0
    count = array.count if size else 0
    return ((start, min(length, count - start)) for start in range(0, count, max(1, length)))


def _compared(pair: Pair, start: int, length: int, tolerance: Tolerance) -> _Piece:
    element = pair[0].element
    width = length * element.size
    first, second = _buffers(width)
    for array, buffer in zip(pair, (first, second), strict=True):
        array.source.read(start * element.size, memoryview(buffer)[:width])
    numbers = length * sum(part.count for part in element.parts if part.is_number)
    # Two whole buffers are compared without copying them.
    if first == second if width == len(first) else first[:width] == second[:width]:
        return _Piece(pair=pair, numbers=numbers)
    a, b = (np.frombuffer(buffer, "u1", width) for buffer in (first, second))
    found = (_difference(part, part.read(a), part.read(b), start, tolerance) for part in element.parts)
    return _Piece(pair=pair, numbers=numbers, differences=tuple(one for one in found if one))


def _difference(part: Part, a: Numbers, b: Numbers, start: int, tolerance: Tolerance) -> _Difference | None:
    if part.is_number:
        found = blocks.compare(a, b, tolerance)
    else:
        other = (a != b).any(axis=1)
        count = int(np.count_nonzero(other))
        found = blocks.Found(beyond=count, absolute=0, relative=None, at=int(other.argmax())) if count else None
    if found is None:
        return None
    return _Difference(
        part=part, beyond=found.beyond, absolute=found.absolute, relative=found.relative,
        at=start + found.at // part.count, first=part.say(a[found.at]), second=part.say(b[found.at]),
    )  # fmt: skip


def _tell(piece: _Piece, tally: Tally) -> None:
    tally.numbers(piece.numbers, sum(one.beyond for one in piece.differences if one.part.is_number))
    for one in piece.differences:
        where = partial(_place, piece.pair[0], one.at, one.part)
        if not piece.pair[0].element.is_known:
            tally.doubt(f"{clip(piece.pair[0].name)} has elements that can't be read: {piece.pair[0].element.name}")
        elif one.part.is_number:
            tally.largest(one.absolute, one.relative, where, one.first, one.second)
        else:
            tally.other(where(), "another value", one.first, one.second, count=one.beyond)


def _place(array: Array, at: int, part: Part) -> str:
    index = np.unravel_index(at, array.shape, "F" if array.fortran else "C") if array.shape else ()
    place = f"[{', '.join(str(int(step)) for step in index)}]" if index else ""
    return f"{array.name}{place}{part.name}" or "the array"


def _shape(array: Array) -> str:
    return f"{array.element.name}[{', '.join(map(str, array.shape))}]"


_kept = threading.local()


def _buffers(width: int) -> tuple[bytearray, bytearray]:
    """Two buffers of this thread, which are at least so wide."""
    room: tuple[bytearray, bytearray] | None = getattr(_kept, "room", None)
    if room is None or len(room[0]) < width:
        room = _kept.room = bytearray(max(width, CHUNK)), bytearray(max(width, CHUNK))
    return room
