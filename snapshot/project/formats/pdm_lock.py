"""`pdm.lock`, version 4: packages with their groups and, where PDM has written them down, markers.

The default group is installed, and the groups and extras that the configuration names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from snapshot.document import Value
from snapshot.project import local, markers
from snapshot.project.formats import pins
from snapshot.project.reading import Reading, normal
from snapshot.project.requirements import Need, Pin, Requirements

FILE = "pdm.lock"
MAJOR = "4"
REMEDY = "make it anew with `pdm lock`"


class _File(Value, kw_only=True, frozen=True):
    file: str | None = None
    url: str | None = None
    hash: str


class _Package(Value, kw_only=True, frozen=True):
    name: str
    version: str
    groups: tuple[str, ...] | None = None
    marker: str | None = None
    extras: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    files: tuple[_File, ...] = ()
    git: str | None = None
    revision: str | None = None
    subdirectory: str | None = None
    url: str | None = None
    path: str | None = None


def is_pdm_lock(table: dict[str, Any]) -> bool:
    """Whether a TOML document is of this kind."""
    metadata = table.get("metadata")
    return isinstance(metadata, dict) and "lock_version" in metadata


def read(reading: Reading, path: Path) -> Requirements:
    """The pins of the lock file `path`."""
    table = reading.toml(path)
    metadata = reading.table(table.get("metadata", {}), path, "`metadata`")
    version = str(metadata.get("lock_version", ""))
    if version.partition(".")[0] != MAJOR:
        raise reading.wrong(
            path,
            f"it is of lock_version {version or 'unknown'}, and this version reads {MAJOR}",
            "upgrade with `pip install --upgrade snapshot-ml`, or lock with a PDM of version 2.8 or newer",
        )
    packages = pins.decoded(reading, path, table, _Package, REMEDY)
    wanted = _wanted(reading, path, metadata)
    told = all(package.groups is not None for package in packages)
    roots = None if told else _roots(reading, path)
    code = {
        normal(package.name): partial(_of_code, reading, path, package)
        for package in packages
        if package.path and local.is_inside(reading, path.parent / package.path)
    }
    return pins.pinned(reading, path, _pins(reading, path, packages, wanted), roots=roots, code=code)


def _wanted(reading: Reading, path: Path, metadata: Mapping[str, Any]) -> frozenset[str]:
    """The groups to install, which for PDM extras are too; raises UsageError for one that was not locked."""
    locked = metadata.get("groups", ["default"])
    known = [group for group in locked if isinstance(group, str)] if isinstance(locked, list) else []
    for what, asked in (("extra", reading.extras), ("dependency group", reading.groups)):
        for name in asked:
            if name not in {normal(group) for group in known}:
                from snapshot.project.formats.pyproject import unknown

                raise unknown(reading, path, what, name, known)
    return frozenset({"default", *reading.extras, *reading.groups})


def _pins(reading: Reading, path: Path, packages: Sequence[_Package], wanted: frozenset[str]) -> Iterator[Pin]:
    """One pin for each package; PDM lists a package once more for each set of extras that is asked of it."""
    extras: dict[tuple[str, str], dict[str, tuple[Need, ...]]] = {}
    for package in packages:
        for extra in package.extras:
            needs = tuple(need for need in _needs(reading, path, package) if need.name != normal(package.name))
            extras.setdefault((package.name, package.version), {})[normal(extra)] = needs
    for package in packages:
        groups = None if package.groups is None else {normal(group) for group in package.groups}
        if package.extras or (groups is not None and groups.isdisjoint(wanted)):
            continue
        pin = _pin(reading, path, package, extras.get((package.name, package.version), {}))
        if pin:
            yield pin


def _pin(reading: Reading, path: Path, package: _Package, extras: Mapping[str, tuple[Need, ...]]) -> Pin | None:
    direct = None
    if package.git:
        if not package.revision:
            raise reading.wrong(path, f"package `{package.name}`: `revision` is missing", REMEDY)
        direct = pins.direct_git(package.git, package.revision, package.subdirectory)
    elif package.url:
        direct = pins.direct_url(package.url, package.subdirectory)
    elif package.path:
        place = path.parent / package.path
        direct = f"file://{place.resolve()}" if os.path.isfile(place) else pins.folder(reading, place)
        if direct is None:
            return None
    files = [pins.file(file.file, file.hash, url=file.url) for file in package.files]
    try:
        marker = markers.reduced(package.marker, markers.asked(reading.extras, reading.groups))
    except ValueError as problem:
        raise reading.wrong(path, f"package `{package.name}`: {str(problem).splitlines()[0]}", REMEDY) from None
    if marker is False:
        return None
    return Pin(
        name=normal(package.name),
        version=package.version,
        marker=marker if isinstance(marker, str) else None,
        hashes=pins.hashes(file.hash for file in package.files),
        files=tuple(file for file in files if file) if direct is None else (),
        direct=direct,
        needs=tuple(_needs(reading, path, package)),
        extras=extras,
    )


def _needs(reading: Reading, path: Path, package: _Package) -> list[Need]:
    try:
        return [pins.need(text) for text in package.dependencies]
    except ValueError as problem:
        raise reading.wrong(path, f"package `{package.name}`: {problem}", REMEDY) from None


def _of_code(reading: Reading, path: Path, package: _Package, _: Need) -> list[Need]:
    """What a package that lies in the project needs."""
    return _needs(reading, path, package)


def _roots(reading: Reading, path: Path) -> list[Need] | None:
    """What `pyproject.toml` asks for, where the lock file does not tell which packages belong to what."""
    manifest = path.parent / "pyproject.toml"
    if not os.path.isfile(manifest):
        return None
    from snapshot.project.formats import pyproject

    lines = pyproject.declared(reading, manifest, reading.extras) or []
    lines += pyproject.grouped(reading, manifest, reading.toml(manifest, peek=True))
    needs = []
    for line in lines:
        if line.text.startswith(("-", ".")):
            continue
        try:
            needs.append(msgspec.structs.replace(pins.need(line.text), version=None))
        except ValueError as problem:
            raise reading.wrong(manifest, str(problem)) from None
    return needs
