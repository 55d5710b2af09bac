"""The outputs of a run and of its rerun, one by one."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from snapshot.compare import formats, renamed
from snapshot.compare.tally import IncomparableError, PickledError, Tally, clip
from snapshot.compare.tolerance import chooser
from snapshot.compare.unpickling import Unpickle
from snapshot.compare.verdict import DIFFERENT, EXTRA, IDENTICAL, MISSING, NOT_COMPARED, Compared, Tolerance
from snapshot.document import Value
from snapshot.errors import SnapshotError
from snapshot.project.names import display, from_text
from snapshot.record.document import Output

TOGETHER, MOST_TOGETHER = 1 << 30, 50
"""Bytes, and pairs, of pickles that one container loads."""


class Side(Value, kw_only=True, frozen=True):
    """What one of the two runs wrote."""

    outputs: tuple[Output, ...]
    folder: Path
    """Where the bytes lie, by the outputs' paths: `outputs/` beside the record."""


class _Pair(Value, kw_only=True, frozen=True):
    """An output of both."""

    outputs: tuple[Output, Output]
    folders: tuple[Path, Path]
    tolerance: Tolerance

    @property
    def path(self) -> str:
        """As the first run calls it."""
        return self.outputs[0].path

    def files(self) -> tuple[Path, Path]:
        """Where the bytes of both lie."""
        old, new = (folder / from_text(output.path) for folder, output in zip(self.folders, self.outputs, strict=True))
        return old, new

    def named(self, found: Compared) -> Compared:
        """What was found, with the name that the second run has for it, if that is another."""
        other = self.outputs[1].path
        if other == self.path:
            return found
        said = f"the rerun calls it {display(from_text(other))}"
        return msgspec.structs.replace(found, reason=f"{found.reason}; {said}" if found.reason else said)


def compare(
    first: Side, second: Side, *, tolerances: tuple[Tolerance, ...] = (), unpickle: Unpickle | None = None
) -> tuple[Compared, ...]:
    """Every output of either, by path. Without `unpickle` pickles whose bytes differ are not compared."""
    was, now = ({output.path: output for output in side.outputs} for side in (first, second))
    names = {path: path for path in was if path in now}
    names |= renamed.pairs(was.keys() - names.keys(), now.keys() - names.keys())
    found = [
        *(Compared(path=p, verdict=MISSING, kind=_kind(was[p])) for p in was.keys() - names.keys()),
        *(Compared(path=p, verdict=EXTRA, kind=_kind(now[p])) for p in now.keys() - set(names.values())),
    ]
    choose = chooser(tolerances)
    pickled: list[tuple[_Pair, str]] = []
    for old, new in names.items():
        pair = _Pair(outputs=(was[old], now[new]), folders=(first.folder, second.folder), tolerance=choose(old))
        told = _recorded(pair) or _files(pair, pickled)
        found += [pair.named(told)] if told else []
    found += _pickles(pickled, unpickle)
    return tuple(sorted(found, key=lambda one: one.path))


def _recorded(pair: _Pair) -> Compared | None:
    """What the records alone say."""
    old, new = pair.outputs
    if (old.sha256, old.link) == (new.sha256, new.link):
        return Compared(path=pair.path, verdict=IDENTICAL, kind=_kind(old))
    if old.sha256 and new.sha256:
        return None
    verdict, reason = DIFFERENT, "only one of them is a link"
    if old.link is not None and new.link is not None:
        alike = renamed.lasting(old.link) == renamed.lasting(new.link)
        verdict = IDENTICAL if alike else DIFFERENT
        reason = "ignored: a time in where it leads" if alike else "they lead to different places"
    return Compared(
        path=pair.path, verdict=verdict, kind="link", first=clip(old.link), second=clip(new.link), reason=reason
    )


def _files(pair: _Pair, pickled: list[tuple[_Pair, str]]) -> Compared | None:
    """What the files say; None for those that hold a pickle, which are put to the `pickled`."""
    kind, tally = "bytes", Tally(pair.tolerance)
    try:
        with ExitStack() as stack:
            a, b = (stack.enter_context(_opened(f, o)) for f, o in zip(pair.files(), pair.outputs, strict=True))
            kind = formats.kind_of(pair.path, a, b)
            formats.compare_of(kind)(a, b, tally)
    except PickledError:
        pickled.append((pair, kind))
        return None
    except IncomparableError as problem:
        return _not_compared(pair, kind, str(problem))
    return tally.compared(pair.path, kind)


def _pickles(pairs: Sequence[tuple[_Pair, str]], unpickle: Unpickle | None) -> Iterator[Compared]:
    if unpickle is None:
        yield from (pair.named(_not_compared(pair, kind, str(PickledError()))) for pair, kind in pairs)
        return
    for some in _portions(pairs):
        yield from _unpickled(some, unpickle)


def _portions(pairs: Sequence[tuple[_Pair, str]]) -> Iterator[Sequence[tuple[_Pair, str]]]:
    """Pairs that are loaded together, since a container and its imports take seconds: what is in them takes disk."""
    some: list[tuple[_Pair, str]] = []
    size = 0
    for pair, kind in pairs:
        own = sum(output.size for output in pair.outputs)
        if some and (size + own > TOGETHER or len(some) >= MOST_TOGETHER):
            yield some
            some, size = [], 0
        some, size = [*some, (pair, kind)], size + own
    if some:
        yield some


def _unpickled(pairs: Sequence[tuple[_Pair, str]], unpickle: Unpickle) -> Iterator[Compared]:
    from snapshot.compare.formats import pickles

    problem = "the container said nothing of it that can be understood"
    with _scratch(pairs[0][0].folders[1]) as scratch:
        try:
            unpickle([file for pair, _ in pairs for file in pair.files()], scratch)
        except SnapshotError as said:
            problem = said.message
        told = pickles.read(scratch)
        for pair, kind in pairs:
            first, second, tally = next(told, None), next(told, None), Tally(pair.tolerance)
            try:
                if first is None or second is None:
                    raise IncomparableError(problem)
                pickles.compare(first, second, tally)
            except IncomparableError as reason:
                yield pair.named(_not_compared(pair, kind, str(reason)))
            else:
                yield pair.named(tally.compared(pair.path, kind))


def _scratch(folder: Path) -> BinaryIO:
    """A file without a name, which is gone whatever happens: near the outputs, where there is most room."""
    where = folder if os.access(folder, os.W_OK) else None
    return cast(BinaryIO, tempfile.TemporaryFile(dir=where))


def _not_compared(pair: _Pair, kind: str, reason: str) -> Compared:
    return Compared(path=pair.path, verdict=NOT_COMPARED, kind=kind, reason=clip(reason))


def _opened(file: Path, output: Output) -> BinaryIO:
    """The bytes of an output, which must be a file of the size that the record says."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise IncomparableError(f"the store can't give it: {os.strerror(problem.errno or 0).lower()}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size != output.size:
        os.close(descriptor)
        raise IncomparableError("the store has something else in its place: see `snap fsck`")
    return os.fdopen(descriptor, "rb")


def _kind(output: Output) -> str:
    return "link" if output.link is not None else "bytes"
