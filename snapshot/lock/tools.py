"""pip and pip-tools for a base that has neither: taken from our own environment, copied once, mounted read-only.

A base whose Python is too old for those gets `old_tools`.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib import metadata, resources
from pathlib import Path, PurePosixPath

from snapshot import digest
from snapshot.errors import HostError
from snapshot.host.files import disk_errors, make_dirs
from snapshot.lock import old_tools

DISTRIBUTIONS = ("pip", "pip-tools", "click", "build", "installer", "packaging", "pyproject_hooks")
"""Not setuptools, which pip-tools asks for but does not import: where pip finds it, it runs `setup.py` unisolated."""
OPTIONAL = ("tomli", "typing_extensions", "importlib_metadata", "zipp", "colorama")
"""What these need on an older Python than ours, taken along where it is installed."""
NOT_NEEDED = frozenset({"setuptools", "wheel"})
"""What pip-tools asks for and does not import."""
SCRIPTS = (
    "in_base.py",
    "in_base_apt.py",
    "in_base_build.py",
    "in_base_distutils.py",
    "in_base_facts.py",
    "in_base_find.py",
    "in_base_links.py",
    "in_base_pip.py",
    "in_base_python.py",
    "in_base_said.py",
    "in_base_sources.py",
)
"""Ours, that run inside."""


def folder(cache: Path, python: str | None = None) -> Path:
    """The folder of the tools for a base with the version `python`, made if it is not there.

    Without `python` it is that of our own tools: all scripts in it that import none of them run in every base.
    Raises HostError when a tool is not installed, and what `old_tools.wheels` raises.
    """
    scripts = {name: (resources.files("snapshot.lock") / name).read_bytes() for name in SCRIPTS}
    if python and is_old(python):
        path = cache / "tools" / digest.short(_identity(list(old_tools.pinned().values()), scripts))
        if not path.is_dir():
            _make(path, old_tools.wheels(cache), scripts)
        return path
    found = _ours()
    path = cache / "tools" / digest.short(_identity([f"{d.metadata['Name']} {d.version}" for d in found], scripts))
    if not path.is_dir():
        _make(path, found, scripts)
    return path


def versions(python: str) -> str:
    """What resolves on the version `python`, as the lock names it: `pip-tools 7.6.2, pip 26.0`."""
    version = old_tools.version if is_old(python) else lambda name: _distribution(name).version
    return ", ".join(f"{name} {version(name)}" for name in ("pip-tools", "pip"))


def is_old(python: str) -> bool:
    """Whether our own tools do not run on the version `python`."""
    return old_tools.minor(python) < old_tools.minor(oldest())


@cache
def oldest() -> str:
    """The oldest Python that our own tools run on, with what is installed beside them: `3.10`."""
    found = _ours()
    return next(python for python in (f"3.{minor}" for minor in range(8, 100)) if _run_on(python, found))


def _run_on(python: str, found: Sequence[metadata.Distribution]) -> bool:
    """Whether all that the tools need on the version `python` is among `found`, and runs on it.

    What lies there for other reasons, and is not needed, does not count.
    """
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name

    there = {canonicalize_name(d.metadata["Name"]): d for d in found}
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    asked, seen = [canonicalize_name(name) for name in DISTRIBUTIONS], set[str](NOT_NEEDED)
    while asked:
        name = asked.pop()
        if name in seen:
            continue
        seen.add(name)
        distribution = there.get(name)
        if distribution is None:
            return False
        if not SpecifierSet(distribution.metadata["Requires-Python"] or "").contains(f"{python}.0"):
            return False
        needed = map(Requirement, distribution.requires or ())
        asked += [canonicalize_name(n.name) for n in needed if n.marker is None or n.marker.evaluate(environment)]
    return True


def _ours() -> list[metadata.Distribution]:
    return [_distribution(name) for name in DISTRIBUTIONS] + [d for name in OPTIONAL if (d := _or_none(name))]


def _identity(tools: Sequence[str], scripts: dict[str, bytes]) -> str:
    return digest.of_bytes("\n".join([*tools, *map(digest.of_bytes, scripts.values())]).encode())


def _distribution(name: str) -> metadata.Distribution:
    found = _or_none(name)
    if found is None or found.files is None:
        raise HostError(
            f"`{name}`, which resolving needs, is not installed beside snapshot",
            hint="reinstall with `pip install --force-reinstall snapshot-ml`",
        )
    return found


def _or_none(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _make(path: Path, found: Sequence[metadata.Distribution | Path], scripts: dict[str, bytes]) -> None:
    make_dirs(path.parent)
    with disk_errors(path):
        work = Path(tempfile.mkdtemp(dir=path.parent, prefix=".making-"))
        try:
            for tool in found:
                if isinstance(tool, Path):
                    with zipfile.ZipFile(tool) as wheel:
                        wheel.extractall(work)
                else:
                    _copy(tool, work)
            for name, data in scripts.items():
                (work / name).write_bytes(data)
            work.chmod(0o755)
            try:
                work.rename(path)
            except OSError:
                # Somebody else was faster.
                if not path.is_dir():
                    raise
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _copy(distribution: metadata.Distribution, target: Path) -> None:
    for file in distribution.files or ():
        name = PurePosixPath(file)
        if ".." in name.parts or name.is_absolute() or "__pycache__" in name.parts or name.suffix in (".so", ".pth"):
            continue
        source = Path(str(distribution.locate_file(file)))
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
