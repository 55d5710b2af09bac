"""`[tool.uv.sources]` and `[[tool.uv.index]]`: where uv takes packages of `pyproject.toml` from, in pip's notation."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from snapshot.project import markers
from snapshot.project.reading import Line, Reading, normal

_NAME = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?(?P<rest>.*)", re.ASCII | re.DOTALL)


def applied(reading: Reading, path: Path, table: Mapping[str, Any], lines: Sequence[Line]) -> list[Line]:
    """`lines` of the `pyproject.toml` `path`, each from where uv would take it."""
    tool = table.get("tool")
    uv = tool.get("uv") if isinstance(tool, dict) else None
    if not isinstance(uv, dict) or not ("sources" in uv or "index" in uv):
        return list(lines)
    sources = reading.table(uv.get("sources", {}), path, "`tool.uv.sources`")
    known = {normal(name): value for name, value in sources.items()}
    out = list(_indexes(reading, path, uv.get("index", [])))
    for line in lines:
        found = _NAME.fullmatch(line.text)
        source = known.get(normal(found["name"])) if found else None
        out += _from(reading, path, uv, line, found, source) if found and source is not None else [line]
    return out


def _indexes(reading: Reading, path: Path, indexes: object) -> Iterator[Line]:
    """Options for all indexes but the default one, in whose place stands the one that pip is configured with."""
    for index in indexes if isinstance(indexes, list) else []:
        found = reading.table(index, path, "an item of `tool.uv.index`")
        url = found.get("url")
        if isinstance(url, str) and "://" in url and not found.get("default"):
            yield Line(f"--extra-index-url {url}", f"{reading.name(path)}, tool.uv.index")


def _from(
    reading: Reading, path: Path, uv: Mapping[str, Any], line: Line, found: re.Match[str], source: object
) -> list[Line]:
    """`line` from each of its sources, which may hold on different platforms."""
    own = found["rest"].partition(";")[2].strip() or None
    name, extras = found["name"], found["extras"] or ""
    out = []
    for item in source if isinstance(source, list) else [source]:
        one = reading.table(item, path, f"the source of `{name}` in `tool.uv.sources`")
        if "extra" in one or "group" in one:
            chosen = reading.extras if "extra" in one else reading.groups
            if normal(str(one.get("extra") or one.get("group"))) not in chosen:
                continue
        marker = markers.both(own, one["marker"] if isinstance(one.get("marker"), str) else None)
        tail = f" ; {marker}" if marker else ""
        text = _place(reading, path, uv, one, name, extras)
        out.append(Line(f"{text}{tail}", line.where) if text else line)
    return out or [line]


def _place(
    reading: Reading, path: Path, uv: Mapping[str, Any], source: Mapping[str, Any], name: str, extras: str
) -> str | None:
    """The requirement without its marker; None where it comes from an index."""
    if isinstance(git := source.get("git"), str):
        revision = next((source[key] for key in ("rev", "tag", "branch") if isinstance(source.get(key), str)), None)
        folder = source.get("subdirectory")
        at, fragment = f"@{revision}" if revision else "", f"#subdirectory={folder}" if folder else ""
        return f"{name}{extras} @ git+{git.removeprefix('git+')}{at}{fragment}"
    if isinstance(url := source.get("url"), str):
        return f"{name}{extras} @ {url}"
    if isinstance(place := source.get("path"), str):
        return f"{_relative(path, path.parent / place)}{extras}"
    if source.get("workspace"):
        if folder := _member(reading, path, uv, name):
            return f"{_relative(path, folder)}{extras}"
        raise reading.wrong(path, f"no member of the workspace is called `{name}`")
    return None


def _relative(manifest: Path, path: Path) -> str:
    """`path` as the manifest's folder sees it."""
    name = Path(os.path.relpath(path, manifest.parent)).as_posix()
    return name if name.startswith(".") else f"./{name}"


def _member(reading: Reading, path: Path, uv: Mapping[str, Any], name: str) -> Path | None:
    """The folder of the workspace's member `name`."""
    workspace = uv.get("workspace")
    members = workspace.get("members") if isinstance(workspace, dict) else None
    for pattern in members if isinstance(members, list) else []:
        if not isinstance(pattern, str) or not pattern or pattern.startswith("/"):
            continue
        try:
            folders = sorted(path.parent.glob(pattern))
        except (ValueError, NotImplementedError, OSError) as problem:
            raise reading.wrong(path, f"`{pattern}` in `tool.uv.workspace.members`: {problem}") from None
        for folder in folders:
            project = (
                reading.toml(folder / path.name, peek=True).get("project") if os.path.isfile(folder / path.name) else {}
            )
            if isinstance(project, dict) and normal(str(project.get("name"))) == normal(name):
                return folder
    return None
