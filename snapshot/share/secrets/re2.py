"""Expressions of Go's RE2 as Python's `re` reads them: the few points in which the two differ.

Syntax of RE2: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re

_FLAGS = re.compile(r"\(\?([imsU]*(?:-[imsU]+)?)\)")
_POSIX = {"[:alnum:]": "0-9A-Za-z", "[:alpha:]": "A-Za-z", "[:digit:]": "0-9", "[:space:]": r"\s"}


def compiled(expression: str) -> re.Pattern[str]:
    """The pattern; `re.error` where Python has no equal."""
    return re.compile(translated(expression), re.ASCII)


def translated(expression: str) -> str:
    r"""`expression` in Python's syntax: `\z` is `\Z`, and flags that begin in the midst of a group last until its end.

    Python has flags at the start or for a group of their own; so `(a(?i)b|c)` becomes `(a(?i:b)|(?i:c))`.
    """
    out: list[str] = []
    groups: list[list[str]] = [[]]  # of each open group the flags that were switched on in it
    at = 0
    while at < len(expression):
        flags = _FLAGS.match(expression, at)
        token = flags[0] if flags else _token(expression, at)
        at += len(token)
        if flags:
            groups[-1].append(flags[1])
            out.append(f"(?{flags[1]}:")
        elif token == "(":
            groups.append([])
            out.append(token)
        elif token == ")":
            out.append(")" * (len(groups.pop()) + 1))
        elif token == "|":
            out.append(")" * len(groups[-1]) + "|" + "".join(f"(?{each}:" for each in groups[-1]))
        else:
            out.append(_plain(token))
    return "".join(out) + ")" * len(groups[-1])


def _token(expression: str, at: int) -> str:
    """What stands at `at`: an escape, a class in brackets, or a character."""
    if expression[at] == "\\":
        return expression[at : at + 2]
    return expression[at : _class_end(expression, at)] if expression[at] == "[" else expression[at]


def _class_end(expression: str, at: int) -> int:
    """Where the class that begins at `at` has ended; a bracket that comes first is one of its characters."""
    at += 2 if expression[at + 1 : at + 2] == "^" else 1
    first = at
    while at < len(expression) and (expression[at] != "]" or at == first):
        posix = next((name for name in _POSIX if expression.startswith(name, at)), None)
        at += len(posix) if posix else 2 if expression[at] == "\\" else 1
    return at + 1


def _plain(token: str) -> str:
    if token.startswith("["):
        for name, characters in _POSIX.items():
            token = token.replace(name, characters)
        return token[0] + token[1:].replace("[", r"\[") if "\\[" not in token else token
    return r"\Z" if token == r"\z" else token
