"""What a container said of pickles, see `inside/pickles.py`: read as strictly as anything that strangers write."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
import numpy as np

from snapshot.compare import arrays, elements, volatile
from snapshot.compare.arrays import Array, Region
from snapshot.compare.elements import Element
from snapshot.compare.formats import texts
from snapshot.compare.tally import IncomparableError, Tally, clip
from snapshot.document import Value

LONGEST = 128 << 20
"""Bytes of what is said of one file."""
NAMELESS = "the object"
_BEFORE = 8
_NUMPY = re.compile(r"[<>|=][biufcSUVmM]\d{1,9}(?:\[\d*[a-zA-Zμ]{1,3}\])?")


class Leaf(Value, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One value within a file."""

    at: str
    thing: str
    value: str | None = None
    number: bool = False
    unknown: str | None = None
    dtype: str | None = None
    shape: tuple[int, ...] = ()
    start: int = 0


class Told(Value, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is said of one file."""

    leaves: tuple[Leaf, ...] = ()
    problem: str | None = None


class Said(Value, kw_only=True, frozen=True):
    """The same, and where its arrays lie."""

    told: Told
    descriptor: int
    start: int
    size: int


def read(file: BinaryIO) -> Iterator[Said]:
    """What is said of one file after the other; it ends where that can't be understood."""
    at, end = 0, file.seek(0, os.SEEK_END)
    while at < end:
        file.seek(at)
        length = int.from_bytes(file.read(_BEFORE), "little")
        if length > min(LONGEST, end - at - _BEFORE):
            return
        try:
            told = msgspec.json.decode(file.read(length), type=Told)
        except (msgspec.DecodeError, RecursionError):
            return
        start = at + _BEFORE + length
        size = sum(_element(leaf).size * math.prod(leaf.shape) for leaf in told.leaves if leaf.dtype)
        if size < 0 or start + size > end:
            return
        yield Said(told=told, descriptor=file.fileno(), start=start, size=size)
        at = start + size


def compare(first: Said, second: Said, tally: Tally) -> None:
    """Value by value, by their places."""
    was, now = (_leaves(said) for said in (first, second))
    for at in (at for at in was if at not in now):
        tally.other(at or NAMELESS, "only the first has it", was[at].thing)
    for at in (at for at in now if at not in was):
        tally.other(at or NAMELESS, "only the second has it", None, now[at].thing)
    pairs = [(leaf, now[at]) for at, leaf in was.items() if at in now]
    for a, b in pairs:
        _values(a, b, tally)
    both = ((a, b) for a, b in pairs if a.dtype and b.dtype and a.thing == b.thing)
    arrays.compare(((_array(a, first), _array(b, second)) for a, b in both), tally)


def _leaves(said: Said) -> dict[str, Leaf]:
    if said.told.problem is not None:
        raise IncomparableError(said.told.problem)
    found = {leaf.at: leaf for leaf in said.told.leaves}
    if len(found) != len(said.told.leaves):
        raise IncomparableError("a place in it is told twice")
    return found


def _values(a: Leaf, b: Leaf, tally: Tally) -> None:
    """All but arrays."""
    where = a.at or NAMELESS
    if a.thing != b.thing or bool(a.dtype) != bool(b.dtype):
        tally.other(where, "another type", a.thing, b.thing)
    elif a.unknown or b.unknown:
        tally.doubt(f"{clip(where)}: {clip(a.unknown or b.unknown)}")
    elif a.dtype or a.value == b.value:
        tally.numbers(int(a.number), 0)
    elif volatile.is_time(a.at.rpartition(".")[2]):
        tally.ignore(f"`{a.at}`")
    elif a.number and b.number:
        tally.number(_number(a), _number(b), lambda: where)
    elif a.thing == "str":
        texts.exactly(a.value or "", b.value or "", tally, where)
    else:
        tally.other(where, "another value", a.value, b.value)


def _number(leaf: Leaf) -> float:
    try:
        return int(leaf.value or "") if leaf.thing == "int" else float(leaf.value or "")
    except ValueError:
        raise IncomparableError(f"{leaf.at or NAMELESS} is a number that can't be read") from None


def _array(leaf: Leaf, said: Said) -> Array:
    element = _element(leaf)
    size = element.size * math.prod(leaf.shape)
    if leaf.start < 0 or leaf.start + size > said.size:
        raise IncomparableError("an array of it is not there")
    arrays.check_shape(leaf.shape, element, size)
    return Array(
        name=leaf.at, element=element, shape=leaf.shape, source=Region(said.descriptor, said.start + leaf.start)
    )


def _element(leaf: Leaf) -> Element:
    """Of a type as PyTorch has it, else as NumPy writes it."""
    name = leaf.dtype or ""
    if not _NUMPY.fullmatch(name):
        return elements.of_tensor(name)
    try:
        return elements.of_dtype(np.dtype(name))
    except (TypeError, ValueError):
        return elements.of_tensor(name)
