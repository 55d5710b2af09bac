"""File names in documents.

Linux names are bytes. Python shows those that are not UTF-8 with lone surrogates (PEP 383), which JSON and msgpack
refuse. In a document such a name is NUL, which no path can hold, and then its bytes as Latin-1: nothing is lost, and
names from before UTF-8, which is what they nearly always are, stay legible.
"""

from __future__ import annotations

import os

MARK = "\0"


def to_text(path: str) -> str:
    """`path`, as the file system functions give it, as documents hold it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return MARK + os.fsencode(path).decode("latin-1")
    return path


def from_text(text: str) -> str:
    """The inverse of `to_text`: what can be opened."""
    return os.fsdecode(text[1:].encode("latin-1", "replace")) if text.startswith(MARK) else text


def display(path: str) -> str:
    """`path` for people: what a terminal can't print is escaped as in Python."""
    legible = os.fsencode(path).decode(errors="backslashreplace")
    return legible if legible.isprintable() else legible.encode("unicode_escape").decode("ascii")
