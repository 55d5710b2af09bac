"""What a build needs besides packages: our two scripts and the library `installer`, in a folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import tempfile
import zipfile
from pathlib import Path

from packaging.specifiers import SpecifierSet

from snapshot import digest
from snapshot.errors import BuildError
from snapshot.host.files import disk_errors, make_dirs
from snapshot.lock import old_tools

SCRIPT = "install_wheels.py"
SCRIPTS = (SCRIPT, "install_debs.py")


def folder(cache_dir: Path, python: str | None = None, *, offline: bool = False) -> Path:
    """The folder of the tools for a base with the version `python`, addressed by their content.

    Which `installer` it has follows from `python` alone: ours, or the one of `old_tools`; ours where it is None.
    Raises BuildError when `python` is too old for both, and what `old_tools.wheels` raises.
    """
    files = _files(_library() if python is None or _is_enough(python) else _old_library(python, cache_dir, offline))
    manifest = "".join(f"{digest.of_bytes(data)} {name}\n" for name, data in sorted(files.items()))
    target = cache_dir / "tools" / digest.hex_of(digest.of_bytes(manifest.encode()))
    if target.is_dir() and all(_holds(target / name, data) for name, data in files.items()):
        return target
    make_dirs(target.parent)
    with disk_errors(target):
        partial = Path(tempfile.mkdtemp(dir=target.parent))
        try:
            for name, data in files.items():
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                path.chmod(0o644)
            partial.chmod(0o755)
            shutil.rmtree(target, ignore_errors=True)
            try:
                partial.rename(target)
            except OSError:
                # Another process was first.
                if not target.is_dir():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def wheels(cache_dir: Path, python: str, *, offline: bool = False) -> tuple[Path, ...]:
    """The wheels that `folder` takes for a base with the version `python`; none where ours will do."""
    return () if _is_enough(python) else old_tools.wheels(cache_dir, "installer", offline=offline)


def _is_enough(python: str) -> bool:
    needed = SpecifierSet(importlib.metadata.metadata("installer")["Requires-Python"] or "")
    return needed.contains(".".join(map(str, old_tools.minor(python))))


def _old_library(python: str, cache_dir: Path, offline: bool) -> dict[str, bytes]:
    if old_tools.minor(python) < old_tools.minor(old_tools.OLDEST):
        raise BuildError(
            f"the base image has Python {python}, and packages can be installed into Python {old_tools.OLDEST} "
            "or newer only",
            hint="choose a newer `base`",
        )
    (wheel,) = old_tools.wheels(cache_dir, "installer", offline=offline)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("installer/") and name.endswith(".py")]
        return {name: archive.read(name) for name in names}


def _library() -> dict[str, bytes]:
    spec = importlib.util.find_spec("installer")
    if spec is None or spec.origin is None:
        raise BuildError("the library `installer` is missing", hint="run `pip install --force-reinstall snapshot-ml`")
    library = Path(spec.origin).parent
    return {f"installer/{path.relative_to(library).as_posix()}": path.read_bytes() for path in library.rglob("*.py")}


def _files(library: dict[str, bytes]) -> dict[str, bytes]:
    return library | {name: Path(__file__).with_name(name).read_bytes() for name in SCRIPTS}


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False
