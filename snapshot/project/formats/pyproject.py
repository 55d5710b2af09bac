"""`pyproject.toml`: `[project]` (PEP 621), extras and `[dependency-groups]` (PEP 735), read as data.

A project whose dependencies are dynamic is read where the tables still tell them (setuptools' `file`, Poetry's table,
a static `setup.cfg` or `setup.py`), and else told so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snapshot.errors import UsageError
from snapshot.project.formats import poetry_table, requirements_txt
from snapshot.project.reading import Line, Reading, normal, strings
from snapshot.project.requirements import Requirements

FILE = "pyproject.toml"

Table = Mapping[str, Any]


def read(reading: Reading, path: Path) -> Requirements | None:
    """What the project declares, with the extras and groups that are asked for; None when that is nothing."""
    found = declared(reading, path, reading.extras)
    if found is None:
        found = poetry_table.declared(reading, path, reading.extras)
    if found is None and not reading.groups:
        return None
    table = reading.toml(path, peek=True)
    lines = requirements_txt.taken_in(reading, [*(found or []), *grouped(reading, path, table)], path.parent)
    return reading.requirements(reading.name(path), lines) if lines else None


def requires_python(reading: Reading, path: Path) -> str | None:
    """`[project].requires-python`, or what Poetry's table says in its place."""
    table = reading.toml(path, peek=True)
    value = project_table(reading, path, table).get("requires-python")
    if isinstance(value, str) and value.strip():
        return value
    return poetry_table.requires_python(reading, path, table)


def declared(reading: Reading, path: Path, extras: tuple[str, ...]) -> list[Line] | None:
    """`[project].dependencies` and those of `extras`; None when the tables leave them to another file."""
    table = reading.toml(path, peek=True)
    project = project_table(reading, path, table)
    if not project:
        return None
    reading.used.add(reading.name(path))
    dynamic = strings(project.get("dynamic", ())) or ()
    if "dependencies" in dynamic:
        lines = _of_setuptools(reading, path, table)
        if lines is None and _elsewhere(reading, path, table):
            return None
        if lines is None:
            raise UsageError(
                f"the dependencies in `{reading.name(path)}` are dynamic: "
                "only running the project's build would tell them",
                hint="write them into `requirements.txt`, or list `requirements` in the configuration",
            )
    else:
        lines = _items(reading, path, project.get("dependencies", []), "project.dependencies")
    lines += _extras(reading, path, project, extras)
    from snapshot.project.formats import uv_sources

    return uv_sources.applied(reading, path, table, lines)


def project_table(reading: Reading, path: Path, table: Table) -> dict[str, Any]:
    """`[project]`; raises UsageError when it is no table."""
    return reading.table(table.get("project", {}), path, "`project`")


def is_named(reading: Reading, path: Path) -> bool:
    """Whether a project is declared at all: others only configure tools."""
    table = reading.toml(path, peek=True)
    tool = table.get("tool")
    return "project" in table or (isinstance(tool, dict) and "poetry" in tool)


def grouped(reading: Reading, path: Path, table: Table) -> list[Line]:
    """The requirements of the groups that are asked for; raises UsageError for one that there is not."""
    known = groups_of(reading, path, table)
    poetry = poetry_table.groups(reading, path, table)
    out: list[Line] = []
    for group in reading.groups:
        if group not in known and group not in poetry:
            raise unknown(reading, path, "dependency group", group, [*known, *poetry])
        if group in known:
            out += _group(reading, path, known, group, ())
        out += poetry.get(group, [])
    return out


def groups_of(reading: Reading, path: Path, table: Table) -> dict[str, tuple[str, object]]:
    """Normalized name → name and list of each group, of PEP 735 and of the tables that were there before it."""
    groups = reading.table(table.get("dependency-groups", {}), path, "`dependency-groups`")
    known: dict[str, tuple[str, object]] = {}
    for name, items in groups.items():
        if normal(name) in known:
            raise reading.wrong(path, f"the groups `{known[normal(name)][0]}` and `{name}` have the same name")
        known[normal(name)] = (name, items)
    tool = table.get("tool") if isinstance(table.get("tool"), dict) else {}
    uv, pdm = ((tool or {}).get(key, {}) for key in ("uv", "pdm"))
    if isinstance(uv, dict) and "dev-dependencies" in uv:
        known.setdefault("dev", ("dev", uv["dev-dependencies"]))
    if isinstance(pdm, dict) and isinstance(pdm.get("dev-dependencies"), dict):
        for name, items in pdm["dev-dependencies"].items():
            known.setdefault(normal(name), (name, items))
    return known


def unknown(reading: Reading, path: Path, what: str, name: str, known: list[str]) -> UsageError:
    """That there is no extra or group of that name."""
    names = ", ".join(f"`{one}`" for one in dict.fromkeys(known))
    return reading.wrong(
        path, f"there is no {what} `{name}`", f"choose of {names}" if names else "remove it from the configuration"
    )


def _group(
    reading: Reading, path: Path, known: Mapping[str, tuple[str, object]], group: str, within: tuple[str, ...]
) -> list[Line]:
    """The requirements of one group, those that it includes taken in (PEP 735, "Dependency Group Include")."""
    name, items = known[group]
    if group in within:
        cycle = " → ".join(f"`{known[one][0]}`" for one in (*within[within.index(group) :], group))
        raise reading.wrong(path, f"dependency groups include each other without end: {cycle}", "remove one of them")
    if not isinstance(items, list):
        raise reading.wrong(path, f"the group `{name}` is not a list")
    out: list[Line] = []
    for number, item in enumerate(items, start=1):
        if isinstance(item, str):
            out.append(Line(item, f"{reading.name(path)}, group `{name}`, item {number}"))
        elif isinstance(item, dict) and isinstance(other := item.get("include-group"), str) and len(item) == 1:
            if normal(other) not in known:
                raise reading.wrong(path, f"the group `{name}` includes `{other}`, which is not there")
            out += _group(reading, path, known, normal(other), (*within, group))
        else:
            raise reading.wrong(path, f"item {number} of the group `{name}` is no requirement")
    return out


def _extras(reading: Reading, path: Path, project: Table, extras: tuple[str, ...]) -> list[Line]:
    """The requirements of `extras`, also of those that one of them names through the project itself."""
    if not extras:
        return []
    if "optional-dependencies" in (strings(project.get("dynamic", ())) or ()):
        raise reading.wrong(
            path, "the optional dependencies are dynamic", "write what the extra needs into `requirements.txt`"
        )
    table = reading.table(project.get("optional-dependencies", {}), path, "`project.optional-dependencies`")
    known = {normal(name): (name, items) for name, items in table.items()}
    own = normal(project["name"]) if isinstance(project.get("name"), str) else ""
    todo, done, out = list(extras), set[str](), list[Line]()
    while todo:
        extra = todo.pop(0)
        if extra in done:
            continue
        done.add(extra)
        if extra not in known:
            raise unknown(reading, path, "extra", extra, [name for name, _ in known.values()])
        name, items = known[extra]
        for line in _items(reading, path, items, f"project.optional-dependencies.{name}", f"extra `{name}`, "):
            more = _own_extras(own, line.text)
            todo += more
            out += [] if more else [line]
    return out


def _own_extras(own: str, line: str) -> list[str]:
    """The extras of `demo[cpu,test]`, where the project is called `demo` itself."""
    name, bracket, rest = line.partition("[")
    if not own or not bracket or normal(name.strip()) != own:
        return []
    return [normal(extra.strip()) for extra in rest.partition("]")[0].split(",") if extra.strip()]


def _items(reading: Reading, path: Path, value: object, key: str, place: str = "") -> list[Line]:
    lines = strings(value)
    if lines is None:
        raise UsageError(
            f"`{key}` in `{reading.name(path)}` is not a list of strings", hint=f"correct `{reading.name(path)}`"
        )
    return [Line(text, f"{reading.name(path)}, {place}item {number}") for number, text in enumerate(lines, start=1)]


def _of_setuptools(reading: Reading, path: Path, table: Table) -> list[Line] | None:
    """The lines of the files that `[tool.setuptools.dynamic] dependencies = {file = …}` names."""
    try:
        named = table["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    except (KeyError, TypeError):
        return None
    names = (named,) if isinstance(named, str) else strings(named)
    if names is None:
        raise reading.wrong(path, "`tool.setuptools.dynamic.dependencies.file` is not a list of strings")
    by = f"`{reading.name(path)}`"
    return [line for name in names for line in requirements_txt.lines_of(reading, path.parent / name, by)]


def _elsewhere(reading: Reading, path: Path, table: Table) -> bool:
    """Whether another table or file declares what is dynamic here."""
    if poetry_table.has(table):
        return True
    return any(os.path.isfile(path.parent / name) for name in ("setup.cfg", "setup.py"))
