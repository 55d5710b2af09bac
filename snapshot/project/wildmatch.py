"""Git's patterns as regular expressions: what `wildmatch.c` with WM_PATHNAME matches, on bytes shown as Latin-1."""

from __future__ import annotations

import re

SPECIAL = frozenset("*?[\\")
_MALFORMED = "(?!)"
"""A regular expression that matches nothing, as a pattern that git finds malformed does."""
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\r",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


def of_path(pattern: str) -> str:
    """`pattern` with slashes as a regular expression of the path.

    Git compares the part before the first special character by itself, so that `**` right behind it counts as if it
    began the pattern: `a**/b` matches `ax/y/b`.
    """
    plain = next((index for index, letter in enumerate(pattern) if letter in SPECIAL), len(pattern))
    return re.escape(pattern[:plain]) + of_name(pattern[plain:])


def of_name(pattern: str) -> str:
    """`pattern` as a regular expression of the name, or of what is left of the path."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        match pattern[at]:
            case "*":
                stars = len(pattern) - at - len(pattern[at:].lstrip("*"))
                text, width = _stars(pattern, at, stars)
                out.append(text)
                at += width
            case "?":
                out.append("[^/]")
                at += 1
            case "[":
                text, at = _bracket(pattern, at + 1)
                if text == _MALFORMED:
                    return _MALFORMED
                out.append(text)
            case "\\":
                if at + 1 == len(pattern):
                    return _MALFORMED
                out.append(re.escape(pattern[at + 1]))
                at += 2
            case other:
                out.append(re.escape(other))
                at += 1
    return "".join(out)


def _stars(pattern: str, at: int, stars: int) -> tuple[str, int]:
    """The regular expression of `stars` asterisks at `at`, and how many letters of the pattern it stands for."""
    after = pattern[at + stars : at + stars + 2]
    whole = (at == 0 or pattern[at - 1] == "/") and (not after or after[0] == "/" or after == "\\/")
    if stars == 1 or not whole:
        return "[^/]*", stars
    if after.startswith("/"):
        return "(?:.*/)?", stars + 1
    return ".*", stars


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """The regular expression of a `[…]` whose content begins at `at`, and where the pattern goes on."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    members: list[str] = []
    previous = ""
    first = True
    while first or pattern[at : at + 1] != "]":
        first = False
        if at >= len(pattern):
            return _MALFORMED, at
        letter = pattern[at]
        if letter == "[" and pattern[at + 1 : at + 2] == ":":
            end = pattern.find("]", at + 2)
            if end < 0:
                return _MALFORMED, at
            if end > at + 2 and pattern[end - 1] == ":":
                name = pattern[at + 2 : end - 1]
                if name not in _CLASSES:
                    return _MALFORMED, at
                members.append(_CLASSES[name])
                previous, at = "", end + 1
                continue
        elif letter == "-" and previous and pattern[at + 1 : at + 2] not in ("", "]"):
            at += 1 + (pattern[at + 1] == "\\")
            if at >= len(pattern):
                return _MALFORMED, at
            if previous <= pattern[at]:
                members.append(f"{re.escape(previous)}-{re.escape(pattern[at])}")
            previous, at = "", at + 1
            continue
        elif letter == "\\":
            at += 1
            if at >= len(pattern):
                return _MALFORMED, at
            letter = pattern[at]
        members.append(re.escape(letter))
        previous, at = letter, at + 1
    inside = "".join(members)
    if negated:
        return f"[^/{inside}]", at + 1
    return (f"(?!/)[{inside}]" if inside else _MALFORMED), at + 1
