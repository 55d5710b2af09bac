"""`[tool.poetry]` in `pyproject.toml`: dependencies, groups, extras and sources of Poetry, in pip's notation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snapshot.project import markers
from snapshot.project.formats.poetry_versions import python_marker, specifier
from snapshot.project.reading import Line, Reading, normal, strings

FILE = "pyproject.toml"

Table = Mapping[str, Any]

_PLACES = ("git", "url", "path", "file")


def has(table: Table) -> bool:
    """Whether Poetry's table names dependencies."""
    return "dependencies" in _poetry(table)


def declared(reading: Reading, path: Path, extras: tuple[str, ...]) -> list[Line] | None:
    """The dependencies, with those of `extras`; None when there is no such table."""
    table = reading.toml(path, peek=True)
    poetry = _poetry(table)
    if "dependencies" not in poetry:
        return None
    dependencies = reading.table(poetry["dependencies"], path, "`tool.poetry.dependencies`")
    reading.used.add(reading.name(path))
    optional = _of_extras(reading, path, poetry, extras)
    lines = list(_lines(reading, path, "tool.poetry.dependencies", dependencies, optional))
    return [*_sources(reading, path, poetry), *lines]


def groups(reading: Reading, path: Path, table: Table) -> dict[str, list[Line]]:
    """Normalized name → requirements of each of Poetry's groups."""
    poetry = _poetry(table)
    out: dict[str, list[Line]] = {}
    for name, group in reading.table(poetry.get("group", {}), path, "`tool.poetry.group`").items():
        inner = reading.table(group, path, f"`tool.poetry.group.{name}`").get("dependencies", {})
        inner = reading.table(inner, path, f"`tool.poetry.group.{name}.dependencies`")
        out[normal(name)] = list(_lines(reading, path, f"tool.poetry.group.{name}", inner, ()))
    if "dev-dependencies" in poetry:
        inner = reading.table(poetry["dev-dependencies"], path, "`tool.poetry.dev-dependencies`")
        out.setdefault("dev", []).extend(_lines(reading, path, "tool.poetry.dev-dependencies", inner, ()))
    return out


def requires_python(reading: Reading, path: Path, table: Table) -> str | None:
    """Poetry's constraint on Python, as PEP 440 writes it."""
    dependencies = _poetry(table).get("dependencies")
    value = dependencies.get("python") if isinstance(dependencies, dict) else None
    if isinstance(value, dict):
        value = value.get("version")
    if not isinstance(value, str):
        return None
    if "|" in value:
        reading.note(f'Poetry\'s `python = "{value}"` in `{reading.name(path)}` has alternatives and is not looked at')
        return None
    return _specifier(reading, path, "python", value) or None


def names(table: Table, groups: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Name and specification of each dependency, those of `groups` included, for walking an old `poetry.lock`."""
    poetry = _poetry(table)
    parts = [poetry.get("dependencies")]
    inner = poetry.get("group")
    for name, group in (inner if isinstance(inner, dict) else {}).items():
        if normal(name) in groups and isinstance(group, dict):
            parts.append(group.get("dependencies"))
    if "dev" in groups:
        parts.append(poetry.get("dev-dependencies"))
    return [item for part in parts if isinstance(part, dict) for item in part.items() if item[0] != "python"]


def entry(reading: Reading, path: Path, name: str, value: object) -> tuple[dict[str, Any], ...]:
    """The specification of one dependency: a version, a table, or one for each platform or Python."""
    if isinstance(value, str):
        return ({"version": value},)
    items = value if isinstance(value, list) else [value]
    return tuple(reading.table(item, path, f"the dependency `{name}`") for item in items)


def marker_of(reading: Reading, path: Path, name: str, one: Mapping[str, Any]) -> str | None:
    """The marker that `markers`, `python` and `platform` of one specification say together."""
    own = one.get("markers") if isinstance(one.get("markers"), str) else None
    platform = one.get("platform")
    system = f'sys_platform == "{platform}"' if isinstance(platform, str) and '"' not in platform else None
    python = None
    if isinstance(one.get("python"), str):
        try:
            python = python_marker(one["python"])
        except ValueError as problem:
            raise reading.wrong(path, f"`python` of the dependency `{name}`: {problem}") from None
    return markers.both(markers.both(own, python), system)


def _lines(
    reading: Reading, path: Path, where: str, table: Mapping[str, Any], optional: tuple[str, ...]
) -> Iterator[Line]:
    for name, value in table.items():
        if normal(name) == "python":
            continue
        for one in entry(reading, path, name, value):
            if one.get("optional") is True and normal(name) not in optional:
                continue
            text = _requirement(reading, path, name, one)
            marker = marker_of(reading, path, name, one)
            yield Line(f"{text} ; {marker}" if marker else text, f"{reading.name(path)}, {where}, `{name}`")


def _requirement(reading: Reading, path: Path, name: str, one: Mapping[str, Any]) -> str:
    """A requirement in pip's notation, without its marker."""
    for key in ("version", *_PLACES, "rev", "tag", "branch", "subdirectory"):
        if key in one and not isinstance(one[key], str):
            raise reading.wrong(path, f"`{key}` of the dependency `{name}` is not a string")
    found = strings(one.get("extras", ()))
    if found is None:
        raise reading.wrong(path, f"`extras` of the dependency `{name}` is not a list of strings")
    extras = f"[{','.join(found)}]" if found else ""
    folder = f"#subdirectory={one['subdirectory']}" if "subdirectory" in one else ""
    if "git" in one:
        revision = one.get("rev") or one.get("tag") or one.get("branch")
        return f"{name}{extras} @ git+{one['git']}{f'@{revision}' if revision else ''}{folder}"
    if "url" in one:
        return f"{name}{extras} @ {one['url']}{folder}"
    if place := one.get("path") or one.get("file"):
        return f"{place if place.startswith(('.', '/')) else f'./{place}'}{extras}"
    if "version" not in one:
        raise reading.wrong(path, f"the dependency `{name}` has neither a version nor a place")
    return f"{name}{extras}{_specifier(reading, path, name, one['version'])}"


def _specifier(reading: Reading, path: Path, name: str, version: str) -> str:
    try:
        return specifier(version)
    except ValueError as problem:
        raise reading.wrong(
            path, f"the version of `{name}`: {problem}", "write one range, as in `>=1.2,<3`, or list the requirements"
        ) from None


def _of_extras(reading: Reading, path: Path, poetry: Table, extras: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the optional dependencies that `extras` switch on."""
    known = {normal(key): value for key, value in reading.table(poetry.get("extras", {}), path, "`extras`").items()}
    out: list[str] = []
    for extra in extras:
        if extra not in known:
            from snapshot.project.formats.pyproject import unknown

            raise unknown(reading, path, "extra", extra, list(known))
        found = strings(known[extra])
        if found is None:
            raise reading.wrong(path, f"the extra `{extra}` is not a list of strings")
        out += [normal(name.partition("[")[0].partition(" ")[0]) for name in found]
    return tuple(out)


def _sources(reading: Reading, path: Path, poetry: Table) -> Iterator[Line]:
    """Options for the indexes beside the one that pip is configured with."""
    sources = poetry.get("source", [])
    for number, source in enumerate(sources if isinstance(sources, list) else [], start=1):
        url = reading.table(source, path, f"item {number} of `tool.poetry.source`").get("url")
        if isinstance(url, str) and "://" in url:
            yield Line(f"--extra-index-url {url}", f"{reading.name(path)}, tool.poetry.source, item {number}")


def _poetry(table: Table) -> dict[str, Any]:
    tool = table.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    return poetry if isinstance(poetry, dict) else {}
