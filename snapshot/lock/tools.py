"""pip and pip-tools for a base that has neither: taken from our own environment, copied once, mounted read-only."""

from __future__ import annotations

import shutil
import tempfile
from importlib import metadata, resources
from pathlib import Path, PurePosixPath

from snapshot import digest
from snapshot.errors import HostError
from snapshot.host.files import disk_errors, make_dirs

DISTRIBUTIONS = ("pip", "pip-tools", "click", "build", "installer", "packaging", "pyproject_hooks")
"""Not setuptools, which pip-tools asks for but does not import: where pip finds it, it runs `setup.py` unisolated."""
OPTIONAL = ("tomli", "typing_extensions", "importlib_metadata", "zipp", "colorama")
"""What these need on an older Python than ours, taken along where it is installed."""
SCRIPTS = (
    "in_base.py",
    "in_base_apt.py",
    "in_base_build.py",
    "in_base_facts.py",
    "in_base_find.py",
    "in_base_links.py",
    "in_base_pip.py",
    "in_base_said.py",
    "in_base_sources.py",
)
"""Ours, that run inside."""


def folder(cache: Path) -> Path:
    """The folder of the tools, made if it is not there; raises HostError when a tool is not installed."""
    found = [_distribution(name) for name in DISTRIBUTIONS] + [d for name in OPTIONAL if (d := _or_none(name))]
    scripts = {name: (resources.files("snapshot.lock") / name).read_bytes() for name in SCRIPTS}
    path = cache / "tools" / digest.short(_identity(found, scripts))
    if not path.is_dir():
        _make(path, found, scripts)
    return path


def versions() -> str:
    """What resolves, as the lock names it: `pip-tools 7.6.2, pip 26.0`."""
    return ", ".join(f"{name} {_distribution(name).version}" for name in ("pip-tools", "pip"))


def _identity(found: list[metadata.Distribution], scripts: dict[str, bytes]) -> str:
    parts = [f"{d.metadata['Name']} {d.version}" for d in found] + [digest.of_bytes(data) for data in scripts.values()]
    return digest.of_bytes("\n".join(parts).encode())


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


def _make(path: Path, found: list[metadata.Distribution], scripts: dict[str, bytes]) -> None:
    make_dirs(path.parent)
    with disk_errors(path):
        work = Path(tempfile.mkdtemp(dir=path.parent, prefix=".making-"))
        try:
            for distribution in found:
                _copy(distribution, work)
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
