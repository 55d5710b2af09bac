"""gitignore(5) for a walk that goes down folder by folder, and so asks of each entry once, by its own path.

Written here and not taken from pathspec, because of the price: its import alone takes a sixth of what `snap run` may
spend on the host, and its matching of 20,000 paths as long as the rest of the scan. What it does is git's `dir.c`
(here) and `wildmatch.c` (beside); the tests compare it with `git check-ignore`.

Git compares bytes, so names are matched as Latin-1 renderings of their bytes: `?` is one byte of `é`.
The user's own `core.excludesFile` is left out: the same project would be different code for different people.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from snapshot.project import git, wildmatch

FILE_NAME = ".gitignore"


class Rule(NamedTuple):
    """One line of an ignore file."""

    kind: Literal["name", "suffix", "name glob", "path", "path glob"]
    """What `text` is compared with, and whether it is a regular expression."""
    text: str
    negated: bool
    folders_only: bool

    def matches(self, path: str, name: str) -> bool:
        """Whether the pattern matches; `re` keeps the compiled ones, so that only those that are asked are compiled."""
        match self.kind:
            case "name":
                return name == self.text
            case "suffix":
                return name.endswith(self.text)
            case "path":
                return path == self.text
            case "name glob":
                return re.fullmatch(self.text, name, re.DOTALL) is not None
            case _:
                return re.fullmatch(self.text, path, re.DOTALL) is not None


class Rules:
    """The rules that hold in one folder, weakest first: the last that matches decides."""

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        self._rules = rules

    def __bool__(self) -> bool:
        return bool(self._rules)

    def extended(self, data: bytes, base: str) -> Rules:
        """These rules and, stronger, those of an ignore file with content `data` in the folder `base` below the top."""
        prefix = _latin(base) + "/" if base else ""
        return Rules((*self._rules, *(_parse(line, prefix) for line in _lines(data))))

    def ignores(self, path: str, name: str, is_folder: bool) -> bool:
        """Whether git ignores the entry `name` at `path` below the top, given that it does not ignore its folder."""
        if not path.isascii():
            path, name = _latin(path), _latin(name)
        # Nearly all entries match nothing: these five tests say so, whatever the order of the rules.
        names, suffixes, paths, name_glob, path_glob = self._tests
        if not (
            name in names
            or name.endswith(suffixes)
            or path in paths
            or (name_glob and name_glob(name))
            or (path_glob and path_glob(path))
        ):
            return False
        for rule in reversed(self._rules):
            if (is_folder or not rule.folders_only) and rule.matches(path, name):
                return not rule.negated
        return False

    @cached_property
    def _tests(self) -> tuple[frozenset[str], tuple[str, ...], frozenset[str], _Glob | None, _Glob | None]:
        """One test for all the rules of each kind."""
        texts: dict[str, list[str]] = {}
        for rule in self._rules:
            texts.setdefault(rule.kind, []).append(rule.text)
        return (
            frozenset(texts.get("name", ())),
            tuple(dict.fromkeys(texts.get("suffix", ()))),
            frozenset(texts.get("path", ())),
            _any_of(texts.get("name glob", [])),
            _any_of(texts.get("path glob", [])),
        )


def above(root: Path) -> tuple[Rules, str]:
    """The rules that hold in the project folder `root` before its own ignore file, and its path below the top.

    The top is that of the git work tree, else `root`. A repository that ignores the project as a whole has nothing to
    say about what is in it.
    """
    top = git.toplevel(root)
    folder = git.git_dir(top) if top else None
    if top is None or folder is None:
        return Rules(), ""
    rules = Rules()
    if data := read_file(git.common_dir(folder) / "info" / "exclude", follow=True):
        rules = rules.extended(data, "")
    below = os.path.relpath(root, top)
    base = ""
    for name in below.split("/") if below != "." else ():
        if data := read_file(top / base / FILE_NAME):
            rules = rules.extended(data, base)
        base = f"{base}/{name}" if base else name
        if rules.ignores(base, name, True):
            return Rules(), ""
    return rules, base


def read_file(path: Path | str, *, follow: bool = False) -> bytes | None:
    """The content of an ignore file, None if it can't be read; in the work tree git does not follow links to them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    except OSError:
        return None
    try:
        with os.fdopen(descriptor, "rb") as file:
            return file.read()
    except OSError:  # a folder of that name
        return None


class _Glob:
    """All the patterns of one kind as one regular expression."""

    __slots__ = ("_match",)

    def __init__(self, texts: list[str]) -> None:
        self._match = re.compile("|".join(f"(?:{text})" for text in texts), re.DOTALL).fullmatch

    def __call__(self, text: str) -> bool:
        return self._match(text) is not None


def _any_of(texts: list[str]) -> _Glob | None:
    return _Glob(texts) if texts else None


def _latin(path: str) -> str:
    return os.fsencode(path).decode("latin-1")


def _lines(data: bytes) -> Iterable[str]:
    """The patterns of an ignore file: comments, blank lines and what git trims removed."""
    for raw in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        line = raw.removesuffix(b"\r").decode("latin-1").partition("\0")[0]
        if not line.startswith("#") and (pattern := _trimmed(line)):
            yield pattern


def _trimmed(line: str) -> str:
    """`line` without its trailing spaces, but for the first of them if a backslash quotes it."""
    bare = line.rstrip(" ")
    quoted = (len(bare) - len(bare.rstrip("\\"))) % 2
    return line[: len(bare) + quoted]


def _parse(line: str, prefix: str) -> Rule:
    """One pattern of an ignore file; `prefix` is the path of its folder with a slash behind."""
    negated = line.startswith("!")
    pattern = line[negated:]
    folders_only = pattern.endswith("/")
    pattern = pattern[: len(pattern) - folders_only]
    plain = not wildmatch.SPECIAL & set(pattern)
    if "/" in pattern:
        pattern = pattern.removeprefix("/")
        if plain:
            return Rule("path", prefix + pattern, negated, folders_only)
        return Rule("path glob", re.escape(prefix) + wildmatch.of_path(pattern), negated, folders_only)
    if plain:
        return Rule("name", pattern, negated, folders_only)
    if pattern[0] == "*" and not wildmatch.SPECIAL & set(pattern[1:]):
        return Rule("suffix", pattern[1:], negated, folders_only)
    return Rule("name glob", wildmatch.of_name(pattern), negated, folders_only)
