"""The outputs of a run and of its rerun, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, TypeAlias

from snapshot.compare.verdict import DIFFERENT, EXTRA, IDENTICAL, MISSING, Compared, Tolerance
from snapshot.document import Value
from snapshot.record.document import Output

Unpickle: TypeAlias = Callable[[Sequence[Path], BinaryIO], None]
"""Loads pickles where it does no harm, and writes what is in them, one after the other, to a file: see
`unpickling.unpickle_in`. Raises SnapshotError when that is not possible."""


class Side(Value, kw_only=True, frozen=True):
    """What one of the two runs wrote."""

    outputs: tuple[Output, ...]
    folder: Path
    """Where the bytes lie, by the outputs' paths: `outputs/` beside the record."""


def compare(
    first: Side, second: Side, *, tolerances: tuple[Tolerance, ...] = (), unpickle: Unpickle | None = None
) -> tuple[Compared, ...]:
    """Every output of either, by path. Without `unpickle` pickles whose bytes differ are not compared."""
    was, now = ({output.path: output for output in side.outputs} for side in (first, second))
    return tuple(_pair(path, was.get(path), now.get(path)) for path in sorted(was.keys() | now.keys()))


def _pair(path: str, old: Output | None, new: Output | None) -> Compared:
    if new is None or old is None:
        return Compared(path=path, verdict=MISSING if new is None else EXTRA, kind=_kind(new or old))
    if (old.sha256, old.link) == (new.sha256, new.link):
        return Compared(path=path, verdict=IDENTICAL, kind=_kind(old))
    return Compared(path=path, verdict=DIFFERENT, kind=_kind(new), reason=_reason((old, new)))


def _kind(output: Output | None) -> str:
    return "link" if output is not None and output.link is not None else "bytes"


def _reason(outputs: Iterable[Output]) -> str:
    kinds = [_kind(output) for output in outputs]
    if kinds[0] != kinds[1]:
        return "one is a link, the other a file"
    return "they lead to different places" if kinds[0] == "link" else "their bytes differ"
