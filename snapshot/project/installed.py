"""The environment that is active when a project is locked, as its files tell: its Python is never started."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from snapshot.project.reading import Reading, is_name, normal

_VERSION = re.compile(r"[0-9][0-9A-Za-z.!_-]*")


class Installed:
    """One distribution of the environment."""

    def __init__(self, found: Distribution) -> None:
        self._found = found

    @cached_property
    def name(self) -> str:
        """As its metadata spells it; empty where that is damaged."""
        name = self._text("name")
        return name if is_name(name) else ""

    @cached_property
    def version(self) -> str:
        """Its version; empty where its metadata is damaged."""
        return self._text("version")

    def holds(self, path: str) -> bool:
        """Whether it installed the module or package at `path`, without suffix: `google/protobuf`."""
        record = self.record
        return f"\n{path}/" in record or f"\n{path}.py," in record or f"\n{path}." in record

    @cached_property
    def top_level(self) -> frozenset[str]:
        """The modules that it says it has, which not all do."""
        return frozenset(self._read("top_level.txt").split())

    @cached_property
    def record(self) -> str:
        """Its files, a line each."""
        return "\n" + (self._read("RECORD") or self._read("installed-files.txt").replace("../", ""))

    @cached_property
    def direct(self) -> dict[str, Any]:
        """Where it came from, if from no index (PEP 610)."""
        try:
            found = json.loads(self._read("direct_url.json") or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def folder(self) -> Path | None:
        """The folder that it was installed from."""
        url = self.direct.get("url")
        if not isinstance(url, str) or not url.startswith("file://") or "dir_info" not in self.direct:
            return None
        path = Path(unquote(urlsplit(url).path))
        return path if path.is_dir() else None

    def requirement(self, reading: Reading) -> str:
        """What to ask for to have the same again."""
        vcs, url = self.direct.get("vcs_info"), self.direct.get("url")
        if isinstance(vcs, dict) and isinstance(url, str) and isinstance(commit := vcs.get("commit_id"), str):
            folder = self.direct.get("subdirectory")
            return f"{self.name} @ {vcs.get('vcs', 'git')}+{url}@{commit}" + (
                f"#subdirectory={folder}" if folder else ""
            )
        if self.folder:
            name = reading.name(self.folder)
            return name if name.startswith(".") else f"./{name}"
        public, plus, local = self.version.partition("+")
        if plus:
            reading.note(
                f"`{self.name}` is installed as {self.version}; {public} is asked for, "
                f"since builds with `+{local}` are of another index"
            )
        return f"{self.name}=={public}" if _VERSION.fullmatch(public) else self.name

    def _text(self, key: str) -> str:
        try:
            value = getattr(self._found, key)
        except (KeyError, OSError, ValueError, TypeError):
            return ""
        return value if isinstance(value, str) else ""

    def _read(self, name: str) -> str:
        try:
            return self._found.read_text(name) or ""
        except (OSError, ValueError):
            return ""


class Environment:
    """The distributions in some `site-packages`."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders = folders

    @cached_property
    def distributions(self) -> tuple[Installed, ...]:
        """All of them, the first of each name: that is the one that is imported."""
        return tuple(Installed(found) for found in distributions(path=[str(folder) for folder in self.folders]))

    def distribution(self, module: str) -> Installed | None:
        """What installed `module`; None where nothing did.

        Of a namespace's parts (`google.cloud.storage`) the longest that a distribution has decides.
        """
        while module:
            head, path = module.partition(".")[0], module.replace(".", "/")
            likely = sorted(self.distributions, key=lambda one: normal(one.name) not in (normal(module), normal(head)))
            for one in likely:
                if one.name and (one.holds(path) or (head == module and head in one.top_level) or _has(one, path)):
                    return one
            module = module.rpartition(".")[0] if module.count(".") > 1 else ""
        return None


def _has(one: Installed, path: str) -> bool:
    """Whether the folder that `one` was installed from with `-e` has the package at `path`."""
    places = [one.folder, one.folder / "src"] if one.folder else []
    return any((place / path).is_dir() or (place / f"{path}.py").is_file() for place in places)


def active(environment: Mapping[str, str]) -> Environment | None:
    """The environment that is active: the virtual one, conda's, or that of the `python3` on PATH."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if prefix := environment.get(variable):
            folders = tuple(_site_packages(Path(prefix)))
            if folders:
                return Environment(folders)
    import shutil

    program = shutil.which("python3", path=environment.get("PATH", ""))
    if program is None:
        return None
    # A virtual environment's `python3` is a link: what it leads to has other packages.
    prefixes = (Path(program).parent.parent, Path(program).resolve().parent.parent)
    folders = tuple(dict.fromkeys(folder for prefix in prefixes for folder in _site_packages(prefix)))
    return Environment(folders) if folders else None


def _site_packages(prefix: Path) -> Iterator[Path]:
    for pattern in ("lib/python3*/site-packages", "lib/python3*/dist-packages", "local/lib/python3*/dist-packages"):
        yield from sorted(folder for folder in prefix.glob(pattern) if folder.is_dir())
