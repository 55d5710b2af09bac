"""The arguments of two commands, apart into what can be swapped alone. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher

from snapshot.cause.candidate import Candidate
from snapshot.document import Value
from snapshot.record.parameters import units

Words = tuple[str, ...]


class Swap(Value, kw_only=True, frozen=True):
    """A piece of the first command, and what stands there in the second."""

    key: str
    old: tuple[Words, ...]
    new: tuple[Words, ...]
    is_same: bool


class Arguments:
    """What differs between two sequences of arguments."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._swaps = tuple(_numbered(_swaps(units(old), units(new))))

    def candidates(self) -> Iterator[Candidate]:
        """One for each option or word, in the order of the command."""
        for swap in self._swaps:
            if not swap.is_same:
                yield Candidate(key=swap.key, kind="argument", text=_text(swap))

    def mixed(self, chosen: Collection[str]) -> Words:
        """The first command with what was `chosen` from the second."""
        pieces = (swap.new if swap.key in chosen else swap.old for swap in self._swaps)
        return tuple(word for piece in pieces for unit in piece for word in unit)


def _swaps(old: Sequence[Words], new: Sequence[Words]) -> Iterator[Swap]:
    """Units of one name stand for each other; else what difflib finds to have been replaced."""
    names, others = ([_name(unit) for unit in side] for side in (old, new))
    for tag, a_start, a_end, b_start, b_end in SequenceMatcher(None, names, others, autojunk=False).get_opcodes():
        was, now = old[a_start:a_end], new[b_start:b_end]
        if tag == "equal":
            for one, other in zip(was, now, strict=True):
                yield Swap(key=f"argument {_name(one)}", old=(one,), new=(other,), is_same=one == other)
        else:
            key = f"argument {_name((was or now)[0])}"
            yield Swap(key=key, old=tuple(was), new=tuple(now), is_same=False)


def _numbered(swaps: Iterator[Swap]) -> Iterator[Swap]:
    """With keys that are told apart also where an option stands twice."""
    seen: dict[str, int] = {}
    for swap in swaps:
        seen[swap.key] = seen.get(swap.key, 0) + 1
        key = swap.key if seen[swap.key] == 1 else f"{swap.key} ({seen[swap.key]})"
        yield Swap(key=key, old=swap.old, new=swap.new, is_same=swap.is_same)


def _name(unit: Words) -> str:
    """What of an option does not change with its value; words without a name are all alike."""
    word = unit[0]
    if not word.startswith("-") and "=" not in word:
        return "word"
    return word.partition("=")[0]


def _text(swap: Swap) -> str:
    was, now = (shlex.join(word for unit in side for word in unit) or "nothing" for side in (swap.old, swap.new))
    return f"{was} → {now}"
