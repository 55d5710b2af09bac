"""OS packages that the project asks for: `packages` in the configuration, or the first `apt.txt` there is.

`apt.txt` is repo2docker's convention: one name a line, `#` begins a comment. It is looked for in the project, then in
`binder/` and `.binder/`. https://repo2docker.readthedocs.io/en/latest/configuration/system/
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import UsageError

CONFIGURED = "the configuration"
FILES = ("apt.txt", "binder/apt.txt", ".binder/apt.txt")

_NAME = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*[a-z0-9+.])(?::(?P<architecture>[a-z0-9][a-z0-9-]*))?"
    r"(?:=(?P<version>[A-Za-z0-9][A-Za-z0-9.+:~-]*))?"
)
"""Debian Policy 5.6.1 and 5.6.12. No name ends with `-`, by which apt-get understands that it is to be removed."""


class OsName(Value, kw_only=True, frozen=True):
    """One package as it is asked for, in apt-get's notation `name[:architecture][=version]`."""

    name: str
    architecture: str | None = None
    version: str | None = None
    where: str
    """Where it stands, as in `apt.txt, line 2`."""

    @property
    def text(self) -> str:
        """As it was given."""
        return self.bare + (f"={self.version}" if self.version else "")

    @property
    def bare(self) -> str:
        """Without the version."""
        return self.name + (f":{self.architecture}" if self.architecture else "")


class OsRequest(Value, kw_only=True, frozen=True):
    """The OS packages that are asked for, and what was read to know it."""

    source: str = ""
    """`the configuration` or the file; empty where nothing asks for any."""
    names: tuple[OsName, ...] = ()
    files: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Path as seen from the project → sha256, of every file that was read."""


def read(root: Path, configured: Sequence[str] = ()) -> OsRequest:
    """What the project in `root` asks for; `configured` wins over files.

    Raises UsageError, with file and line, for what is no name, and for a version or package that contradicts another.
    """
    if configured:
        placed = [(text, f"{CONFIGURED}, `packages`, item {n}") for n, text in enumerate(configured, start=1)]
        return OsRequest(source=CONFIGURED, names=_names(placed))
    for name in FILES:
        if os.path.lexists(root / name):
            return _from_file(root / name, name)
    return OsRequest()


def _from_file(path: Path, name: str) -> OsRequest:
    try:
        data = path.read_bytes()
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise UsageError(f"`{name}` can't be read: {reason}", hint=f"see `ls -l {name}`") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise UsageError(
            f"{name}, line {line} can't be read: it is not UTF-8", hint=f"save `{name}` as UTF-8"
        ) from None
    # Not `splitlines`, which knows more ends of lines than an editor's line numbers do.
    lines = [(line.partition("#")[0].strip(), f"{name}, line {n}") for n, line in enumerate(text.split("\n"), start=1)]
    return OsRequest(
        source=name, names=_names([line for line in lines if line[0]]), files={name: digest.of_bytes(data)}
    )


def _names(placed: Sequence[tuple[str, str]]) -> tuple[OsName, ...]:
    """Each name once; one that is asked for twice must be the same both times."""
    found: dict[str, OsName] = {}
    for text, where in placed:
        item = _name(text.strip(), where)
        known = found.setdefault(item.bare, item)
        if known.version != item.version:
            raise UsageError(f"{where}: `{item.text}`, and `{known.text}` in {known.where}", hint="keep one of the two")
    return tuple(found.values())


def _name(text: str, where: str) -> OsName:
    match = _NAME.fullmatch(text)
    if not match:
        raise UsageError(f"{where}: `{_printable(text)}` is not the name of an OS package", hint=_remedy(text))
    return OsName(name=match["name"], architecture=match["architecture"], version=match["version"], where=where)


def _remedy(text: str) -> str:
    if text.startswith("-"):
        return "options of apt-get have no place here: write names, as in `ffmpeg`"
    if len(text.split()) > 1:
        return "write each name on a line of its own, or as an item of its own"
    if "/" in text:
        return "a suite or a file can't be named: write the name, or a version as in `ffmpeg=7:5.1.6-0+deb12u1`"
    if text != text.lower() and _NAME.fullmatch(text.lower()):
        return f"did you mean `{text.lower()}`?"
    return "write it as in `ffmpeg`, `libgl1:amd64` or `ffmpeg=7:5.1.6-0+deb12u1`"


def _printable(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
