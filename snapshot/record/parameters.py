"""The arguments of a command as parameters by name: what argparse, click, fire, absl and hydra take. Pure.

Nobody but the script knows its options for sure. What can't be told is decided so that numbers stay numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from snapshot.project.names import to_text

_ASSIGNED = re.compile(r"(?:\+{1,2})?(?P<key>[^\W\d][\w./@-]*)=(?P<value>.*)", re.DOTALL)
"""As hydra overrides: `model.lr=0.1`, `+x=1`, `db/engine=mysql`."""
_DOTTED = re.compile(r"\+{0,2}[^\W\d]\w*(\.\w+)*=", re.DOTALL)
_SHORT = re.compile(r"-(?P<key>[^\W\d_])(?P<value>[\d.].*)", re.DOTALL)
"""As in `-j8`."""


def parameters(arguments: Sequence[str]) -> dict[str, str]:
    """What `arguments`, those after the script, say by name, in their order and as typed.

    `--lr 0.1`, `--lr=0.1`, `-lr 0.1`, `lr=0.1` are `lr`; an option without a value is `true`, `--no-cuda` makes `cuda`
    `false`; further numbers after a number belong to the same option; what is named several times has all its values;
    what has no name is `arg1`, `arg2` and so on. Values are joined by spaces.
    """
    return {key: to_text(" ".join(values)) for key, values in values_by_name(arguments).items()}


def values_by_name(arguments: Sequence[str]) -> dict[str, list[str]]:
    """The same, with what is named several times as several."""
    found: dict[str, list[str]] = {}
    for key, value in _pairs(arguments):
        found.setdefault(to_text(key), []).append(value)
    return found


def units(arguments: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """`arguments` apart into what belongs together: an option with its values, or a word."""
    found = []
    at, ended = 0, False
    while at < len(arguments):
        word = arguments[at]
        values: Sequence[str] = ()
        if word == "--" and not ended:
            ended = True
        elif not ended and _is_option(word):
            values = _values_of(word, arguments[at + 1 :])
        found.append((word, *values))
        at += len(found[-1])
    return tuple(found)


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    position = 0
    at = 0
    ended = False
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if word == "--" and not ended:
            ended = True
        elif not ended and _is_option(word):
            values = _values_of(word, arguments[at:])
            at += len(values)
            yield _option(word, values)
        elif not ended and (match := _ASSIGNED.fullmatch(word)):
            yield match["key"], match["value"]
        else:
            position += 1
            yield f"arg{position}", word


def _option(word: str, values: Sequence[str]) -> tuple[str, str]:
    if values:
        return word.lstrip("-"), " ".join(values)
    name, equals, value = word.lstrip("-").partition("=")
    if equals:
        return name, value
    if match := _SHORT.fullmatch(word):
        return match["key"], match["value"]
    if word.startswith(("--no-", "--no_")) and len(name) > 3:
        return name[3:], "false"
    return name, "true"


def _values_of(option: str, following: Sequence[str]) -> Sequence[str]:
    """The words behind an option that are its values."""
    return () if "=" in option or _SHORT.fullmatch(option) else _values(following)


def _values(following: Sequence[str]) -> Sequence[str]:
    """The words that belong to the option before them: one, or as many numbers as there are."""
    if not following or following[0] == "--" or _is_option(following[0]) or _DOTTED.match(following[0]):
        return ()
    end = 1
    if _is_number(following[0]):
        while end < len(following) and _is_number(following[end]):
            end += 1
    return following[:end]


def _is_option(word: str) -> bool:
    return word.lstrip("-")[:1] not in ("", "=") and word.startswith("-") and not _is_number(word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
