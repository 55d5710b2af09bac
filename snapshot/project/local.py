"""Projects inside the project: `-e .`, `./lib`, a workspace's members. They are code: copied and found on the import
path, not installed. What they need is read from what they declare, without running anything of them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from snapshot.errors import UsageError
from snapshot.project.reading import Line, Reading, normal, strings, unquoted

_EDITABLE = re.compile(r"\s*(?:-e|--editable)(?:\s+|\s*=\s*|(?<=-e))(?P<path>\S.*)", re.DOTALL)
_DIRECT = re.compile(r"\s*[A-Za-z0-9][\w.-]*\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?P<url>file:\S+)", re.ASCII)
_EXTRAS = re.compile(r"(?P<path>.*?)\s*(?:\[(?P<extras>[^\]\[]*)\])?", re.DOTALL)
_DECLARING = ("pyproject.toml", "setup.cfg", "setup.py")
_COMPILED = (b"ext_modules", b"Extension(")


def replaced(reading: Reading, line: Line, base: Path) -> list[Line] | None:
    """What to ask for instead of `line`, whose paths start in `base`; None where it stays as it is.

    Notes the folder that the line would put on the import path. Raises UsageError for a project whose requirements only
    running its build would tell.
    """
    text, _, marker = line.text.partition(";")
    found = _EDITABLE.fullmatch(text)
    if direct := _DIRECT.match(text):
        place, extras = direct["url"], (direct["extras"] or "").strip("[]")
    else:
        parts = _EXTRAS.fullmatch(unquoted(found["path"] if found else text))
        if parts is None:
            return None
        place, extras = parts["path"].strip(), parts["extras"] or ""
    folder = _folder(base, place, editable=found is not None or direct is not None)
    if folder is None:
        return None
    if not is_inside(reading, folder):
        moved = f"{'-e ' if found else ''}{reading.name(folder)}{f'[{extras}]' if extras else ''}"
        same = direct is not None or os.path.isabs(place) or base == reading.root
        return None if same else [Line(f"{moved} ;{marker}" if marker else moved, line.where)]
    if not any(os.path.isfile(folder / name) for name in _DECLARING):
        raise UsageError(
            f"{line.where}: `{reading.name(folder)}` is no project: it has neither `pyproject.toml` nor `setup.py`",
            hint="correct the path",
        )
    lines = take_in(reading, folder, tuple(normal(extra.strip()) for extra in extras.split(",") if extra.strip()))
    return [limited(inner, marker.strip()) for inner in lines] if marker.strip() else lines


def take_in(reading: Reading, folder: Path, extras: tuple[str, ...]) -> list[Line]:
    """What the project in `folder` declares; its import roots are noted."""
    name = reading.name(folder)
    key = f"{name}[{','.join(extras)}]"
    if key in reading.within:
        return []
    from snapshot.project.formats import requirements_txt

    reading.within.append(key)
    try:
        lines = requirements_txt.taken_in(reading, declared(reading, folder, extras), folder)
        add_import_roots(reading, folder)
    finally:
        reading.within.pop()
    return lines


def limited(line: Line, marker: str) -> Line:
    """`line`, only where `marker` holds."""
    from snapshot.project import markers

    if line.text.startswith("-"):
        return line
    text, _, own = line.text.partition(";")
    return Line(f"{text.strip()} ; {markers.both(own.strip() or None, marker)}", line.where)


def is_inside(reading: Reading, folder: Path) -> bool:
    """Whether `folder` is the project's own, or lies in it."""
    root = os.path.realpath(reading.root)
    try:
        real = os.path.realpath(folder)
    except ValueError:  # no path at all
        return False
    return real == root or real.startswith(root + "/")


def declared(reading: Reading, folder: Path, extras: tuple[str, ...]) -> list[Line]:
    """The requirements that the project in `folder` declares, with those of `extras`."""
    from snapshot.project.formats import poetry_table, pyproject, setup_cfg, setup_py

    readers = (
        ("pyproject.toml", pyproject.declared),
        ("pyproject.toml", poetry_table.declared),
        ("setup.cfg", setup_cfg.declared),
        ("setup.py", setup_py.declared),
    )
    for name, declarations in readers:
        if reading.there(folder / name):
            lines = declarations(reading, folder / name, extras)
            if lines is not None:
                return lines
    return []


def add_import_roots(reading: Reading, folder: Path) -> None:
    """Note the folders that installing the project in `folder` with `-e` would put on the import path."""
    for root in import_roots(reading, folder):
        name = reading.name(root)
        if name not in reading.import_roots and is_inside(reading, root):
            reading.import_roots.append(name)
    try:
        compiled = any(mark in reading.peek(folder / "setup.py") for mark in _COMPILED)
    except UsageError:
        return
    if compiled:
        where = reading.name(folder / "setup.py")
        reading.note(
            f"`{where}` builds compiled modules, which are not built for what lies inside the project; "
            "move it beside the project, or name its repository or its index"
        )


def import_roots(reading: Reading, folder: Path) -> list[Path]:
    """The folders that hold the packages of the project in `folder`."""
    from snapshot.project.formats import setup_cfg, setup_py

    names: tuple[str, ...] = ()
    if os.path.isfile(folder / "pyproject.toml"):
        names = _told(reading.toml(folder / "pyproject.toml", peek=True))
    if not names and os.path.isfile(folder / setup_cfg.FILE):
        names = setup_cfg.import_roots(reading, folder / setup_cfg.FILE)
    if not names and os.path.isfile(folder / setup_py.FILE):
        names = setup_py.import_roots(reading, folder / setup_py.FILE)
    found = [folder / name for name in names if os.path.isdir(folder / name)]
    if found:
        return list(dict.fromkeys(found))
    return [folder / "src"] if _has_packages(folder / "src") else [folder]


def _told(table: dict[str, Any]) -> tuple[str, ...]:
    """The folders that the build backend's own table names: setuptools, Poetry, Hatch, PDM."""
    setuptools = _at(table, "tool", "setuptools")
    where = strings(_at(setuptools, "packages", "find").get("where"))
    if where:
        return where
    if isinstance(plain := _at(setuptools, "package-dir").get(""), str):
        return (plain,)
    packages = _at(table, "tool", "poetry").get("packages")
    if isinstance(packages, list):
        return tuple(
            place for package in packages if isinstance(package, dict) and isinstance(place := package.get("from"), str)
        )
    hatch = strings(_at(table, "tool", "hatch", "build", "targets", "wheel").get("packages"))
    if hatch:
        return tuple(os.path.dirname(name.rstrip("/")) or "." for name in hatch)
    place = _at(table, "tool", "pdm", "build").get("package-dir")
    return (place,) if isinstance(place, str) else ()


def _at(table: object, *keys: str) -> dict[str, Any]:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _has_packages(folder: Path) -> bool:
    """Whether Python would find something to import in `folder`."""
    try:
        children = list(os.scandir(folder))
    except OSError:
        return False
    return any(
        child.name.endswith(".py") if child.is_file() else child.is_dir() and _holds_python(child.path)
        for child in children
    )


def _holds_python(folder: str) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(folder))
    except OSError:
        return False


def _folder(base: Path, text: str, *, editable: bool) -> Path | None:
    """The folder that `text` is the path or `file:` address of, as pip would take it in `base`."""
    if text.startswith("file:"):
        path = Path(unquote(urlsplit(text).path)) if text.startswith("file:/") else base / text[5:]
    elif "://" in text or text.startswith(("git+", "hg+", "svn+", "bzr+")):
        return None
    elif editable or text.startswith(".") or "/" in text:
        path = base / text
    else:
        return None
    return Path(os.path.normpath(path)) if os.path.isdir(path) else None
