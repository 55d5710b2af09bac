"""What a build needs besides packages: our two scripts and the library `installer`, in a folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

from packaging.specifiers import SpecifierSet

from snapshot import digest
from snapshot.errors import BuildError
from snapshot.host.files import disk_errors, make_dirs

SCRIPT = "install_wheels.py"
SCRIPTS = (SCRIPT, "install_debs.py")


def folder(cache_dir: Path) -> Path:
    """The folder of the tools, addressed by their content."""
    files = _files()
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


def check_python(version: str) -> None:
    """Raises BuildError when the base's Python is too old for the tools."""
    needed = importlib.metadata.metadata("installer")["Requires-Python"] or ""
    if not SpecifierSet(needed).contains(version, prereleases=True):
        raise BuildError(
            f"the base image has Python {version}, and packages can be installed into Python {needed} only",
            hint="choose a newer `base`",
        )


def _files() -> dict[str, bytes]:
    spec = importlib.util.find_spec("installer")
    if spec is None or spec.origin is None:
        raise BuildError("the library `installer` is missing", hint="run `pip install --force-reinstall snapshot-ml`")
    library = Path(spec.origin).parent
    files = {f"installer/{path.relative_to(library).as_posix()}": path for path in sorted(library.rglob("*.py"))}
    files |= {name: Path(__file__).with_name(name) for name in SCRIPTS}
    return {name: path.read_bytes() for name, path in files.items()}


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False
