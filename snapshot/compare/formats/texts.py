"""Text line by line: numbers as numbers, what changes each time by rule, everything else letter by letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from snapshot.compare import volatile
from snapshot.compare.formats.pairs import paired
from snapshot.compare.tally import IncomparableError, Tally

LONGEST_LINE = 1 << 20
"""Bytes; a longer one is no text for people."""


def compare(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Lines are compared by their numbers in the file: none is looked for elsewhere."""
    for number, a, b in paired(lines(first), lines(second), "line", tally):
        if a != b:
            words(a, b, tally, f"line {number}")


def words(a: str, b: str, tally: Tally, where: str) -> None:
    """Two texts that are not the same."""
    was, now = volatile.read(a), volatile.read(b)
    if (was.words, was.marks) != (now.words, now.marks):
        tally.other(where, "other text", a, b)
        return
    for mark in volatile.ignored(was, now):
        tally.ignore(mark)
    for one, other in volatile.numbers(was, now):
        tally.number(one, other, lambda: where)


def exactly(a: str, b: str, tally: Tally, where: str) -> None:
    """Two words that are not the same: all but times and paths counts as it stands, as numbers may be names here."""
    if max(len(a), len(b)) > LONGEST_LINE:
        tally.other(where, "another value", a, b)
        return
    was, now = volatile.read(a), volatile.read(b)
    if (was.words, was.marks) != (now.words, now.marks) or any(x != y for x, y in volatile.numbers(was, now)):
        tally.other(where, "another value", a, b)
    for mark in volatile.ignored(was, now) if was.marks == now.marks else ():
        tally.ignore(mark)


def lines(file: BinaryIO, longest: int = LONGEST_LINE, *, ends: bool = False) -> Iterator[str]:
    """The lines, on demand with their ends; raises IncomparableError for what is no UTF-8, or too long."""
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise IncomparableError(f"line {number} is longer than {longest:,} bytes")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise IncomparableError(f"line {number} is not UTF-8") from None
        yield text if ends else text.rstrip("\r\n")
