"""Outputs whose names say when, or where, they were written: each run calls them otherwise. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_OF_THE_MOMENT = re.compile(
    # A run's own ID.
    r"(?<![0-9A-Za-z])\d{8}T\d{9}-[0-9a-f]{4}(?![0-9a-f])"
    # TensorBoard's files, and the folders of PyTorch's writer: time, host (that of a container is its ID), process.
    r"|(?<=events\.out\.tfevents\.)\d{10}\.[^/]*?\.\d+(?=\.\d+(?:\.v2)?$)"
    rf"|(?<![0-9A-Za-z]){_MONTH}\d\d_\d\d-\d\d-\d\d_[0-9a-f]{{12}}(?![0-9A-Za-z])"
    # A date, a time or both, as in 2026-11-29/10-59-47, 20261129_105947 and 2026-11-29T10:59:47.
    r"|(?<![0-9])(?:19|20)\d\d(?:([-_.])(?:0[1-9]|1[0-2])\1|(?:0[1-9]|1[0-2]))(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T_ /-]?(?:[01]\d|2[0-3])[-_:h.]?[0-5]\d[-_:m.]?[0-5]\d(?:[.,_]\d{3,6})?)?(?![0-9])"
    # Seconds, or milliseconds, since 1970: of the years from 2017 to 2033.
    r"|(?<![0-9])(?:1[5-9]\d{8})(?:\d{3}|[._]\d+)?(?![0-9])"
)


def lasting(name: str) -> str:
    """What stays of a name in each run."""
    return _OF_THE_MOMENT.sub("*", name)


def pairs(first: Iterable[str], second: Iterable[str]) -> dict[str, str]:
    """Which of the names that only the first run has is which of those that only the second has.

    Of several that are alike the first belongs to the first, where there are as many on both sides.
    """
    groups: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, names in enumerate((first, second)):
        for name in sorted(names):
            groups[lasting(name)][side].append(name)
    alike = (pair for key, pair in groups.items() if "*" in key and len(pair[0]) == len(pair[1]))
    return {old: new for was, now in alike for old, new in zip(was, now, strict=True)}
