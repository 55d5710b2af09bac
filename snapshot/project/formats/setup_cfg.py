"""`setup.cfg`: the `[options]` of setuptools, where they are static."""

from __future__ import annotations

from configparser import ConfigParser, Error
from pathlib import Path

from snapshot.errors import UsageError
from snapshot.project.formats import requirements_txt
from snapshot.project.reading import Line, Reading, normal
from snapshot.project.requirements import Requirements

FILE = "setup.cfg"


def read(reading: Reading, path: Path) -> Requirements | None:
    """What `install_requires` says, and the extras that are asked for; None when it says nothing."""
    lines = declared(reading, path, reading.extras)
    if not lines:
        return None
    return reading.requirements(reading.name(path), requirements_txt.taken_in(reading, lines, path.parent))


def declared(reading: Reading, path: Path, extras: tuple[str, ...]) -> list[Line] | None:
    """`install_requires` and those of `extras`; None when the file does not have it."""
    if b"install_requires" not in reading.peek(path):
        return None
    options = _parsed(reading, path)
    if not options.has_option("options", "install_requires"):
        return None
    reading.used.add(reading.name(path))
    known = {normal(name): name for name in _keys(options, "options.extras_require")}
    lines = _value(reading, path, options.get("options", "install_requires"), "install_requires")
    for extra in extras:
        if extra not in known:
            from snapshot.project.formats.pyproject import unknown

            raise unknown(reading, path, "extra", extra, list(known.values()))
        lines += _value(reading, path, options.get("options.extras_require", known[extra]), f"extra `{known[extra]}`")
    return lines


def requires_python(reading: Reading, path: Path) -> str | None:
    """`python_requires`; None also where the file can't be read, which concerns whoever needs it."""
    try:
        return _parsed(reading, path).get("options", "python_requires", fallback="").strip() or None
    except UsageError:
        return None


def import_roots(reading: Reading, path: Path) -> tuple[str, ...]:
    """The folders that `package_dir` and `[options.packages.find] where` name."""
    options = _parsed(reading, path)
    where = options.get("options.packages.find", "where", fallback="").strip()
    if where:
        return (where,)
    for line in options.get("options", "package_dir", fallback="").splitlines():
        name, equals, folder = line.partition("=")
        if equals and not name.strip() and folder.strip():
            return (folder.strip(),)
    return ()


def _parsed(reading: Reading, path: Path) -> ConfigParser:
    options = ConfigParser(interpolation=None, strict=False)
    try:
        options.read_string(reading.peek(path).decode("utf-8-sig"), source=reading.name(path))
    except (Error, ValueError) as problem:
        said = str(problem).splitlines()[0]
        raise UsageError(
            f"`{reading.name(path)}` can't be read: {said[:1].lower()}{said[1:]}",
            hint=f"correct `{reading.name(path)}`",
        ) from None
    return options


def _keys(options: ConfigParser, section: str) -> list[str]:
    return options.options(section) if options.has_section(section) else []


def _value(reading: Reading, path: Path, text: str, key: str) -> list[Line]:
    """A list, or the lines of the files behind `file:`."""
    if text.strip().startswith("file:"):
        names = [name.strip() for name in text.strip().removeprefix("file:").replace("\n", ",").split(",")]
        by = f"`{reading.name(path)}`"
        return [line for name in names if name for line in requirements_txt.lines_of(reading, path.parent / name, by)]
    parts = text.split("\n") if "\n" in text else text.split(";" if text.count(";") and "'" not in text else "\n")
    found = [part.partition(" #")[0].strip() for part in parts]
    return [Line(part, f"{reading.name(path)}, {key}") for part in found if part and not part.startswith("#")]
