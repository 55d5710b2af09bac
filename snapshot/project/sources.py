"""What the project asks for: the first of these that exists, and nothing of the others.

1. `requirements` in the configuration, in pip's notation (`-r FILE` too; an empty list asks for no packages);
2. `requirements.txt`;
3. `[project].dependencies` of `pyproject.toml`, read as data (a project that computes them is told so).

A project with none of them asks for no packages. Requirements are parsed by pip, in the base image; here files are
only followed through `-r` and `-c`, so that the lock can tell later whether one of them changed.
"""

from __future__ import annotations

import codecs
import os.path
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from snapshot import digest
from snapshot.errors import UsageError
from snapshot.project.requirements import Requirements

REQUIREMENTS_FILE = "requirements.txt"
PROJECT_FILE = "pyproject.toml"
CONFIGURED = "the configuration"
NONE = "the project"
"""Where nothing is written."""
OTHERS = ("setup.py", "setup.cfg", "environment.yml", "environment.yaml", "Pipfile", "Pipfile.lock", "poetry.lock")
"""Files of other tools that name requirements."""

_INCLUDE = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)(?:\s+|\s*=\s*|(?<=-[rc]))(?P<name>\S.*)")
_LOCATION = re.compile(r"\s*(?:-f|--find-links)(?:\s+|\s*=\s*|(?<=-f))(?P<name>\S.*)")
_INDEX = re.compile(r"\s*(?:-i|--index-url|--extra-index-url)(?:\s+|\s*=\s*)(?P<name>\S+)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ENCODING = re.compile(rb"^#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE | re.ASCII)
_COMMENT = re.compile(r"(^|\s+)#.*$")


def read(root: Path, configured: Sequence[str] | None = None) -> Requirements:
    """What the project in `root` asks for; raises UsageError when a file that is named is not there or malformed."""
    project = _project_table(root)
    requires_python = _requires_python(project)
    if configured is not None:
        walk = _Walk(root=root, places=_items(configured, CONFIGURED))
        for line in configured:
            walk.line(line, root, "the configuration")
        return walk.result(source=CONFIGURED, lines=tuple(configured), requires_python=requires_python)
    if (root / REQUIREMENTS_FILE).is_file():
        return _from_file(root, root / REQUIREMENTS_FILE, requires_python)
    if os.path.lexists(root / REQUIREMENTS_FILE):
        what = "a link that leads nowhere" if (root / REQUIREMENTS_FILE).is_symlink() else "no file"
        raise UsageError(f"`{REQUIREMENTS_FILE}` is {what}", hint=f"see `ls -l {REQUIREMENTS_FILE}`")
    if project is not None and "project" in project:
        lines = _dependencies(project)
        return Requirements(
            source=PROJECT_FILE,
            lines=lines,
            places=_items(lines, PROJECT_FILE),
            requires_python=requires_python,
        )
    return Requirements(source=NONE, requires_python=requires_python)


def unread(root: Path, found: Requirements) -> tuple[str, ...]:
    """What in `root` looks as if it named requirements too, and is not read: a sentence each."""
    if found.source == CONFIGURED:
        return ()
    project = _project_table(root) or {}
    if found.source == REQUIREMENTS_FILE:
        declared = (project.get("project") or {}).get("dependencies")
        return (f"`{REQUIREMENTS_FILE}` is read, and the dependencies in `{PROJECT_FILE}` are not",) if declared else ()
    if found.lines:
        return ()
    others = [name for name in OTHERS if (root / name).is_file() and _names_some(root / name)]
    if "poetry" in (project.get("tool") or {}):
        others.insert(0, f"[tool.poetry]` of `{PROJECT_FILE}")
    return tuple(f"`{name}` is not read yet; write `{REQUIREMENTS_FILE}`" for name in others)


def _names_some(path: Path) -> bool:
    """Whether the file can hold requirements: `setup.cfg` and `setup.py` may hold other things only."""
    if not path.name.startswith("setup."):
        return True
    try:
        return b"install_requires" in path.read_bytes()
    except OSError:
        return True


def _items(lines: Sequence[str], source: str) -> dict[str, str]:
    """Line → where it stands, in a list."""
    out: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        out.setdefault(line, f"{source}, item {number}")
    return out


def _project_table(root: Path) -> dict[str, Any] | None:
    try:
        return tomllib.loads((root / PROJECT_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(
            f"`{PROJECT_FILE}` is not TOML: {_lower(str(problem))}", hint=f"correct `{PROJECT_FILE}`"
        ) from None


def _requires_python(project: Mapping[str, Any] | None) -> str | None:
    value = ((project or {}).get("project") or {}).get("requires-python")
    return value if isinstance(value, str) and value.strip() else None


def _dependencies(project: Mapping[str, Any]) -> tuple[str, ...]:
    table = project["project"]
    if "dependencies" in table.get("dynamic", ()):
        raise UsageError(
            f"the dependencies in `{PROJECT_FILE}` are dynamic: only running the project's build would tell them",
            hint=f"write them into `{REQUIREMENTS_FILE}`, or list `requirements` in the configuration",
        )
    lines = table.get("dependencies", [])
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise UsageError(f"`project.dependencies` in `{PROJECT_FILE}` is not a list of strings")
    return tuple(lines)


def _from_file(root: Path, path: Path, requires_python: str | None) -> Requirements:
    walk = _Walk(root=root)
    walk.file(path, None)
    return walk.result(source=_name(root, path), lines=tuple(walk.lines), file=path, requires_python=requires_python)


class _Walk(msgspec.Struct, kw_only=True):
    """Through requirements files, from one to those that it includes."""

    root: Path
    files: dict[str, str] = msgspec.field(default_factory=dict)
    lines: list[str] = msgspec.field(default_factory=list)
    places: dict[str, str] = msgspec.field(default_factory=dict)
    folders: list[Path] = msgspec.field(default_factory=list)
    within: list[str] = msgspec.field(default_factory=list)
    """The files that are being read, each included by the one before."""

    def file(self, path: Path, by: str | None) -> None:
        """Read `path`, which the line `by` includes, and what it includes itself."""
        name = _name(self.root, path)
        if name in self.within:
            cycle = " → ".join(f"`{file}`" for file in (*self.within[self.within.index(name) :], name))
            raise UsageError(f"requirements files include each other without end: {cycle}", hint=f"remove {by}")
        if name in self.files:
            return
        try:
            data = path.read_bytes()
        except (OSError, ValueError) as problem:
            where = f", which {by} includes," if by else ""
            reason = (getattr(problem, "strerror", None) or str(problem)).lower()
            raise UsageError(f"`{name}`{where} can't be read: {reason}", hint="correct the path") from None
        self.files[name] = digest.of_bytes(data)
        self.within.append(name)
        for number, line in _logical_lines(_decoded(data, name)):
            self.lines.append(line)
            self.places.setdefault(line, f"{name}, line {number}")
            self.line(line, path.parent, f"line {number} of `{name}`")
        self.within.pop()

    def line(self, line: str, folder: Path, where: str) -> None:
        """Follow `line`, whose paths start in `folder`."""
        if (found := _INCLUDE.fullmatch(line)) and "://" not in found["name"]:
            self.file(folder / _unquote(found["name"]), where)
        elif (found := _INDEX.fullmatch(line)) and found["name"].startswith("file:"):
            # Imported here: a lock that is current pays for none of it.
            from snapshot.host.pip_config import files_of_index

            self.folders.extend(files_of_index(found["name"]))
        elif (found := _LOCATION.fullmatch(line)) and "://" not in found["name"]:
            self.folders.append(folder / _unquote(found["name"]))

    def result(
        self, *, source: str, lines: tuple[str, ...], requires_python: str | None, file: Path | None = None
    ) -> Requirements:
        """All that was found."""
        return Requirements(
            source=source,
            lines=lines,
            file=file,
            places=self.places,
            files=dict(sorted(self.files.items())),
            folders=tuple(dict.fromkeys(self.folders)),
            requires_python=requires_python,
        )


def _decoded(data: bytes, name: str) -> str:
    """The text of the requirements file `name`, which is UTF-8 unless its beginning says otherwise, as for pip."""
    encoding, mark = next(((e, mark) for mark, e in _MARKS if data.startswith(mark)), ("utf-8", b""))
    head = b"\n".join(data.split(b"\n")[:2])
    if not mark and (said := _ENCODING.search(head)):
        encoding = said[1].decode()
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as problem:
        line = data[: len(mark) + problem.start].decode(encoding, errors="ignore").count("\n") + 1
        raise UsageError(
            f"{name}, line {line} can't be read: it is not {encoding.upper().removesuffix('-LE').removesuffix('-BE')}",
            hint=f"save `{name}` as UTF-8",
        ) from None
    except LookupError:
        raise UsageError(
            f"{name} can't be read: there is no encoding `{encoding}`", hint=f"save `{name}` as UTF-8"
        ) from None


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines without comments, with continued ones joined, as pip's requirements format has them."""
    out: list[tuple[int, str]] = []
    joined, start = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        start = start or number
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            joined += raw[:-1]
            continue
        line = _COMMENT.sub("", joined + raw).strip()
        if line:
            out.append((start, line))
        joined, start = "", 0
    if joined.strip():
        out.append((start, joined.strip()))
    return out


def _unquote(name: str) -> str:
    name = name.strip()
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name


def _name(root: Path, path: Path) -> str:
    """`path` as seen from the project: relative inside it and beside it."""
    return Path(os.path.relpath(path, root)).as_posix()


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
