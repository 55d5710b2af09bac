"""Numbers of two arrays, some thousands at a time. Pure."""

from __future__ import annotations

import math
import threading

import numpy as np

from snapshot.compare.elements import Numbers
from snapshot.compare.tally import rank
from snapshot.compare.verdict import Tolerance
from snapshot.document import Value

AT_ONCE = 1 << 17
"""Numbers: the intermediate results of so many stay in a cache, and threads seldom wait for each other."""


class Found(Value, kw_only=True, frozen=True):
    """What differs in a block."""

    beyond: int
    absolute: float
    relative: float | None
    at: int
    """Index of the largest difference; of equal ones that of the first."""


def compare(a: Numbers, b: Numbers, tolerance: Tolerance) -> Found | None:
    """How far two arrays of real numbers with one dimension are apart; None where all are the same."""
    found: Found | None = None
    with np.errstate(all="ignore"):
        for start in range(0, len(a), AT_ONCE):
            block = _block(a[start : start + AT_ONCE], b[start : start + AT_ONCE], tolerance)
            if block is not None:
                found = _both(found, block, start)
    return found


def _both(before: Found | None, block: Found, start: int) -> Found:
    """What is known of all up to the block that begins at `start`."""
    if before is None:
        return Found(beyond=block.beyond, absolute=block.absolute, relative=block.relative, at=start + block.at)
    is_larger = rank(block.absolute) > rank(before.absolute)
    return Found(
        beyond=before.beyond + block.beyond,
        absolute=block.absolute if is_larger else before.absolute,
        relative=max((r for r in (before.relative, block.relative) if r is not None), default=None),
        at=start + block.at if is_larger else before.at,
    )


def _block(a: Numbers, b: Numbers, tolerance: Tolerance) -> Found | None:
    x, y, z = (part[: len(a)] for part in _scratch())
    if a.dtype.kind in "iu" and a.dtype.itemsize == 8:
        _integers(a, b, y)
        np.copyto(x, a, casting="unsafe")
    elif a.dtype.itemsize > 8:
        return _special(a, b, tolerance)
    else:
        np.copyto(x, a)
        np.copyto(y, b)
        np.subtract(x, y, out=y)
        np.abs(y, out=y)
    absolute = float(y.max())
    if absolute == 0:
        return None
    if not math.isfinite(absolute):
        return _special(a, b, tolerance)
    np.abs(x, out=x)
    # Zero by zero is NaN, which this maximum passes over, and anything else by zero infinite.
    np.divide(y, x, out=z)
    relative = float(np.fmax.reduce(z))
    if not math.isfinite(relative):
        relative = float(np.where(x > 0, z, -1).max())
    return Found(
        beyond=_beyond(x, y, tolerance),
        absolute=absolute,
        relative=relative if relative >= 0 else None,
        at=int(y.argmax()),
    )


def _beyond(size: Numbers, difference: Numbers, tolerance: Tolerance) -> int:
    """How many differ by more than they may; overwrites `size`."""
    if tolerance.rtol == 0 and tolerance.atol == 0:
        return int(np.count_nonzero(difference > 0))
    np.multiply(size, tolerance.rtol, out=size)
    np.add(size, tolerance.atol, out=size)
    return int(np.count_nonzero(difference > size))


def _integers(a: Numbers, b: Numbers, out: Numbers) -> None:
    """How far integers of 64 bits are apart, which a subtraction of floats can't tell."""
    a, b = (part.astype(part.dtype.newbyteorder("=")) for part in (a, b))
    larger, smaller = np.maximum(a, b).view("u8"), np.minimum(a, b).view("u8")
    np.copyto(out, larger - smaller, casting="unsafe")


def _special(a: Numbers, b: Numbers, tolerance: Tolerance) -> Found | None:
    """With NaN, infinities, differences that are infinite, or numbers wider than 64 bits."""
    same = (a == b) | ((a != a) & (b != b))
    wide = np.result_type(a.dtype, "f8")
    x = a.astype(wide)
    exact = np.where(same, 0, np.abs(x - b.astype(wide)))
    allowed = np.isfinite(exact) & (exact <= tolerance.atol + tolerance.rtol * np.abs(x))
    difference = exact.astype("f8")
    if same.all():
        return None
    nan = np.isnan(difference)
    at = int(nan.argmax() if nan.any() else difference.argmax())
    usual = np.isfinite(difference) & (x != 0) & ~same
    relative = np.abs(difference[usual] / x[usual].astype("f8")).max() if usual.any() else None
    return Found(
        beyond=int(np.count_nonzero(~allowed & ~same)),
        absolute=float(difference[at]),
        relative=None if relative is None else float(relative),
        at=at,
    )


_kept = threading.local()


def _scratch() -> tuple[Numbers, Numbers, Numbers]:
    """Room of this thread."""
    room: tuple[Numbers, Numbers, Numbers] | None = getattr(_kept, "room", None)
    if room is None:
        room = _kept.room = (np.empty(AT_ONCE), np.empty(AT_ONCE), np.empty(AT_ONCE))
    return room
