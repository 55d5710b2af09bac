"""Names for the metrics of several files. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from snapshot.record.metrics.points import stem


def distinct(found: Sequence[tuple[str, str]]) -> list[str]:
    """A name for each of (path, name in that file): that name; where several files have it, the file's stem and it;
    where that is not enough, the path and it.
    """
    said = [name for _, name in found]
    for form in (_by_stem, _by_path):
        counts = Counter(said)
        said = [form(*one) if counts[name] > 1 else name for name, one in zip(said, found, strict=True)]
    return said


def in_file(path: str, name: str) -> tuple[str, ...]:
    """What `name`, as `distinct` made it, may be called in the file `path`, the most likely first."""
    inner = (name.partition(mark)[2] for mark in (stem(path) + ".", _file(path) + ":") if mark in name)
    return (name, *inner)


def _by_stem(path: str, name: str) -> str:
    return f"{stem(path)}.{name}"


def _by_path(path: str, name: str) -> str:
    return f"{path}:{name}"


def _file(path: str) -> str:
    return path.rpartition("/")[2]
