"""Outputs that hold pickles: several go into one container, see `unpickling`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot.compare.formats import pickles
from snapshot.compare.pair import Pair, Pickled, scratch
from snapshot.compare.tally import IncomparableError, PickledError, Tally
from snapshot.compare.unpickling import Unpickle
from snapshot.compare.verdict import Compared
from snapshot.errors import SnapshotError

TOGETHER, MOST_TOGETHER = 1 << 30, 50
"""Bytes, and pairs, of pickles that one container loads."""


def compare(pairs: Sequence[Pickled], unpickle: Unpickle | None) -> Iterator[Compared]:
    """Pairs with their kinds, loaded by `unpickle`; without it they are not compared."""
    if unpickle is None:
        yield from (pair.named(pair.not_compared(kind, str(PickledError()))) for pair, kind in pairs)
        return
    for some in _portions(pairs):
        yield from _unpickled(some, unpickle)


def _portions(pairs: Sequence[Pickled]) -> Iterator[Sequence[Pickled]]:
    """Pairs that are loaded together, since a container and its imports take seconds: what is in them takes disk."""
    some: list[Pickled] = []
    size = 0
    for pair, kind in pairs:
        own = sum(output.size for output in pair.outputs)
        if some and (size + own > TOGETHER or len(some) >= MOST_TOGETHER):
            yield some
            some, size = [], 0
        some, size = [*some, (pair, kind)], size + own
    if some:
        yield some


def _unpickled(pairs: Sequence[Pickled], unpickle: Unpickle) -> Iterator[Compared]:
    problem = "the container said nothing of it that can be understood"
    left = []
    with scratch(pairs[0][0].folders[1]) as said:
        try:
            unpickle([file for pair, _ in pairs for file in pair.files()], said)
        except SnapshotError as reason:
            problem = reason.message
        told = pickles.read(said)
        for pair, kind in pairs:
            first, second = next(told, None), next(told, None)
            if first and second:
                yield _one(pair, kind, first, second)
            else:
                left.append((pair, kind))
    if len(pairs) == 1:
        yield from (pair.named(pair.not_compared(kind, problem)) for pair, kind in left)
        return
    # One that breaks the container does not decide on others.
    for one in left:
        yield from _unpickled([one], unpickle)


def _one(pair: Pair, kind: str, first: pickles.Said, second: pickles.Said) -> Compared:
    tally = Tally(pair.tolerance)
    try:
        pickles.compare(first, second, tally)
    except IncomparableError as reason:
        return pair.named(pair.not_compared(kind, str(reason)))
    return pair.named(tally.compared(pair.path, kind))
