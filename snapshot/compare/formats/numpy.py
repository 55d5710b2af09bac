"""NumPy's files: one array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), or a zip file of
several.
"""

from __future__ import annotations

import ast
import os
import zipfile
import zlib
from typing import IO, Any, BinaryIO

import numpy as np

from snapshot.compare import arrays, elements
from snapshot.compare.arrays import Array, Region, Source
from snapshot.compare.formats import blobs
from snapshot.compare.tally import IncomparableError, PickledError, Tally

LONGEST_HEADER = 10_000
"""Bytes, as in NumPy itself: to evaluate a longer one may take all memory."""
LARGEST, GROWTH = 8 << 30, 64
"""What is in a zip file may have so many bytes, or so many times those of the file."""
MOST_MEMBERS = 100_000
_MAGIC = b"\x93NUMPY"
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)
"""What `zipfile` raises of a file that it can't read."""


class Stream:
    """An array that can only be read from its beginning to its end."""

    anywhere = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, at: int, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            got = self._file.read(len(buffer) - done)
            if not got:
                raise IncomparableError("it ends before its arrays do")
            buffer[done : done + len(got)] = got
            done += len(got)


def compare_npy(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """One array."""
    was, now = (_array("", file, _size(file), file) for file in (first, second))
    arrays.compare([(was, now)], tally)


def compare_npz(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Arrays by their names, and by bytes what else is in it."""
    try:
        with zipfile.ZipFile(first) as was, zipfile.ZipFile(second) as now:
            old, new = (_members(zip, _size(file)) for zip, file in ((was, first), (now, second)))
            for name in sorted(old.keys() ^ new.keys()):
                tally.other(name.removesuffix(".npy"), f"only the {'first' if name in old else 'second'} has it")
            for name in (name for name in old if name in new):
                with was.open(old[name]) as a, now.open(new[name]) as b:
                    _member(name, (a, old[name].file_size), (b, new[name].file_size), tally)
    except _BROKEN as problem:
        raise IncomparableError(f"it can't be unpacked: {str(problem).lower() or type(problem).__name__}") from None


def _member(name: str, first: tuple[IO[bytes], int], second: tuple[IO[bytes], int], tally: Tally) -> None:
    if name.endswith(".npy"):
        was, now = (_array(name.removesuffix(".npy"), file, size) for file, size in (first, second))
        arrays.compare([(was, now)], tally)
    else:
        blobs.differ(first[0], second[0], tally, name)


def _members(zip: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    found = {member.filename: member for member in zip.infolist()}
    if len(found) != len(zip.infolist()) or len(found) > MOST_MEMBERS:
        raise IncomparableError("it holds a name twice, or too many of them")
    unpacked = sum(member.file_size for member in found.values())
    if unpacked > max(LARGEST, GROWTH * size):
        raise IncomparableError(f"unpacked it has {unpacked:,} bytes")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in found.values()):
        raise IncomparableError("it is compressed in a way that NumPy does not use")
    return found


def _array(name: str, file: IO[bytes], size: int, whole: BinaryIO | None = None) -> Array:
    """The array that `file`, which has `size` bytes, begins with; `whole` can be read anywhere."""
    before, header = _header(file)
    element = elements.of_dtype(_dtype(header["descr"]))
    shape = header["shape"]
    arrays.check_shape(shape, element, size - before)
    source: Source = Region(whole.fileno(), before) if whole else Stream(file)
    return Array(name=name, element=element, shape=shape, source=source, fortran=header["fortran_order"])


def _header(file: IO[bytes]) -> tuple[int, dict[str, Any]]:
    """How many bytes come before the array, and what they say."""
    start = file.read(len(_MAGIC) + 2)
    major = start[-2] if len(start) == len(_MAGIC) + 2 and start.startswith(_MAGIC) else 0
    if major not in (1, 2, 3):
        raise IncomparableError("it is no array of NumPy, or of a newer version")
    width = 2 if major == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > LONGEST_HEADER:
        raise IncomparableError(f"its header has {length:,} bytes")
    try:
        header = ast.literal_eval(file.read(length).decode("utf-8" if major == 3 else "latin-1"))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise IncomparableError("its header can't be read") from None
    if not _is_header(header):
        raise IncomparableError("its header is not one of an array")
    return len(start) + width + length, header


def _is_header(header: Any) -> bool:
    return (
        isinstance(header, dict)
        and header.keys() == {"descr", "fortran_order", "shape"}
        and isinstance(header["fortran_order"], bool)
        and isinstance(header["shape"], tuple)
        and all(type(length) is int for length in header["shape"])
    )


def _dtype(said: Any) -> np.dtype[Any]:
    try:
        dtype = np.lib.format.descr_to_dtype(said)
    except (ValueError, TypeError, RecursionError, KeyError, IndexError, SyntaxError):
        raise IncomparableError("its type is none of NumPy's") from None
    if dtype.hasobject:
        raise PickledError
    return dtype


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
