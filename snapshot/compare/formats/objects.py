"""JSON, and JSON lines: value by value."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, BinaryIO

from snapshot.compare import volatile
from snapshot.compare.formats import texts
from snapshot.compare.tally import IncomparableError, Tally

LARGEST = 64 << 20
"""Bytes of a document, which takes several times as much memory."""


def compare_json(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Keys in any order."""
    was, now = both(first, second)
    values(was, now, tally, "$")


def both(first: BinaryIO, second: BinaryIO) -> tuple[Any, Any]:
    """The documents in two files; raises IncomparableError where one is none."""
    return _load(_read(first), "first"), _load(_read(second), "second")


def compare_lines(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """One document on each line; empty lines are none."""
    number = 0
    for number, (a, b) in enumerate(_pairs(first, second), 1):
        if a is None or b is None:
            tally.other(f"line {number}", f"only the {'first' if b is None else 'second'} has it", a, b)
            return
        # Also the same text is read: a number in it counts.
        values(_load(a, "first"), _load(b, "second"), tally, f"line {number}: $")


def _pairs(first: BinaryIO, second: BinaryIO) -> Any:
    was, now = ((line for line in texts.lines(file, LARGEST) if line.strip()) for file in (first, second))
    while True:
        pair = next(was, None), next(now, None)
        if pair == (None, None):
            return
        yield pair


def values(a: Any, b: Any, tally: Tally, top: str) -> None:
    """Two values of JSON, `top` being the place of both."""
    ahead: list[tuple[Any, Any, Any]] = [(a, b, None)]
    while ahead:
        a, b, path = ahead.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            _objects(a, b, path, ahead, tally, top)
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                tally.other(_place(top, path), "another number of elements", f"{len(a)}", f"{len(b)}")
            else:
                ahead += ((a[at], b[at], (path, at)) for at in reversed(range(len(a))))
        elif _is_number(a) and _is_number(b):
            tally.number(a, b, partial(_place, top, path))
        elif isinstance(a, str) and isinstance(b, str):
            if a != b:
                texts.exactly(a, b, tally, _place(top, path))
        elif type(a) is not type(b) or a != b:
            tally.other(_place(top, path), "another value", _said(a), _said(b))


def _objects(a: dict[str, Any], b: dict[str, Any], path: Any, ahead: list[Any], tally: Tally, top: str) -> None:
    for key in reversed(a):
        if key not in b:
            tally.other(_place(top, (path, key)), "only the first has it", _said(a[key]))
        elif volatile.is_time(key) and _is_scalar(a[key]) and _is_scalar(b[key]):
            if a[key] != b[key]:
                tally.ignore(f"`{key}`")
        else:
            ahead.append((a[key], b[key], (path, key)))
    for key in b.keys() - a.keys():
        tally.other(_place(top, (path, key)), "only the second has it", None, _said(b[key]))


def _read(file: BinaryIO) -> str:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise IncomparableError(f"it is larger than {LARGEST >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise IncomparableError("it is not UTF-8") from None


def _load(text: str, side: str) -> Any:
    try:
        # The standard library's, since `json.dump` writes NaN and Infinity, which others refuse.
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise IncomparableError(f"the {side} is nested too deep") from None
    except json.JSONDecodeError as problem:
        raise IncomparableError(f"the {side} is no JSON: {problem.msg.lower()}, line {problem.lineno}") from None
    except ValueError:
        raise IncomparableError(f"the {side} has an integer of thousands of digits") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise IncomparableError("it has a key twice in one object")
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str) or _is_number(value)


def _place(top: str, path: Any) -> str:
    """`path` is the last step and all before it: (((None, "loss"), 3))."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        plain = isinstance(step, str) and step.isidentifier()
        steps.append(f".{step}" if plain else f"[{json.dumps(step, ensure_ascii=False)}]")
    return top + "".join(reversed(steps))


def _said(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value, ensure_ascii=False)
