"""One thing that two runs did not have in common, and that can be swapped alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from snapshot.document import Value

KINDS = ("argument", "environment", "option", "determinism", "code", "input", "data", "package", "OS package", "base")
"""In the order in which they are tried: what costs nothing to swap comes first."""


class Candidate(Value, kw_only=True, frozen=True):
    """A difference that may be the cause."""

    key: str
    """Tells it from the others, as in `package numpy`, `code train.py:12`: the same in each search of the two runs."""
    kind: str
    """One of KINDS."""
    text: str
    """For people: `numpy 1.26.4 → 2.0.1`."""
    needs: frozenset[str] = frozenset()
    """Keys of others that must be swapped with it, since it can't be installed or read without."""


def closed(chosen: Collection[str], candidates: Mapping[str, Candidate]) -> frozenset[str]:
    """`chosen` with all that these need, and what those need."""
    found: set[str] = set()
    ahead = list(chosen)
    while ahead:
        key = ahead.pop()
        if key not in found and key in candidates:
            found.add(key)
            ahead += candidates[key].needs
    return frozenset(found)
