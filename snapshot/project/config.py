"""The project's configuration: `snap.toml`, or `[tool.snap]` in `pyproject.toml`."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from snapshot.document import Document, decode
from snapshot.errors import UsageError

FILE_NAME = "snap.toml"
PYPROJECT = "pyproject.toml"

_DECIMAL = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_UNITS = _DECIMAL | _BINARY
_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) *(?P<unit>[a-z]*)", re.IGNORECASE | re.ASCII)
_PYTHON = re.compile(r"[0-9]+\.[0-9]+(?:\.[0-9]+)?", re.ASCII)


class Allowed(Document, frozen=True, kw_only=True):
    """How far numbers may be apart when a run is repeated."""

    rtol: float = 0.0
    """As a part of the first run's number."""
    atol: float = 0.0


class Configuration(Document, frozen=True, kw_only=True, rename="kebab"):
    """What the researcher may say; nothing needs to be said."""

    base: str | None = None
    """Reference of the base image."""
    python: str | None = None
    """As in `3.11` or `3.11.7`."""
    requirements: tuple[str, ...] | None = None
    """Requirements in place of those of the project's files."""
    extras: tuple[str, ...] = ()
    """Extras of the project itself (`[project.optional-dependencies]` and its like) that are installed too."""
    groups: tuple[str, ...] = ()
    """Dependency groups (PEP 735, Poetry's, PDM's) that are installed too."""
    packages: tuple[str, ...] = ()
    """OS packages, by the names of the base's distribution, in place of those of `apt.txt`."""
    resolver: Literal["pip-tools", "uv"] = "pip-tools"
    """What resolves; `uv` must be installed: `pip install 'snapshot-ml[uv]'`."""
    data: tuple[str, ...] = ()
    """Paths, relative to the project or absolute, that are data whatever their size."""
    trace: bool = True
    """Whether a run notes which files it opens."""
    large_file: str = "10 MB"
    """Larger files are data."""
    large_folder: str = "100 MB"
    """Larger folders are data."""
    identify: Literal["content", "mtime", "sample"] = "content"
    """What data are told apart by: docs/reference/data.md."""
    tolerance: dict[str, Allowed] = msgspec.field(default_factory=dict)
    """How far the numbers of a rerun may be apart, by patterns as in `.gitignore`; the last one that fits counts."""

    @property
    def large_file_bytes(self) -> int:
        """`large_file` in bytes."""
        return parse_size(self.large_file)

    @property
    def large_folder_bytes(self) -> int:
        """`large_folder` in bytes."""
        return parse_size(self.large_folder)


def parse_size(text: str) -> int:
    """Bytes that `text` says, as in `10 MB`, `1.5 GiB` or `4096`; raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    factor = _UNITS.get(match["unit"].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"`{text}` is not a size")
    return round(float(match["number"]) * factor)


def load(root: Path) -> Configuration:
    """The configuration of the project in `root`; raises UsageError naming the file and all that is wrong with it."""
    own, pyproject = _table(root / FILE_NAME), _pyproject_table(root / PYPROJECT)
    if own is not None and pyproject is not None:
        raise UsageError(
            f"the configuration is in `{FILE_NAME}` and in `[tool.snap]` of `{PYPROJECT}`", hint="keep one of the two"
        )
    if own is not None:
        return parse(own, where=FILE_NAME)
    return parse(pyproject, where=f"{PYPROJECT}, [tool.snap]") if pyproject is not None else Configuration()


def parse(table: object, *, where: str) -> Configuration:
    """The configuration that the TOML `table` holds; raises UsageError naming `where` and all findings."""
    if not isinstance(table, dict):
        raise UsageError(f"{where} is not a table", hint="write the keys under `[tool.snap]`")
    findings: list[tuple[str, str | None]] = []
    for key, value in table.items():
        try:
            # Each key on its own, so that all of them are heard: no key needs another.
            findings += _judge(key, value, decode({key: value}, Configuration, where=where, error=UsageError))
        except UsageError as problem:
            findings.append((problem.message.removeprefix(f"{where}: "), problem.hint))
    if findings:
        hints = dict.fromkeys(hint for _, hint in findings if hint)
        raise UsageError(f"{where}: " + "; ".join(text for text, _ in findings), hint="; ".join(hints) or None)
    return decode(table, Configuration, where=where, error=UsageError)


def _judge(key: str, value: Any, only: Configuration) -> list[tuple[str, str | None]]:
    """What is wrong with the `value` of `key`, beyond its type."""
    if key in ("large-file", "large-folder"):
        try:
            parse_size(value)
        except ValueError as problem:
            return [(f"`{key}`: {problem}", _size_hint(value))]
    if key == "python" and not _PYTHON.fullmatch(value):
        return [(f"`python`: `{value}` is not a version", 'write it as in `python = "3.11"` or `"3.11.7"`')]
    if key == "base" and (not value or any(letter.isspace() for letter in value)):
        return [(f"`base`: `{value}` is not an image reference", 'write it as in `base = "python:3.12-slim-bookworm"`')]
    if key == "tolerance":
        return list(_tolerances(only.tolerance))
    if key == "data":
        return [
            ("`data`: an empty path", "name the path, relative to the project")
            for path in only.data
            if not path.strip()
        ]
    return []


def _tolerances(tolerance: dict[str, Allowed]) -> Iterator[tuple[str, str | None]]:
    for pattern, allowed in tolerance.items():
        if not pattern.strip() or pattern.startswith(("#", "!")) or "\n" in pattern:
            yield f"`tolerance`: `{pattern}` is not a pattern of files", "write it as in `.gitignore`, without `!`"
        if not all(math.isfinite(part) and part >= 0 for part in (allowed.rtol, allowed.atol)):
            yield f"`tolerance`: that of `{pattern}` is no finite number from 0 on", "write it as in `{rtol = 1e-6}`"


def _size_hint(text: str) -> str:
    unit = text.strip().lstrip("0123456789. ").lower()
    close = difflib.get_close_matches(unit, [name for name in _UNITS if name], n=1)
    known = {
        "kb": "kB",
        "mb": "MB",
        "gb": "GB",
        "tb": "TB",
        "kib": "KiB",
        "mib": "MiB",
        "gib": "GiB",
        "tib": "TiB",
        "b": "B",
    }
    return f"did you mean `{known[close[0]]}`?" if close else "write it as in `10 MB`, `1.5 GiB` or `4096`"


def _pyproject_table(path: Path) -> object | None:
    """`[tool.snap]`; the file is parsed only if it can hold one, since that takes longer than all the rest."""
    data = _bytes(path)
    if data is None or b"snap" not in data:
        return None
    tool = _parsed(data, path).get("tool", {})
    return tool.get("snap") if isinstance(tool, dict) else None


def _table(path: Path) -> dict[str, Any] | None:
    data = _bytes(path)
    return None if data is None else _parsed(data, path)


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise UsageError(f"`{path.name}` can't be read: {problem.strerror}", hint=f"see `ls -ld {path}`") from None


def _parsed(data: bytes, path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"`{path.name}` is not TOML: {problem}", hint=f"correct `{path}`") from None
    except RecursionError:
        raise UsageError(f"`{path.name}` nests too deep", hint=f"correct `{path}`") from None
