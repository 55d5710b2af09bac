"""Resolving, from outside: one container of the base, with its Python and our pip-tools, that answers everything."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from snapshot.errors import EngineError, IntegrityError, SnapshotError
from snapshot.host import pip_config
from snapshot.host.container import Container, Mount
from snapshot.host.files import make_dirs
from snapshot.lock import explain, explain_network, inside, packed
from snapshot.lock.answer import Answer, Found, Needed, Resolution
from snapshot.lock.document import Package, Sdist, Wheel
from snapshot.lock.packed import Packed
from snapshot.project.requirements import Pin, Requirements

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_INDEXES = re.compile(
    r"(?:-i|-f|--index-url|--extra-index-url|--find-links|--no-index|--trusted-host|--pre|--prefer-binary)\b"
)
_NUMBER = re.compile(r"\(line (\d+)\)$")
_PACKAGES = "/snap/packages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What the base installs."""

    packages: tuple[Package, ...]
    """Those that are to be had as source only have an `sdist` and no `wheels`: `wheels.build` makes them."""
    warnings: tuple[str, ...]
    """Indexes that could not be asked, without which it went."""
    notes: tuple[str, ...] = ()
    """What to know of what was chosen: a sentence each."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path as seen from the project → sha256 of what was packed, of each folder and file beside the project."""


def resolve(
    image: str,
    requirements: Requirements,
    *,
    python: str,
    root: Path,
    pip: pip_config.PipConfig,
    cache: Path,
    kept: Sequence[Package] = (),
    upgrades: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    about: Callable[[str], None] = lambda _: None,
) -> Resolved:
    """Resolve `requirements` in `image`, which has the version `python`, near to the packages `kept` of the old lock.

    `upgrades` are further constraints (`--upgrade-package 'numpy<2'`); `environment` is where `${NAME}` in requirements
    is looked up, and git's. `about` hears which package is looked at. Raises ResolveError, NetworkError,
    IntegrityError, HostError or UsageError with the reason.
    """
    environment = os.environ if environment is None else environment
    equipment = pip_config.equip(pip, root=root, folders=requirements.folders)
    question = _question(requirements, root, equipment, environment)
    # A repository's version follows its commit.
    pins = {package.name: package.version for package in kept if package.vcs is None}
    question |= {"pins": pins, "upgrades": list(upgrades), "require_hashes": pip.requires_hashes}
    asking = _Asking(image, python, requirements, root, cache, equipment, kept, environment, about)
    resolved = _resolved(asking.ask(question), asking.sources, root)
    _check_same(kept, resolved.packages)
    return resolved


def find(
    image: str,
    wanted: Sequence[Pin],
    *,
    python: str,
    root: Path,
    pip: pip_config.PipConfig,
    cache: Path,
    requirements: Requirements,
    kept: Sequence[Package] = (),
    environment: Mapping[str, str] | None = None,
    about: Callable[[str], None] = lambda _: None,
) -> Resolved:
    """The best file for `image` of each pin in `wanted`, of exactly its version and with one of its hashes.

    Nothing is resolved and no metadata fetched, so the packages name no dependencies. What no index has is taken from
    where the pin says that its files are. A pin without hashes may be any file; where there is no wheel, the package
    has an `sdist` and no `wheels`. The version of a direct reference that tells none is empty until it is built. Of
    `requirements` only what names indexes counts.
    Raises ResolveError for all pins at once that have no file, and what `resolve` raises.
    """
    environment = os.environ if environment is None else environment
    equipment = pip_config.equip(pip, root=root, folders=requirements.folders)
    indexes = requirements_of_indexes(requirements)
    question = _question(indexes, root, equipment, environment)
    question["pins_to_find"] = [
        {
            "name": pin.name,
            "version": pin.version or "",
            "hashes": list(pin.hashes),
            "index": pin.index,
            "direct": pin.direct,
            "places": [f"{file.url}#sha256={file.sha256}" for file in pin.files if file.url and file.sha256],
        }
        for pin in wanted
    ]
    direct = [pin.direct for pin in wanted if pin.direct]
    asking = _Asking(image, python, indexes, root, cache, equipment, kept, environment, about, direct)
    return _resolved(asking.ask(question), asking.sources, root)


def requirements_of_indexes(
    requirements: Requirements, source: str | None = None, lines: Sequence[str] = ()
) -> Requirements:
    """`lines` of `source`, to be looked for where the lines of `requirements` say: on their indexes and in folders."""
    named = tuple(line for line in requirements.lines if _INDEXES.match(line.strip()))
    return Requirements(source=source or requirements.source, lines=(*named, *lines), folders=requirements.folders)


def _check_same(kept: Sequence[Package], packages: Sequence[Package]) -> None:
    """Raise IntegrityError where an index has other bytes under the name of a file that is locked."""
    known = {(file.name, file.url): file.hashes for package in kept for file in _served(package)}
    for package in packages:
        for file in _served(package):
            old = known.get((file.name, file.url), file.hashes)
            if old["sha256"] != file.hashes["sha256"]:
                raise IntegrityError(
                    f"`{file.name}` has changed on `{package.index or file.url}`: "
                    f"locked is sha256:{old['sha256']}, and now it is sha256:{file.hashes['sha256']}",
                    hint="find out who changed it; if that was meant, run "
                    f"`snap lock --upgrade-package {package.name}`",
                )


def _served(package: Package) -> tuple[Wheel | Sdist, ...]:
    """The files of `package` that a server has."""
    return tuple(file for file in (*package.wheels, package.sdist) if file and file.url)


class _Asking:
    """One question, asked until all is there that the answer takes."""

    def __init__(
        self,
        image: str,
        python: str,
        requirements: Requirements,
        root: Path,
        cache: Path,
        equipment: pip_config.Equipment,
        kept: Sequence[Package],
        environment: Mapping[str, str],
        about: Callable[[str], None],
        direct: Sequence[str] = (),
    ) -> None:
        self.image, self.python, self.requirements, self.root, self.cache = image, python, requirements, root, cache
        self.equipment, self.kept, self.environment = equipment, kept, environment
        self.about = about
        self.sources: dict[str, Packed] = {}
        self.named = (*requirements.lines, *direct)
        """Where paths may stand that the base asks for."""

    def ask(self, question: dict[str, Any]) -> Answer:
        """The answer; raises what `resolve` raises."""
        while True:
            answer = self._once(question)
            needed = answer.resolution.needed if answer.resolution else ()
            if not needed:
                return answer
            for item in needed:
                self._take(item)
            question["sources"] = {where: _inside(packed) for where, packed in self.sources.items()}

    def _once(self, question: dict[str, Any]) -> Answer:
        container = _container(self.image, self.python, self.root, self.cache, self.equipment, self.requirements)
        answer = inside.ask(
            container,
            Answer,
            question=json.dumps(question).encode(),
            doing="resolving in",
            base=self.image,
            about=self.about,
        )
        if answer.failure:
            raise explain.error(
                answer.failure,
                source=self.requirements.source,
                python=_minor(self.python),
                places=self.requirements.places,
            )
        return answer

    def _take(self, needed: Needed) -> None:
        if needed.location in self.sources:
            raise EngineError(f"the base asks twice for `{pip_config.strip_credentials(needed.location)}`")
        if not needed.location.startswith("git+") and not self._is_named(needed.location):
            raise EngineError(f"the base asks for `{needed.location}`, which no requirement names")
        try:
            self.sources[needed.location] = packed.take(
                needed.location, root=self.root, cache=self.cache, kept=self.kept, environment=self.environment
            )
        except SnapshotError as problem:
            raise packed.at(self._stands(needed.where), problem) from None

    def _stands(self, where: str) -> str:
        """The place in the project of what pip says the place of: lines of no file are written to one for it."""
        number = _NUMBER.search(where)
        if self.requirements.file is None and number and int(number[1]) <= len(self.requirements.lines):
            line = self.requirements.lines[int(number[1]) - 1]
            return self.requirements.places.get(line, self.requirements.source)
        return explain.stands(where, self.requirements.source)

    def _is_named(self, path: str) -> bool:
        """Whether a requirement names `path`: code of packages runs in the base, and is given nothing else."""
        return any("${" in text or Path(path).name in urllib.parse.unquote(text) for text in self.named)


def _inside(source: Packed) -> dict[str, str]:
    """Where a container finds what was packed."""
    sha256 = source.file.hashes["sha256"]
    return {"file": f"{_PACKAGES}/sha256/{sha256[:2]}/{sha256}/{source.file.name}"}


def _container(
    image: str, python: str, root: Path, cache: Path, equipment: pip_config.Equipment, requirements: Requirements
) -> Container:
    own, packages = cache / "lock", cache / "packages"
    for folder in (own / "pip", own / "metadata", packages):
        make_dirs(folder)
    beyond = {root / name for name in requirements.files if name.startswith("../")}
    mounts = (
        Mount(source=str(packages.resolve()), target=_PACKAGES),
        Mount(source=str(root.resolve()), target=str(root), read_only=True),
        *(Mount(source=str(path.resolve()), target=os.path.normpath(path), read_only=True) for path in sorted(beyond)),
        *equipment.mounts,
    )
    return inside.container(image, "in_base.py", python=python, cache=cache, role="lock", network="host", mounts=mounts)


def _question(
    requirements: Requirements, root: Path, equipment: pip_config.Equipment, environment: Mapping[str, str]
) -> dict[str, Any]:
    asked = {name for line in requirements.lines for name in _VARIABLE.findall(line) if name in environment}
    return {
        "root": str(root),
        "source": requirements.source,
        "file": os.path.relpath(requirements.file, root) if requirements.file else None,
        "lines": requirements.lines,
        "implied": requirements.implied,
        "pins": {},
        "pins_to_find": [],
        "upgrades": [],
        "require_hashes": False,
        "sources": {},
        "configuration": equipment.configuration,
        "environment": {**equipment.environment, **{name: environment[name] for name in sorted(asked)}},
    }


def _resolved(answer: Answer, sources: Mapping[str, Packed], root: Path) -> Resolved:
    resolution = answer.resolution or Resolution(packages=(), warnings=())
    by_path = {_inside(source)["file"]: source for source in sources.values()}
    return Resolved(
        packages=tuple(_package(found, sources, by_path, root) for found in resolution.packages),
        warnings=explain_network.warnings(resolution.warnings),
        notes=tuple(explain.yanked(f.name, f.version, f.yanked) for f in resolution.packages if f.yanked is not None),
        files={
            str(source.file.path): f"sha256:{source.file.hashes['sha256']}"
            for source in sources.values()
            if not source.vcs
        },
    )


def _package(found: Found, sources: Mapping[str, Packed], by_path: Mapping[str, Packed], root: Path) -> Package:
    if found.source:
        source: Packed | None = sources[found.source]
    else:
        source = by_path.get(found.path or "")
    file = source.file if source else _file(found, root)
    vcs = msgspec.structs.replace(source.vcs, subdirectory=found.subdirectory) if source and source.vcs else None
    return Package(
        name=found.name,
        version=found.version,
        index=pip_config.strip_credentials(found.index) if found.index else None,
        requires_python=found.requires_python,
        dependencies=found.dependencies,
        wheels=(file,) if isinstance(file, Wheel) else (),
        sdist=file if isinstance(file, Sdist) else None,
        vcs=vcs,
    )


def _file(found: Found, root: Path) -> Wheel | Sdist:
    """A file that pip found itself: of an index, behind an URL, or in a folder."""
    url, path = found.url, found.path
    if path and Path(path).is_relative_to(root):
        path = Path(path).relative_to(root).as_posix()
    kind: type[Wheel | Sdist] = Wheel if found.file.endswith(".whl") else Sdist
    if url and found.subdirectory:
        url = f"{url}#subdirectory={found.subdirectory}"
    return kind(
        name=found.file,
        url=pip_config.strip_credentials(url) if url else None,
        path=path,
        size=found.size,
        hashes={"sha256": found.sha256},
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
