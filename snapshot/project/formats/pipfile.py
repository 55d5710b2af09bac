"""`Pipfile` and `Pipfile.lock`: pipenv's packages; its development packages only where `groups` names them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snapshot.document import Value
from snapshot.project import markers
from snapshot.project.formats import pins, requirements_txt
from snapshot.project.reading import Line, Reading, normal, strings
from snapshot.project.requirements import Pin, Requirements

FILE = "Pipfile"
REMEDY = "make it anew with `pipenv lock`"
DEVELOPMENT = ("dev-packages", "develop", "dev")
"""The names that `groups` may give to the development packages."""
_SPEC = 6
_SYSTEM = ("sys_platform", "os_name", "platform_machine", "python_version", "platform_system", "implementation_name")


class _Locked(Value, kw_only=True, frozen=True):
    version: str | None = None
    hashes: tuple[str, ...] = ()
    markers: str | None = None
    index: str | None = None
    git: str | None = None
    ref: str | None = None
    subdirectory: str | None = None
    file: str | None = None
    path: str | None = None


def read(reading: Reading, path: Path) -> Requirements | None:
    """What the `Pipfile` asks for; None when it asks for nothing."""
    table = reading.toml(path)
    lines = list(_sources(reading, path, table))
    parts = ["packages", *(["dev-packages"] if _development(reading) else [])]
    found = [
        line
        for part in parts
        for name, value in reading.table(table.get(part, {}), path, f"`{part}`").items()
        for line in [_line(reading, path, part, name, value)]
    ]
    if not found:
        return None
    taken = requirements_txt.taken_in(reading, [*lines, *found], path.parent)
    return reading.requirements(reading.name(path), taken, python=_python(table.get("requires")))


def read_lock(reading: Reading, path: Path) -> Requirements:
    """The pins of `Pipfile.lock`."""
    document = reading.json(path)
    meta = reading.table(document.get("_meta", {}), path, "`_meta`")
    if meta.get("pipfile-spec", _SPEC) != _SPEC:
        raise reading.wrong(
            path, f"it is of pipfile-spec {meta['pipfile-spec']}, and this version reads {_SPEC}", REMEDY
        )
    sources = meta.get("sources")
    indexes = {
        source["name"]: source["url"]
        for source in (sources if isinstance(sources, list) else ())
        if isinstance(source, dict) and isinstance(source.get("name"), str) and isinstance(source.get("url"), str)
    }
    _compare(reading, path, meta)
    packages = []
    for part in ("default", *(["develop"] if _development(reading) else [])):
        for name, value in reading.table(document.get(part, {}), path, f"`{part}`").items():
            locked = reading.decode(value, _Locked, path, f"package `{name}`")
            pin = _pin(reading, path, name, locked, indexes)
            if pin and pin not in packages:
                packages.append(pin)
    return pins.pinned(reading, path, packages, roots=None, python=_python(meta.get("requires")))


def _development(reading: Reading) -> bool:
    return any(name in reading.groups for name in DEVELOPMENT)


def _pin(reading: Reading, path: Path, name: str, locked: _Locked, indexes: Mapping[str, str]) -> Pin | None:
    direct = None
    if locked.git:
        if not locked.ref:
            raise reading.wrong(path, f"package `{name}`: `ref` is missing", REMEDY)
        direct = pins.direct_git(locked.git, locked.ref, locked.subdirectory)
    elif locked.file and "://" in locked.file:
        direct = pins.direct_url(locked.file, locked.subdirectory)
    elif place := locked.path or locked.file:
        where = path.parent / place
        direct = f"file://{where.resolve()}" if os.path.isfile(where) else pins.folder(reading, where)
        if direct is None:
            return None
    elif not locked.version or not locked.version.startswith("=="):
        raise reading.wrong(path, f"package `{name}`: it has no version", REMEDY)
    try:
        marker = markers.reduced(locked.markers, markers.asked((), ()))
    except ValueError as problem:
        raise reading.wrong(path, f"package `{name}`: {str(problem).splitlines()[0]}", REMEDY) from None
    return Pin(
        name=normal(name),
        version=locked.version.lstrip("=") if locked.version else None,
        marker=marker if isinstance(marker, str) else None,
        hashes=pins.hashes(locked.hashes),
        index=indexes.get(locked.index or ""),
        direct=direct,
    )


def _line(reading: Reading, path: Path, part: str, name: str, value: object) -> Line:
    where = f"{reading.name(path)}, {part}, `{name}`"
    one = {"version": value} if isinstance(value, str) else reading.table(value, path, f"`{name}` in `{part}`")
    for key in ("version", "git", "ref", "path", "file", "markers", "subdirectory", *_SYSTEM):
        if key in one and not isinstance(one[key], str):
            raise reading.wrong(path, f"`{key}` of `{name}` is not a string")
    found = strings(one.get("extras", ()))
    if found is None:
        raise reading.wrong(path, f"`extras` of `{name}` is not a list of strings")
    extras = f"[{','.join(found)}]" if found else ""
    text = _requirement(name, extras, one)
    marker = one.get("markers")
    for variable in _SYSTEM:
        if variable in one:
            marker = markers.both(marker, f"{variable} {one[variable]}")
    return Line(f"{text} ; {marker}" if marker else text, where)


def _requirement(name: str, extras: str, one: Mapping[str, Any]) -> str:
    if "git" in one:
        at = f"@{one['ref']}" if "ref" in one else ""
        folder = f"#subdirectory={one['subdirectory']}" if "subdirectory" in one else ""
        return f"{name}{extras} @ git+{one['git'].removeprefix('git+')}{at}{folder}"
    if place := one.get("path") or one.get("file"):
        if "://" in place:
            return f"{name}{extras} @ {place}"
        return f"{place if place.startswith(('.', '/')) else f'./{place}'}{extras}"
    version = one.get("version", "*").strip()
    if version == "*":
        return f"{name}{extras}"
    return f"{name}{extras}{version if version[:1] in '=<>~!' else f'=={version}'}"


def _sources(reading: Reading, path: Path, table: Mapping[str, Any]) -> Iterator[Line]:
    """Options for all indexes but the first, in whose place stands the one that pip is configured with."""
    sources = table.get("source", [])
    for number, source in enumerate(sources if isinstance(sources, list) else [], start=1):
        url = reading.table(source, path, f"item {number} of `source`").get("url")
        if number > 1 and isinstance(url, str) and "://" in url:
            yield Line(f"--extra-index-url {url}", f"{reading.name(path)}, source, item {number}")


def _python(requires: object) -> str | None:
    if not isinstance(requires, dict):
        return None
    version = requires.get("python_version") or requires.get("python_full_version")
    return version if isinstance(version, str) and version.startswith("3.") else None


def _compare(reading: Reading, path: Path, meta: Mapping[str, Any]) -> None:
    """Note when the `Pipfile` has changed since: pipenv keeps a hash of it."""
    manifest, said = path.parent / FILE, meta.get("hash")
    if not os.path.isfile(manifest) or not isinstance(said, dict):
        return
    try:
        current = _hash(reading.toml(manifest, peek=True))
    except (TypeError, KeyError):
        return
    if said.get("sha256") != current:
        reading.note(
            f"`{reading.name(path)}` is older than `{FILE}`, by the hash that pipenv keeps in it; run `pipenv lock`"
        )


def _hash(table: Mapping[str, Any]) -> str:
    """The hash that pipenv keeps of a `Pipfile`; what goes into it is as in pipenv's `plette`."""
    content: dict[str, Any] = {
        "_meta": {"sources": table["source"], "requires": table.get("requires", {})},
        "default": table.get("packages", {}),
        "develop": table.get("dev-packages", {}),
    }
    own = ("source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop")
    content |= {key: value for key, value in table.items() if key not in own}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
