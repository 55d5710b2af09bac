"""The outputs of a run and of its rerun, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from snapshot.compare import formats, renamed
from snapshot.compare.pair import Pair, Pickled, opened, unpacked
from snapshot.compare.tally import IncomparableError, PickledError, Tally, clip
from snapshot.compare.tolerance import chooser
from snapshot.compare.unpickling import Unpickle
from snapshot.compare.verdict import DIFFERENT, EXTRA, IDENTICAL, MISSING, Compared, Tolerance
from snapshot.document import Value
from snapshot.record.document import Output

GZIP = ".gz"


class Side(Value, kw_only=True, frozen=True):
    """What one of the two runs wrote."""

    outputs: tuple[Output, ...]
    folder: Path
    """Where the bytes lie, by the outputs' paths: `outputs/` beside the record."""
    deleted: tuple[str, ...] = ()
    """What it removed of the project."""


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
        *_deleted(first, second),
    ]
    choose = chooser(tolerances)
    pickled: list[Pickled] = []
    for old, new in names.items():
        pair = Pair(outputs=(was[old], now[new]), folders=(first.folder, second.folder), tolerance=choose(old))
        told = _recorded(pair) or _files(pair, pickled)
        found += [pair.named(told)] if told else []
    if pickled:
        from snapshot.compare import pickled as containers

        found += containers.compare(pickled, unpickle)
    return tuple(sorted(found, key=lambda one: one.path))


def _deleted(first: Side, second: Side) -> Iterator[Compared]:
    """What only one of the runs removed, and the other left alone."""
    written = {output.path for side in (first, second) for output in side.outputs}
    for path in (set(first.deleted) ^ set(second.deleted)) - written:
        reason = f"only the {'first' if path in first.deleted else 'second'} removed it"
        yield Compared(path=path, verdict=DIFFERENT, kind="bytes", reason=reason)


def _recorded(pair: Pair) -> Compared | None:
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


def _files(pair: Pair, pickled: list[Pickled]) -> Compared | None:
    """What the files say; None for those that hold a pickle, which are put to the `pickled`."""
    kind, tally = "bytes", Tally(pair.tolerance)
    try:
        with ExitStack() as stack:
            a, b = (stack.enter_context(opened(f, o)) for f, o in zip(pair.folders, pair.outputs, strict=True))
            name = pair.path
            if name.lower().endswith(GZIP):
                name = name[: -len(GZIP)]
                a, b = (stack.enter_context(unpacked(file, pair.folders[1])) for file in (a, b))
            kind = formats.kind_of(name, a, b)
            formats.compare_of(kind)(a, b, tally)
    except PickledError:
        pickled.append((pair, kind))
        return None
    except IncomparableError as problem:
        return pair.not_compared(kind, str(problem))
    except OSError as problem:
        return pair.not_compared(kind, f"it can't be read: {(problem.strerror or str(problem)).lower()}")
    return tally.compared(pair.path, kind)


def _kind(output: Output) -> str:
    return "link" if output.link is not None else "bytes"
