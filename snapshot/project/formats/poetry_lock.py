"""`poetry.lock`: since version 2.1 each package tells its groups and markers; before, only the graph does.

The main group is installed, and the groups that the configuration names; optional packages with the extras that need
them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.project import local, markers
from snapshot.project.formats import pins, poetry_table
from snapshot.project.reading import Reading, normal, strings
from snapshot.project.requirements import Need, Pin, Requirements

FILE = "poetry.lock"
MAJORS = (1, 2)
REMEDY = "make it anew with `poetry lock`"


class _File(Value, kw_only=True, frozen=True):
    file: str
    hash: str


class _Source(Value, kw_only=True, frozen=True):
    type: str
    url: str
    resolved_reference: str | None = None
    subdirectory: str | None = None


class _Package(Value, kw_only=True, frozen=True):
    name: str
    version: str
    optional: bool = False
    category: str | None = None
    groups: tuple[str, ...] | None = None
    markers: str | dict[str, str] | None = None
    files: tuple[_File, ...] = ()
    dependencies: dict[str, Any] = msgspec.field(default_factory=dict)
    extras: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    source: _Source | None = None


def is_poetry_lock(table: dict[str, Any]) -> bool:
    """Whether a TOML document is of this kind."""
    metadata = table.get("metadata")
    return isinstance(metadata, dict) and ("content-hash" in metadata or "lock-version" in metadata)


def read(reading: Reading, path: Path) -> Requirements:
    """The pins of the lock file `path`."""
    table = reading.toml(path)
    metadata = reading.table(table.get("metadata", {}), path, "`metadata`")
    _check_version(reading, path, metadata)
    packages = pins.decoded(reading, path, table, _Package, REMEDY)
    _check_extras(reading, path, table)
    manifest = path.parent / poetry_table.FILE
    project = reading.toml(manifest, peek=True) if os.path.isfile(manifest) else None
    if project is not None:
        _compare(reading, path, metadata, project)
    told = all(package.groups is not None for package in packages)
    roots = None if told or project is None else _roots(reading, manifest, project, table)
    return pins.pinned(
        reading,
        path,
        _chosen(reading, path, packages, metadata, walked=roots is not None),
        roots=roots,
        code={
            normal(one.name): partial(_of_code, reading, path, one) for one in packages if _is_code(reading, path, one)
        },
        requires_python=None,
    )


def _check_version(reading: Reading, path: Path, metadata: Mapping[str, Any]) -> None:
    version = str(metadata.get("lock-version", "1.0"))
    if version.partition(".")[0] not in map(str, MAJORS):
        raise reading.wrong(
            path,
            f"it is of lock-version {version}, and this version reads {' and '.join(map(str, MAJORS))}",
            "upgrade with `pip install --upgrade snapshot-ml`, or lock with an older Poetry",
        )


def _check_extras(reading: Reading, path: Path, table: Mapping[str, Any]) -> None:
    known = reading.table(table.get("extras", {}), path, "`extras`")
    for extra in reading.extras:
        if extra not in {normal(name) for name in known}:
            from snapshot.project.formats.pyproject import unknown

            raise unknown(reading, path, "extra", extra, list(known))


def _chosen(
    reading: Reading, path: Path, packages: Sequence[_Package], metadata: Mapping[str, Any], *, walked: bool
) -> Iterator[Pin]:
    """The pins that the chosen groups and extras need; all of them where the graph is walked later."""
    older = reading.table(metadata.get("files", {}), path, "`metadata.files`")
    wanted = {"main", *reading.groups}
    for package in packages:
        marker: str | None = None
        if package.groups is not None:
            groups = [group for group in package.groups if normal(group) in wanted]
            if not groups:
                continue
            found = _marker(reading, path, package, groups)
            if found is False:
                continue
            marker = found if isinstance(found, str) else None
        elif not walked:
            dev = package.category == "dev" and "dev" not in reading.groups
            if dev or (package.optional and not reading.extras):
                continue
        pin = _pin(reading, path, package, marker, older)
        if pin:
            yield pin


def _marker(reading: Reading, path: Path, package: _Package, groups: Sequence[str]) -> str | bool | None:
    """Where the package is installed; one string for all groups, or one for each."""
    told = package.markers
    texts = [told.get(group) if isinstance(told, dict) else told for group in groups]
    decide = markers.asked(reading.extras, ())
    try:
        found = [markers.reduced(text, decide) for text in texts]
    except ValueError as problem:
        raise reading.wrong(path, f"package `{package.name}`: {str(problem).splitlines()[0]}", REMEDY) from None
    left = [one for one in found if one is not False]
    return markers.either([one if isinstance(one, str) else None for one in left]) if left else False


def _pin(reading: Reading, path: Path, package: _Package, marker: str | None, older: Mapping[str, Any]) -> Pin | None:
    direct, index = None, None
    source = package.source
    if source and source.type == "legacy":
        index = source.url
    elif source:
        direct = _direct(reading, path, package.name, source)
        if direct is None:
            return None
    listed = package.files
    if not listed and package.name in older:
        where = f"`metadata.files`, package `{package.name}`"
        listed = reading.decode(older[package.name], tuple[_File, ...], path, where)
    files = [pins.file(one.file, one.hash) for one in listed]
    return Pin(
        name=normal(package.name),
        version=package.version,
        marker=marker,
        hashes=pins.hashes(one.hash for one in listed),
        files=tuple(file for file in files if file) if direct is None else (),
        index=index,
        direct=direct,
        needs=tuple(_needs(reading, path, package)),
        extras={normal(extra): tuple(_extra_needs(reading, path, package, extra)) for extra in package.extras},
    )


def _direct(reading: Reading, path: Path, name: str, source: _Source) -> str | None:
    if source.type == "git" and source.resolved_reference:
        return pins.direct_git(source.url, source.resolved_reference, source.subdirectory)
    if source.type == "url":
        return pins.direct_url(source.url, source.subdirectory)
    if source.type == "file":
        return f"file://{(path.parent / source.url).resolve()}"
    if source.type == "directory":
        return pins.folder(reading, path.parent / source.url)
    raise reading.wrong(path, f"package `{name}`: its source is of the unknown kind `{source.type}`", REMEDY)


def _is_code(reading: Reading, path: Path, package: _Package) -> bool:
    """Whether the package lies in the project."""
    source = package.source
    return bool(source and source.type == "directory" and local.is_inside(reading, path.parent / source.url))


def _of_code(reading: Reading, path: Path, package: _Package, need: Need) -> list[Need]:
    """What a package that is code needs, with the extras that `need` asks of it."""
    extras = [extra for extra in package.extras if normal(extra) in need.extras]
    more = [one for extra in extras for one in _extra_needs(reading, path, package, extra)]
    return [*_needs(reading, path, package), *more]


def _needs(reading: Reading, path: Path, package: _Package, only: frozenset[str] | None = None) -> Iterator[Need]:
    """What the package needs; with `only` its optional dependencies of those names."""
    for name, value in package.dependencies.items():
        for one in poetry_table.entry(reading, path, name, value):
            if (one.get("optional") is True) == (only is None) or (only is not None and normal(name) not in only):
                continue
            yield _need(reading, path, name, one)


def _need(reading: Reading, path: Path, name: str, one: Mapping[str, Any]) -> Need:
    extras = strings(one.get("extras", ()))
    if extras is None:
        raise reading.wrong(path, f"`extras` of the dependency `{name}` is not a list of strings")
    marker = poetry_table.marker_of(reading, path, name, one)
    try:
        # In an optional dependency the marker says again which extra it belongs to.
        reduced = markers.reduced(marker, lambda variable, *_: True if variable == "extra" else None)
    except ValueError as problem:
        raise reading.wrong(path, f"the dependency `{name}`: {str(problem).splitlines()[0]}", REMEDY) from None
    return Need(
        name=normal(name),
        extras=tuple(normal(extra) for extra in extras),
        marker=reduced if isinstance(reduced, str) else None,
    )


def _extra_needs(reading: Reading, path: Path, package: _Package, extra: str) -> Iterator[Need]:
    """What an extra needs: names in `extras`, their markers and extras in `dependencies`."""
    names = frozenset(
        normal(text.partition(" ")[0].partition("[")[0].partition(";")[0]) for text in package.extras[extra]
    )
    found = list(_needs(reading, path, package, names))
    yield from found
    for name in sorted(names - {need.name for need in found}):
        yield Need(name=name)


def _roots(reading: Reading, manifest: Path, project: Mapping[str, Any], table: Mapping[str, Any]) -> list[Need]:
    """What the project itself needs."""
    switched = reading.table(table.get("extras", {}), manifest, "`extras`")
    optional = {
        normal(str(text).partition(" ")[0].partition("[")[0])
        for name, texts in switched.items()
        if normal(name) in reading.extras and isinstance(texts, list)
        for text in texts
    }
    out: list[Need] = []
    for name, value in poetry_table.names(project, reading.groups):
        for one in poetry_table.entry(reading, manifest, name, value):
            if one.get("optional") is not True or normal(name) in optional:
                out.append(_need(reading, manifest, name, one))
    plain = project.get("project")
    lines = plain.get("dependencies") if isinstance(plain, dict) else None
    try:
        out += [pins.need(line) for line in lines or () if isinstance(line, str)]
    except ValueError as problem:
        raise reading.wrong(manifest, str(problem)) from None
    return [msgspec.structs.replace(need, version=None) for need in out]


def _compare(reading: Reading, path: Path, metadata: Mapping[str, Any], project: Mapping[str, Any]) -> None:
    """Note when `pyproject.toml` has changed since: Poetry keeps a hash of what concerns it."""
    said = metadata.get("content-hash")
    try:
        current = {_content_hash(project, with_groups=groups) for groups in (True, False)}
    except (TypeError, ValueError):  # dates, which Poetry would not hash either
        return
    if isinstance(said, str) and said not in current:
        reading.note(
            f"`{reading.name(path)}` is older than `pyproject.toml`, by the hash that Poetry keeps in it; "
            "run `poetry lock`"
        )


def _content_hash(project: Mapping[str, Any], *, with_groups: bool) -> str:
    """The hash that Poetry keeps of `pyproject.toml`; before 2.0 it took no account of PEP 735's groups.

    What goes into it, and in which form, is as in Poetry's `packages/locker.py`.
    """
    tool = project.get("tool")
    poetry = tool.get("poetry", {}) if isinstance(tool, dict) else {}
    plain, groups = project.get("project", {}), project.get("dependency-groups", {}) if with_groups else {}
    if not all(isinstance(part, dict) for part in (poetry, plain, groups)):
        raise UsageError("not tables")
    declared = {key: plain[key] for key in ("requires-python", "dependencies", "optional-dependencies") if key in plain}
    modern = bool(declared or groups)
    legacy = ("dependencies", "source", "extras", "dev-dependencies")
    own = {key: poetry.get(key) for key in legacy if key in poetry or not modern}
    own |= {"group": poetry["group"]} if poetry.get("group") is not None else {}
    content: dict[str, Any] = own
    if modern:
        content = {
            **({"project": declared} if declared else {}),
            **({"dependency-groups": groups} if groups else {}),
            "tool": {"poetry": own},
        }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
