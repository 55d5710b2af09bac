"""Environment markers (PEP 508, PEP 751), decided as far as can be told without knowing the machine.

What depends on the platform or the Python stays as text. What depends on the extras and groups that are asked for is
decided here: each such comparison becomes true or false, and `and` and `or` are simplified around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from snapshot.project.reading import normal

Decide = Callable[[str, str, str], bool | None]
"""Of the variable, the operator and the value of one comparison: whether it holds, None where that can't be told."""

_UV = re.compile(r"(extra|group|project)-(\d+)-(.+)")


def asked(extras: Collection[str], groups: Collection[str]) -> Decide:
    """Decides `extra == "x"`, `"x" in extras` and `"x" in dependency_groups`."""

    def decide(variable: str, operator: str, value: str) -> bool | None:
        chosen = {"extra": extras, "extras": extras, "dependency_groups": groups}.get(variable)
        if chosen is None:
            return None
        return (normal(value) in chosen) == (operator in ("==", "in"))

    return decide


def asked_of_uv(project: str, extras: Collection[str], groups: Collection[str]) -> Decide:
    """As `asked`, for the names that uv gives to extras that exclude each other.

    `extra-5-torch-cpu` is the extra `cpu` of the package `torch`, whose name has 5 letters; `group-…` likewise.
    """
    plain = asked(extras, groups)

    def decide(variable: str, operator: str, value: str) -> bool | None:
        found = _UV.fullmatch(value) if variable == "extra" else None
        if not found:
            return plain(variable, operator, value)
        length = int(found[2]) if len(found[2]) < 4 else 0
        package, rest = found[3][:length], found[3][length + 1 :]
        chosen = {"extra": extras, "group": groups, "project": (rest,)}[found[1]]
        return (package == project and rest in chosen) == (operator == "==")

    return decide


def reduced(marker: str | None, decide: Decide) -> str | bool | None:
    """`marker` with what `decide` knows taken out: text, None where it always holds, False where it never does.

    Raises ValueError when it is no marker.
    """
    if not marker:
        return None
    from packaging.markers import Marker

    # The one public thing to do with a marker is to evaluate it as a whole; its parts are what is needed here.
    left = _reduced(Marker(marker)._markers, decide)
    if isinstance(left, bool):
        return None if left else False
    return left


def both(one: str | None, other: str | None) -> str | None:
    """A marker that holds where both do."""
    if not one or not other:
        return one or other
    return one if one == other else f"{_grouped(one)} and {_grouped(other)}"


def either(markers: Collection[str | None]) -> str | None:
    """A marker that holds where one of `markers` does."""
    if not markers or not all(markers):
        return None
    return " or ".join(_grouped(marker) for marker in dict.fromkeys(markers) if marker)


def _grouped(marker: str) -> str:
    return f"({marker})" if " or " in marker or " and " in marker else marker


def _reduced(part: Any, decide: Decide) -> str | bool:
    """One comparison, or a list of them with `and` and `or` between: `and` binds closer."""
    if isinstance(part, tuple):
        return _comparison(part, decide)
    alternatives: list[list[str | bool]] = [[]]
    for item in part:
        if item == "or":
            alternatives.append([])
        elif item != "and":
            alternatives[-1].append(_reduced(item, decide))
    ors = [_all(found) for found in alternatives]
    if any(found is True for found in ors):
        return True
    left = [found for found in ors if isinstance(found, str)]
    return " or ".join(dict.fromkeys(left)) if left else False


def _all(found: list[str | bool]) -> str | bool:
    if any(one is False for one in found):
        return False
    left = list(dict.fromkeys(one for one in found if isinstance(one, str)))
    if len(left) == 1:
        return left[0]
    return " and ".join(f"({one})" if " or " in one else one for one in left) if left else True


def _comparison(part: tuple[Any, Any, Any], decide: Decide) -> str | bool:
    left, operator, right = part
    turned = type(left).__name__ == "Value"
    variable, value = (right, left) if turned else (left, right)
    known = decide(variable.value, operator.value, value.value)
    return known if known is not None else " ".join(item.serialize() for item in part)
