"""Which runs are listed, in which order, with which columns. Pure."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.project.names import display
from snapshot.record.labels import NONE, Labels
from snapshot.record.summary import Summary
from snapshot.report.text import command_line, outcome

METRIC, PARAMETER = "metric.", "param."
"""Before a key, where its name alone would mean something else."""
_EXPRESSION = re.compile(r"\s*([^<>=!]+?)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


Values = tuple[str | float, ...]


class Row(Value, frozen=True, gc=False):
    """A run with what is said of it."""

    run: Summary
    labels: Labels = NONE


def values(key: str) -> Callable[[Row], Values]:
    """What a run has under `key`: nothing, one, or several (tags)."""
    if key in _OWN:
        return _OWN[key]
    name = key.removeprefix(METRIC).removeprefix(PARAMETER)

    def found(row: Row) -> Values:
        if name in row.run.metrics and not key.startswith(PARAMETER):
            return (row.run.metrics[name],)
        if name in row.run.parameters and not key.startswith(METRIC):
            return (row.run.parameters[name],)
        return ()

    return found


_OWN: Mapping[str, Callable[[Row], Values]] = {
    "id": lambda row: (row.run.id,),
    "name": lambda row: (row.run.name,) if row.run.name else (),
    "tag": lambda row: tuple(sorted(row.labels.tags)),
    "for": lambda row: (row.run.trial,) if row.run.trial else (),
    "status": lambda row: (outcome(row.run),),
    "created": lambda row: (row.run.created,),
    "time": lambda row: () if row.run.seconds is None else (row.run.seconds,),
    "outputs": lambda row: (row.run.outputs,),
    "command": lambda row: (command_line(row.run),),
}
OWN = tuple(_OWN)
"""Keys that every run has; beside them those of its metrics and parameters."""


class Filter(Value, frozen=True):
    """One condition."""

    key: str
    sign: str
    """<, <=, >, >=, = or !=."""
    value: str

    def fits(self, row: Row) -> bool:
        """Whether the run fulfils it; one without the key fulfils only `!=`."""
        found = values(self.key)(row)
        if self.sign == "!=":
            return not any(_equal(value, self.value) for value in found)
        return any(self._compare(value) for value in found)

    def _compare(self, value: str | float) -> bool:
        if self.sign == "=":
            return _equal(value, self.value)
        compare = _COMPARE[self.sign]
        mine, asked = _number(value), _number(self.value)
        if mine is not None and asked is not None:
            return compare(mine, asked)
        # Texts, as moments are; a number and a text have no order.
        return mine is None and asked is None and compare(str(value), self.value)  # type: ignore[arg-type]


def parse(text: str) -> Filter:
    """A condition such as `lr<0.1`; raises UsageError when it is none."""
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"`{display(text)}` is no condition", hint="write a key, one of < <= > >= = !=, and a value, as in `lr<0.1`"
        )
    return Filter(match[1], match[2].replace("==", "="), match[3])


def known(rows: Iterable[Row]) -> list[str]:
    """Every key that any of the runs has."""
    rows = list(rows)
    metrics = dict.fromkeys(chain.from_iterable(row.run.metrics for row in rows))
    parameters = dict.fromkeys(chain.from_iterable(row.run.parameters for row in rows))
    return list(dict.fromkeys([*OWN, *metrics, *parameters]))


def check(keys: Iterable[str], rows: Sequence[Row]) -> None:
    """Raises UsageError for a key that none of the runs has, with the one that was probably meant."""
    unknown = [key for key in keys if key not in OWN and not any(map(values(key), rows))]
    if unknown:
        names = known(rows)
        near = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f"did you mean `{display(near[0])}`?" if near else f"there are {_listed(names)}"
        raise UsageError(f"no run has `{display(unknown[0])}`", hint=hint)


def ordered(rows: Iterable[Row], key: str, *, descending: bool) -> list[Row]:
    """Sorted by `key`, numbers before texts; runs that lack it come last either way, equal ones stay in their order."""
    value = values(key)
    rows = list(rows)
    have = [row for row in rows if value(row)]
    lack = [row for row in rows if not value(row)]
    return [*sorted(have, key=lambda row: _rank(value(row)[0]), reverse=descending), *lack]


def common_metrics(rows: Sequence[Row], most: int) -> list[str]:
    """The metrics that most of the runs have, at most so many."""
    seen: dict[str, int] = {}
    for row in rows:
        for name in row.run.metrics:
            seen[name] = seen.get(name, 0) + 1
    return sorted(seen, key=lambda name: -seen[name])[:most]


def _equal(value: str | float, asked: str) -> bool:
    if str(value) == asked:
        return True
    mine, number = _number(value), _number(asked)
    return mine is not None and mine == number


def _rank(value: str | float) -> tuple[bool, float, str]:
    number = _number(value)
    return (True, 0.0, str(value)) if number is None else (False, number, "")


def _number(value: str | float) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if number != number else number


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{display(name)}`" for name in names[:20]) + (" …" if len(names) > 20 else "")
