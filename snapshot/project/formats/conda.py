"""conda's `environment.yml`: its pip part as it is, and of its conda packages those that the Python index has too.

What conda installs beside Python packages (CUDA, compilers, programs) is named with what to do about it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from snapshot.project.formats import requirements_txt
from snapshot.project.reading import Line, Reading, is_name
from snapshot.project.requirements import Requirements

FILES = ("environment.yml", "environment.yaml")

_LARGEST = 2**20
_SPEC = re.compile(
    r"(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*"
    r"(?:\[(?P<brackets>[^\]]*)\]|(?P<version>[=<>!~ ].*)?)",
    re.ASCII,
)
_VERSION_KEY = re.compile(r"version\s*=\s*['\"]?(?P<version>[^'\"]+)['\"]?")
_ONE = re.compile(r"(?P<operator>==|!=|>=|<=|~=|>|<|=)?\s*(?P<version>[0-9][0-9A-Za-z._!+*]*)")
_PYTHON = re.compile(r"={0,2}\s*(3\.\d+)(?:\.(?:\d+|\*))*\*?(?:=\S*)?")
"""One version, as in `=3.11`, `3.11.*` and `3.11.4=h955ad1f_0`."""


class _Names(NamedTuple):
    python: dict[str, str]
    silent: tuple[str, ...]
    cuda: tuple[str, ...]
    system: tuple[str, ...]


def read(reading: Reading, path: Path) -> Requirements | None:
    """What the environment `path` asks for; None when it asks for nothing."""
    document = _parsed(reading, path)
    items = document.get("dependencies") or []
    if not isinstance(items, list):
        raise reading.wrong(path, "`dependencies` is not a list")
    lines: list[Line] = []
    found = _Conda()
    for number, item in enumerate(items, start=1):
        where = f"{reading.name(path)}, item {number}"
        if isinstance(item, str):
            lines += found.line(reading, path, item, where)
        elif isinstance(item, dict) and isinstance(pip := item.get("pip"), list) and len(item) == 1:
            lines += _pip(reading, path, pip, where)
        elif item != {"pip": None}:
            raise reading.wrong(path, f"item {number} of `dependencies` is no package")
    found.tell(reading, path)
    taken = requirements_txt.taken_in(reading, lines, path.parent)
    if not taken and found.python is None and found.requires_python is None:
        return None
    return reading.requirements(reading.name(path), taken, python=found.python, requires_python=found.requires_python)


def _parsed(reading: Reading, path: Path) -> dict[str, Any]:
    import yaml

    data = reading.data(path)
    if len(data) > _LARGEST:
        raise reading.wrong(path, f"it is larger than {_LARGEST // 2**20} MiB", "name another file with `--from FILE`")
    try:
        found = yaml.safe_load(data)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        said = str(getattr(problem, "problem", None) or problem).splitlines()[0]
        raise reading.wrong(path, f"it is not YAML{place}: {said}") from None
    except (ValueError, RecursionError, TypeError, AttributeError, LookupError) as problem:
        said = "it nests too deep" if isinstance(problem, RecursionError) else str(problem)
        raise reading.wrong(path, f"it is not YAML: {said}") from None
    return {} if found is None else reading.table(found, path, "the file")


def _pip(reading: Reading, path: Path, items: list[object], where: str) -> Iterator[Line]:
    for number, item in enumerate(items, start=1):
        if not isinstance(item, str):
            raise reading.wrong(path, f"item {number} of the `pip` part is no requirement")
        for text in item.splitlines():
            if text.strip():
                yield Line(text.strip(), f"{where}, pip, item {number}")


class _Conda:
    """The conda packages of one file, sorted by what becomes of them."""

    def __init__(self) -> None:
        self.python: str | None = None
        self.requires_python: str | None = None
        """Where a range of versions will do."""
        self.carried: list[str] = []
        self.cuda: list[str] = []
        self.system: list[str] = []
        self.unclear: list[str] = []

    def line(self, reading: Reading, path: Path, text: str, where: str) -> list[Line]:
        """The requirement for one conda package, where there is one."""
        found = _SPEC.fullmatch(text.strip())
        if found is None:
            raise reading.wrong(path, f"`{text}` is not a package as conda writes it", "write it as in `numpy=1.26`")
        name = found["name"].lower()
        version = found["version"] or ""
        if found["brackets"] and (inner := _VERSION_KEY.search(found["brackets"])):
            version = inner["version"]
        names = _names()
        if name == "python":
            wanted = _PYTHON.fullmatch(version.strip())
            self.python = wanted[1] if wanted else None
            self.requires_python = None if wanted else _specifier(version) or None
        elif name in names.python:
            return [self._carried(names.python[name], version, where)]
        elif _is(name, names.cuda):
            self.cuda.append(name)
        elif _is(name, names.system):
            self.system.append(name)
        elif not _is(name, names.silent) and is_name(name):
            return [self._carried(name, version, where)]
        return []

    def tell(self, reading: Reading, path: Path) -> None:
        """Note what became of the conda packages."""
        name = reading.name(path)
        if self.carried:
            reading.note(
                f"taken from the Python index instead of conda's channels: {', '.join(self.carried)} (`{name}`)"
            )
        if self.cuda:
            reading.note(
                f"CUDA comes with the Python packages or the base image, not with {', '.join(self.cuda)} of `{name}`"
            )
        if self.system:
            reading.note(
                f"no Python packages and not installed: {', '.join(self.system)} of `{name}`; "
                "list what is needed of them under `packages` in the configuration, by the names of the base's system"
            )
        if self.unclear:
            reading.note(f"their versions could not be carried over and are left open: {', '.join(self.unclear)}")

    def _carried(self, name: str, version: str, where: str) -> Line:
        specifier = _specifier(version)
        if specifier is None:
            self.unclear.append(f"`{name}` ({version.strip()})")
        text = f"{name}{specifier or ''}"
        self.carried.append(f"`{text}`")
        return Line(text, where)


def _specifier(text: str) -> str | None:
    """A version of conda's in the notation of PEP 440; None for what that can't say: alternatives.

    conda's documentation, "Package match specifications": `=1.26` is `1.26.*`, and after the version stands the build.
    """
    text = text.strip()
    exact = re.fullmatch(r"==?\s*([^=\s,|*]+)==?([^=\s]+)", text)
    if exact:
        text = f"=={exact[1]}"
    text = text.split(" ")[0] if re.fullmatch(r"[^<>!~,|]*\S \S+", text) else text
    if not text or text == "*":
        return ""
    if "|" in text or "^" in text:
        return None
    out = []
    for part in text.split(","):
        found = _ONE.fullmatch(part.strip())
        if part.strip() == "*":
            continue
        if not found or "*" in found["version"].rstrip("*"):
            return None
        version = found["version"].rstrip("*").rstrip(".")
        starred = found["version"].endswith("*")
        operator = found["operator"] or ("=" if starred else "==")
        if operator == "=" or (starred and operator in ("==", "!=")):
            out.append(f"{'!=' if operator == '!=' else '=='}{version}.*")
        else:
            out.append(f"{operator}{version}")
    return ",".join(out) if out else ""


def _is(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@cache
def _names() -> _Names:
    table = tomllib.loads((Path(__file__).parents[1] / "data" / "conda_names.toml").read_text(encoding="utf-8"))
    return _Names(
        python={key.lower(): value for key, value in table["python"].items()},
        silent=(*table["silent"]["names"], *table["silent"]["patterns"]),
        cuda=tuple(table["cuda"]["patterns"]),
        system=tuple(table["system"]["patterns"]),
    )
