"""pip's requirements files: `requirements.txt`, `requirements.in` and what they include with `-r` and `-c`.

pip itself parses the lines, in the base image; here files are only followed. Lines that name a project inside the
project (`-e .`, `./sub`) are replaced by what that project declares, since its code is not installed but copied.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from snapshot.errors import UsageError
from snapshot.project.reading import Line, Reading, unquoted
from snapshot.project.requirements import Requirements

_INCLUDE = re.compile(
    r"\s*(?P<option>-r|-c|--requirement|--constraint)(?:\s+|\s*=\s*|(?<=-[rc]))(?P<name>\S.*)", re.DOTALL
)
_LOCATION = re.compile(r"\s*(?:-f|--find-links)(?:\s+|\s*=\s*|(?<=-f))(?P<name>\S.*)", re.DOTALL)
_INDEX = re.compile(r"\s*(?:-i|--index-url|--extra-index-url)(?:\s+|\s*=\s*)(?P<name>\S+)")
_LOCAL = re.compile(r"\s*(?:-e|--editable|[./]|file:)|[^;]*[/@]")
"""What can be a folder at all: nearly all lines are not, and `local` need not look."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ENCODING = re.compile(rb"^#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE | re.ASCII)
_COMMENT = re.compile(r"(^|\s+)#.*$")


def read(reading: Reading, path: Path) -> Requirements:
    """The requirements of the file `path`."""
    walk = _Walk(reading=reading)
    walk.file(path, None)
    return walk.result(reading.name(path), tuple(walk.seen), file=path)


def read_lines(reading: Reading, lines: Sequence[str], source: str) -> Requirements:
    """The requirements `lines`, which stand in no file; paths in them start in the project."""
    walk = _Walk(reading=reading)
    for number, text in enumerate(lines, start=1):
        walk.places.setdefault(text, f"{source}, item {number}")
        walk.line(text, reading.root, source, walk.places[text])
    return walk.result(source, tuple(lines), file=None)


def lines_of(reading: Reading, path: Path, by: str) -> list[Line]:
    """The lines of `path`, which `by` names: for setuptools, which knows neither includes nor options in such files."""
    name = reading.name(path)
    text = _decoded(reading.data(path, by), name)
    return [Line(line, f"{name}, line {number}") for number, line in logical_lines(text)]


def taken_in(reading: Reading, lines: Sequence[Line], folder: Path) -> list[Line]:
    """`lines`, whose paths start in `folder`, with includes taken in and projects in the project replaced."""
    walk = _Walk(reading=reading, base=folder)
    for line in lines:
        walk.line(line.text, folder, line.where, line.where)
    return walk.own


class _Walk(msgspec.Struct, kw_only=True):
    """Through requirements files, from one to those that it includes."""

    reading: Reading
    base: Path | None = None
    """Where paths of projects start; None for the project's folder, where pip is."""
    seen: list[str] = msgspec.field(default_factory=list)
    """Every line of every file, for the lock to tell a change by."""
    own: list[Line] = msgspec.field(default_factory=list)
    """What pip is to read instead where a line was replaced."""
    places: dict[str, str] = msgspec.field(default_factory=dict)
    done: set[str] = msgspec.field(default_factory=set)
    replaced: bool = False

    def file(self, path: Path, by: str | None, *, constraint: bool = False) -> None:
        """Read `path`, which the line `by` includes, and what it includes itself."""
        reading = self.reading
        name = reading.name(path)
        if name in reading.within:
            cycle = " → ".join(f"`{file}`" for file in (*reading.within[reading.within.index(name) :], name))
            raise UsageError(f"requirements files include each other without end: {cycle}", hint=f"remove {by}")
        if name in self.done:
            return
        self.done.add(name)
        data = reading.data(path, by)
        reading.within.append(name)
        for number, line in logical_lines(_decoded(data, name)):
            self.seen.append(line)
            where = f"{name}, line {number}"
            self.places.setdefault(line, where)
            self.line(line, path.parent, f"line {number} of `{name}`", where, constraint=constraint)
        reading.within.pop()

    def line(self, line: str, folder: Path, by: str, where: str, *, constraint: bool = False) -> None:
        """Follow `line`, whose paths start in `folder`."""
        kept: list[Line] | None = None
        if (found := _INCLUDE.fullmatch(line)) and "://" not in found["name"]:
            path, limits = folder / unquoted(found["name"]), "c" in found["option"]
            self.file(path, by, constraint=constraint or limits)
            kept = [Line(f"-c {self.reading.name(path)}", where)] if limits else []
        elif (found := _INDEX.fullmatch(line)) and found["name"].startswith("file:"):
            # Imported here: a lock that is current pays for none of it.
            from snapshot.host.pip_config import files_of_index

            self.reading.folders.extend(files_of_index(found["name"]))
        elif (found := _LOCATION.fullmatch(line)) and "://" not in found["name"]:
            self.reading.folders.append(folder / unquoted(found["name"]))
            kept = [Line(f"-f {self.reading.name(folder / unquoted(found['name']))}", where)]
        elif not constraint and _LOCAL.match(line):
            from snapshot.project import local

            kept = local.replaced(self.reading, Line(line, where), self.base or self.reading.root)
            self.replaced |= kept is not None
        if not constraint:
            self.own += [Line(line, where)] if kept is None else kept

    def result(self, source: str, lines: tuple[str, ...], *, file: Path | None) -> Requirements:
        """All that was found."""
        if self.replaced:
            for text, where in self.own:
                self.places.setdefault(text, where)
            lines, file = tuple(dict.fromkeys(line.text for line in self.own)), None
        return Requirements(source=source, lines=lines, file=file, places=self.places)


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
    except (LookupError, UnicodeError):
        raise UsageError(
            f"{name} can't be read: there is no encoding `{encoding}`", hint=f"save `{name}` as UTF-8"
        ) from None


def logical_lines(text: str) -> list[tuple[int, str]]:
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
