"""One reading of a project's files: each is read once, its digest is kept, and what is wrong is said by name and place.

Nothing here or in `formats/` runs code of the project, and every file is taken for bad until it is read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from snapshot import digest
from snapshot.document import decode
from snapshot.errors import UsageError
from snapshot.project.requirements import Requirements

LARGEST = 64 * 2**20
"""Bytes; the largest lock files that are known have a fifth of it."""

T = TypeVar("T")

_SEPARATORS = re.compile(r"[-_.]+")
_NAME = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)


class Line(NamedTuple):
    """A requirement, or an option, in pip's notation."""

    text: str
    where: str
    """For people, as in `requirements.txt, line 2`."""


class Reading:
    """What is to be read of one project, and what came of it so far."""

    def __init__(
        self,
        root: Path,
        *,
        extras: Sequence[str] = (),
        groups: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.extras = tuple(dict.fromkeys(normal(extra) for extra in extras))
        self.groups = tuple(dict.fromkeys(normal(group) for group in groups))
        self.environment = environment
        """Tells of the active environment; None when it is not to be looked at."""
        self.files: dict[str, str] = {}
        self.folders: list[Path] = []
        self.import_roots: list[str] = []
        self.notes: list[str] = []
        self.within: list[str] = []
        """The requirements files, and projects in the project, that are being read, outermost first."""
        self.used: set[str] = set()
        """Declarations that requirements were taken from, and which hold other things too."""
        self._data: dict[Path, bytes] = {}

    def name(self, path: Path) -> str:
        """`path` as seen from the project: relative inside it and beside it."""
        return Path(os.path.relpath(path, self.root)).as_posix()

    def there(self, path: Path) -> bool:
        """Whether `path` is a file; raises UsageError for what has its name and is none."""
        if os.path.isfile(path):
            return True
        if os.path.lexists(path):
            what = "a link that leads nowhere" if path.is_symlink() else "no file"
            raise UsageError(f"`{self.name(path)}` is {what}", hint=f"see `ls -l {self.name(path)}`")
        return False

    def peek(self, path: Path, by: str | None = None) -> bytes:
        """The content of `path`, which the line `by` asks for, without counting it as read."""
        if path not in self._data:
            where = f", which {by} includes," if by else ""
            try:
                if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
                    raise ValueError("it is no file")  # but a FIFO or a device, which might never end
                with path.open("rb") as file:
                    self._data[path] = file.read(LARGEST + 1)
            except (OSError, ValueError) as problem:
                reason = (getattr(problem, "strerror", None) or str(problem)).lower()
                raise UsageError(
                    f"`{self.name(path)}`{where} can't be read: {reason}", hint="correct the path"
                ) from None
            if len(self._data[path]) > LARGEST:
                raise UsageError(
                    f"`{self.name(path)}`{where} is larger than {LARGEST // 2**20} MiB",
                    hint="name the requirements with `--from FILE`, or in the configuration",
                )
        return self._data[path]

    def data(self, path: Path, by: str | None = None) -> bytes:
        """The content of `path`; its digest is kept."""
        data = self.peek(path, by)
        self.files[self.name(path)] = digest.of_bytes(data)
        return data

    def text(self, path: Path) -> str:
        """The content of `path`, which must be UTF-8."""
        return self._text(path, self.data(path))

    def toml(self, path: Path, *, peek: bool = False) -> dict[str, Any]:
        """The tables of `path`; with `peek` it does not count as read."""
        import tomllib

        data = self.peek(path) if peek else self.data(path)
        try:
            return tomllib.loads(data.decode())
        except (ValueError, RecursionError) as problem:
            raise self._is_not("TOML", path, problem) from None

    def json(self, path: Path, *, peek: bool = False) -> dict[str, Any]:
        """The object in `path`."""
        import json

        data = self.peek(path) if peek else self.data(path)
        try:
            found = json.loads(data)
            if b"\\ud" in data.lower():
                # Half a surrogate pair, which nothing that is written later could hold.
                json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as problem:
            raise self._is_not("JSON", path, problem) from None
        return self.table(found, path, "the file")

    def table(self, value: object, path: Path, what: str) -> dict[str, Any]:
        """`value` if it is a table; else raises UsageError that says so of `what` in `path`."""
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.wrong(path, f"{what} is not a table")
        return value

    def decode(self, value: object, kind: type[T], path: Path, what: str = "") -> T:
        """`value`, the part `what` of `path`, as a `kind`."""
        where = f"`{self.name(path)}`" + (f", {what}" if what else "")
        try:
            return decode(value, kind, where=where, error=UsageError)
        except UsageError as problem:
            raise UsageError(problem.message, hint=problem.hint or f"correct `{self.name(path)}`") from None

    def wrong(self, path: Path, problem: str, hint: str | None = None) -> UsageError:
        """An error that names `path`."""
        return UsageError(f"`{self.name(path)}`: {problem}", hint=hint or f"correct `{self.name(path)}`")

    def note(self, text: str) -> None:
        """Keep a sentence that is worth telling, once."""
        if text not in self.notes:
            self.notes.append(text)

    def requirements(
        self, source: str, lines: Iterable[Line], *, requires_python: str | None = None, python: str | None = None
    ) -> Requirements:
        """The value for `lines` as they are; `read` in `sources` adds what was read."""
        places: dict[str, str] = {}
        for line in lines:
            # What has become one requirement must not become two when it is written down.
            places.setdefault(" ".join(line.text.splitlines()), line.where)
        return Requirements(
            source=source, lines=tuple(places), places=places, requires_python=requires_python, python=python
        )

    def _text(self, path: Path, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            line = data[: problem.start].count(b"\n") + 1
            raise UsageError(
                f"{self.name(path)}, line {line} can't be read: it is not UTF-8",
                hint=f"save `{self.name(path)}` as UTF-8",
            ) from None

    def _is_not(self, kind: str, path: Path, problem: Exception) -> UsageError:
        said = "it nests too deep" if isinstance(problem, RecursionError) else str(problem)
        return UsageError(
            f"`{self.name(path)}` is not {kind}: {said[:1].lower()}{said[1:]}", hint=f"correct `{self.name(path)}`"
        )


def normal(name: str) -> str:
    """`name` normalized (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def is_name(text: str) -> bool:
    """Whether `text` can name a distribution (PEP 508)."""
    return _NAME.fullmatch(text) is not None


def unquoted(text: str) -> str:
    """`text` without quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def strings(value: object) -> tuple[str, ...] | None:
    """`value` if it is a list of strings."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None
