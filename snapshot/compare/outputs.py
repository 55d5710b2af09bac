"""The outputs of a run and of its rerun, one by one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from snapshot.compare import formats
from snapshot.compare.tally import IncomparableError, Tally
from snapshot.compare.tolerance import chooser
from snapshot.compare.unpickling import Unpickle
from snapshot.compare.verdict import DIFFERENT, EXTRA, IDENTICAL, MISSING, NOT_COMPARED, Compared, Tolerance
from snapshot.document import Value
from snapshot.project.names import from_text
from snapshot.record.document import Output


class Side(Value, kw_only=True, frozen=True):
    """What one of the two runs wrote."""

    outputs: tuple[Output, ...]
    folder: Path
    """Where the bytes lie, by the outputs' paths: `outputs/` beside the record."""


class _Pair(Value, kw_only=True, frozen=True):
    """The same output of both."""

    path: str
    old: Output
    new: Output


def compare(
    first: Side, second: Side, *, tolerances: tuple[Tolerance, ...] = (), unpickle: Unpickle | None = None
) -> tuple[Compared, ...]:
    """Every output of either, by path. Without `unpickle` pickles whose bytes differ are not compared."""
    was, now = ({output.path: output for output in side.outputs} for side in (first, second))
    choose = chooser(tolerances)
    return tuple(
        _compared(path, was.get(path), now.get(path), (first.folder, second.folder), choose)
        for path in sorted(was.keys() | now.keys())
    )


def _compared(
    path: str,
    old: Output | None,
    new: Output | None,
    folders: tuple[Path, Path],
    choose: Callable[[str], Tolerance],
) -> Compared:
    if new is None or old is None:
        return Compared(path=path, verdict=MISSING if new is None else EXTRA, kind=_kind(new or old))
    if (old.sha256, old.link) == (new.sha256, new.link):
        return Compared(path=path, verdict=IDENTICAL, kind=_kind(old))
    if old.sha256 is None or new.sha256 is None:
        reason = "they lead to different places" if (old.sha256, new.sha256) == (None, None) else "only one is a link"
        return Compared(path=path, verdict=DIFFERENT, kind="link", first=old.link, second=new.link, reason=reason)
    return _files(path, (old, new), folders, Tally(choose(path)))


def _files(path: str, outputs: tuple[Output, Output], folders: tuple[Path, Path], tally: Tally) -> Compared:
    kind = "bytes"
    try:
        with ExitStack() as stack:
            a, b = (stack.enter_context(_opened(f, o)) for f, o in zip(folders, outputs, strict=True))
            kind = formats.kind_of(path, a, b)
            formats.compare_of(kind)(a, b, tally)
    except IncomparableError as problem:
        return Compared(path=path, verdict=NOT_COMPARED, kind=kind, reason=f"{problem}")
    return tally.compared(path, kind)


def _opened(folder: Path, output: Output) -> BinaryIO:
    """The bytes of an output, which must be a file of the size that the record says."""
    try:
        descriptor = os.open(folder / from_text(output.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise IncomparableError(f"the store can't give it: {os.strerror(problem.errno or 0).lower()}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size != output.size:
        os.close(descriptor)
        raise IncomparableError("the store has something else in its place: see `snap fsck`")
    return os.fdopen(descriptor, "rb")


def _kind(output: Output | None) -> str:
    return "link" if output is not None and output.link is not None else "bytes"
