"""`uv.lock`, version 1: a graph of packages, of which the project's own is the root.

The project and the workspace's members are code. Extras that exclude each other stand in markers under names such as
`extra-4-demo-cpu`; they are decided by what the configuration asks for. Its dependency groups are installed only when
the configuration names them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from snapshot.document import Value
from snapshot.project import local, markers
from snapshot.project.formats import pins
from snapshot.project.reading import Reading, normal
from snapshot.project.requirements import Need, Pin, Requirements

FILE = "uv.lock"
VERSION = 1
REMEDY = "make it anew with `uv lock`"


class _Need(Value, kw_only=True, frozen=True):
    name: str
    version: str | None = None
    extra: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    """As `requires-dist` writes it."""
    marker: str | None = None


class _File(Value, kw_only=True, frozen=True):
    url: str | None = None
    path: str | None = None
    filename: str | None = None
    hash: str | None = None
    size: int | None = None


class _Package(Value, kw_only=True, frozen=True, rename="kebab"):
    name: str
    version: str | None = None
    source: dict[str, Any]
    dependencies: tuple[_Need, ...] = ()
    optional_dependencies: dict[str, tuple[_Need, ...]] = msgspec.field(default_factory=dict)
    dev_dependencies: dict[str, tuple[_Need, ...]] = msgspec.field(default_factory=dict)
    sdist: _File | None = None
    wheels: tuple[_File, ...] = ()
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)


def is_uv_lock(table: dict[str, Any]) -> bool:
    """Whether a TOML document is of this kind."""
    return isinstance(table.get("version"), int) and ("package" in table or "requires-python" in table)


def read(reading: Reading, path: Path) -> Requirements:
    """The pins of the lock file `path`, and what the project needs of them."""
    table = reading.toml(path)
    version = table.get("version", "unknown")
    if version != VERSION:
        raise reading.wrong(
            path,
            f"it is of version {version}, and this version reads {VERSION}",
            "upgrade with `pip install --upgrade snapshot-ml`, or lock with an older uv",
        )
    packages = pins.decoded(reading, path, table, _Package, REMEDY)
    found = _Graph(reading, path, packages, _project(path, packages), table)
    requires = table.get("requires-python")
    _compare(reading, path, found.project)
    return pins.pinned(
        reading,
        path,
        _merged(found.pin(package) for package in packages if not found.is_code(package)),
        roots=found.roots(),
        code=found.code,
        requires_python=requires if isinstance(requires, str) else None,
    )


def _merged(packages: Iterable[Pin]) -> list[Pin]:
    """One pin for each version: uv lists one that comes from several indexes once for each."""
    out: dict[tuple[str, str | None, str | None], Pin] = {}
    for pin in packages:
        key = (pin.name, pin.version, pin.direct)
        if first := out.get(key):
            pin = msgspec.structs.replace(
                first,
                hashes=tuple(dict.fromkeys((*first.hashes, *pin.hashes))),
                files=tuple(dict.fromkeys((*first.files, *pin.files))),
                index=first.index if first.index == pin.index else None,
                needs=pins.merged((*first.needs, *pin.needs)),
                extras={**pin.extras, **first.extras},
            )
        out[key] = pin
    return list(out.values())


def _project(path: Path, packages: Sequence[_Package]) -> _Package | None:
    """The package that the folder itself is; None in a workspace whose top is none."""
    for package in packages:
        if any(package.source.get(kind) == "." for kind in ("virtual", "editable", "directory")):
            return package
    return None


class _Graph:
    """The lock file's packages and who needs whom, for the extras and groups that are asked for."""

    def __init__(
        self,
        reading: Reading,
        path: Path,
        packages: Sequence[_Package],
        project: _Package | None,
        table: dict[str, Any],
    ) -> None:
        self.reading, self.path, self.packages, self.project, self.table = reading, path, packages, project, table
        name = normal(project.name) if project else ""
        self.decide = markers.asked_of_uv(name, reading.extras, reading.groups)
        self.code: pins.Code = {
            normal(package.name): partial(self._of_code, package) for package in packages if self.is_code(package)
        }

    def is_code(self, package: _Package) -> bool:
        """Whether the package lies in the project."""
        place = self._folder(package)
        return place is not None and local.is_inside(self.reading, self.path.parent / place)

    def roots(self) -> list[Need]:
        """What the project needs: its dependencies, with the extras and groups that are asked for."""
        project = self.project
        out: list[Need] = []
        for member in [project] if project else self._members():
            out += self._needs(member, member.dependencies)
            if "virtual" not in member.source and (place := self._folder(member)) is not None:
                pins.folder(self.reading, self.path.parent / place)
        for extra in self.reading.extras:
            out += self._asked(extra, "extra", project.optional_dependencies if project else {})
        for group in self.reading.groups:
            out += self._asked(group, "dependency group", project.dev_dependencies if project else self._own_groups())
        return out

    def pin(self, package: _Package) -> Pin:
        """One package as it is pinned."""
        files = [
            pins.file(file.filename or (file.path and Path(file.path).name), file.hash, url=file.url, size=file.size)
            for file in (*package.wheels, *([package.sdist] if package.sdist else []))
        ]
        direct = self._direct(package)
        index = package.source.get("registry")
        return Pin(
            name=normal(package.name),
            version=package.version,
            hashes=pins.hashes(
                file.hash or "" for file in (*package.wheels, *([package.sdist] if package.sdist else []))
            ),
            files=tuple(file for file in files if file) if direct is None else (),
            index=index if isinstance(index, str) and "://" in index else None,
            direct=direct,
            needs=tuple(self._needs(package, package.dependencies)),
            extras={
                normal(extra): tuple(self._needs(package, needs))
                for extra, needs in package.optional_dependencies.items()
            },
        )

    def _needs(self, package: _Package, needs: Sequence[_Need]) -> list[Need]:
        out = []
        for need in needs:
            try:
                marker = markers.reduced(need.marker, self.decide)
            except ValueError as problem:
                raise self.reading.wrong(
                    self.path, f"package `{package.name}`, `{need.name}`: {str(problem).splitlines()[0]}", REMEDY
                ) from None
            if marker is False:
                continue
            extras = tuple(normal(extra) for extra in (*need.extra, *need.extras))
            out.append(
                Need(
                    name=normal(need.name),
                    version=need.version,
                    extras=extras,
                    marker=marker if isinstance(marker, str) else None,
                )
            )
        return out

    def _of_code(self, package: _Package, need: Need) -> Sequence[Need]:
        """What a package that is code needs; its import roots are noted."""
        if (place := self._folder(package)) is not None:
            pins.folder(self.reading, self.path.parent / place)
        out = self._needs(package, package.dependencies)
        known = {normal(extra): needs for extra, needs in package.optional_dependencies.items()}
        for extra in need.extras:
            out += self._needs(package, known.get(extra, ()))
        return out

    def _asked(self, name: str, what: str, known: dict[str, tuple[_Need, ...]]) -> list[Need]:
        found = {normal(key): needs for key, needs in known.items()}
        if name not in found:
            from snapshot.project.formats.pyproject import unknown

            raise unknown(self.reading, self.path, what, name, list(known))
        return self._needs(self.project or _NOBODY, found[name])

    def _members(self) -> list[_Package]:
        """The members of a workspace that has no project at its top."""
        return [package for package in self.packages if self.is_code(package)]

    def _own_groups(self) -> dict[str, tuple[_Need, ...]]:
        """The groups of a workspace that has no project at its top."""
        manifest = self.reading.table(self.table.get("manifest", {}), self.path, "`manifest`")
        return self.reading.decode(
            manifest.get("dependency-groups", {}), dict[str, tuple[_Need, ...]], self.path, "`manifest`"
        )

    def _folder(self, package: _Package) -> str | None:
        for kind in ("virtual", "editable", "directory"):
            if isinstance(place := package.source.get(kind), str):
                return place
        return None

    def _direct(self, package: _Package) -> str | None:
        """The reference of a package that is of no index; raises UsageError for a source that is not known."""
        source = package.source
        if isinstance(git := source.get("git"), str):
            try:
                return _git(git)
            except ValueError as problem:
                raise self.reading.wrong(self.path, f"package `{package.name}`: `{git}`: {problem}", REMEDY) from None
        if isinstance(url := source.get("url"), str):
            subdirectory = source.get("subdirectory")
            return pins.direct_url(url, subdirectory if isinstance(subdirectory, str) else None)
        if isinstance(place := source.get("path"), str):
            return f"file://{(self.path.parent / place).resolve()}"
        if (place := self._folder(package)) is not None:
            return pins.folder(self.reading, self.path.parent / place)
        if isinstance(source.get("registry"), str):
            return None
        raise self.reading.wrong(
            self.path, f"package `{package.name}`: its source {source} is of no known kind", REMEDY
        )


_NOBODY = _Package(name="the workspace", source={})


def _git(text: str) -> str:
    """`https://host/project?subdirectory=lib&rev=main#COMMIT`, as uv writes it, in pip's notation."""
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(text)
    folder = parse_qs(parts.query).get("subdirectory", [None])[0]
    return pins.direct_git(parts._replace(query="", fragment="").geturl(), parts.fragment, folder)


def _compare(reading: Reading, path: Path, project: _Package | None) -> None:
    """Note when `pyproject.toml` asks for other packages than the lock file was made of."""
    manifest = path.parent / "pyproject.toml"
    recorded = project.metadata.get("requires-dist", []) if project else None
    if recorded is None or not isinstance(recorded, list) or not os.path.isfile(manifest):
        return
    table = reading.toml(manifest, peek=True).get("project")
    table = table if isinstance(table, dict) else {}
    optional = table.get("optional-dependencies")
    lists = [table.get("dependencies"), *(optional.values() if isinstance(optional, dict) else ())]
    try:
        now = {
            pins.need(line).name
            for lines in lists
            if isinstance(lines, list)
            for line in lines
            if isinstance(line, str)
        }
    except ValueError:
        return
    then = {normal(item["name"]) for item in recorded if isinstance(item, dict) and isinstance(item.get("name"), str)}
    if now - {normal(str(table.get("name")))} != then - {normal(str(table.get("name")))}:
        names = ", ".join(f"`{name}`" for name in sorted(now ^ then))
        reading.note(f"`{reading.name(path)}` is older than `pyproject.toml`: they differ in {names}; run `uv lock`")
