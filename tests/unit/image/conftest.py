"""Small wheels and locks that name them, as functions that tests ask for by name."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from snapshot.lock.document import Base, Cuda, Lock, OperatingSystem, Package, Python, Sources, Wheel


def _make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    pure: bool = True,
) -> Path:
    """A wheel as build backends make them."""
    info = f"{name}-{version}.dist-info"
    contents = {
        **(files if files is not None else {f"{name}/__init__.py": f"version = {version!r}\n"}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {str(pure).lower()}\nTag: py3-none-any\n",
        **{f"{info}/{key}": value for key, value in (metadata or {}).items()},
    }
    rows = []
    for path, text in contents.items():
        sha256 = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={sha256},{len(text.encode())}\n")
    contents[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in contents.items():
            mode = 0o755 if path.endswith(".sh") else 0o644
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, text)
    return wheel


def _package_of(wheel: Path, *, url: str | None = None, from_path: bool = True) -> Package:
    """The entry of a lock for `wheel`."""
    name, version = wheel.name.split("-")[:2]
    data = wheel.read_bytes()
    return Package(
        name=name.lower().replace("_", "-"),
        version=version,
        wheels=(
            Wheel(
                name=wheel.name,
                url=url,
                path=str(wheel) if from_path else None,
                size=len(data),
                hashes={"sha256": hashlib.sha256(data).hexdigest()},
            ),
        ),
    )


def _lock_of(
    *packages: Package,
    base: Base | None = None,
    epoch: int = 1_700_000_000,
    python: str = "3.11.2",
    cuda: Cuda | None = None,
) -> Lock:
    """A lock of `packages`."""
    local = Base(reference="snapshot-base:bookworm", layers=("sha256:" + "0" * 64,), os="linux", architecture="amd64")
    return Lock(
        source_date_epoch=epoch,
        sources=Sources(requirements=(), base="snapshot-base:bookworm", python=python, resolver="none"),
        base=base or local,
        os=OperatingSystem(id="debian", version="12", name="Debian GNU/Linux 12"),
        python=Python(
            version=python, implementation="cpython", build="", executable="/usr/bin/python3", platform="linux_x86_64"
        ),
        cuda=cuda,
        packages=packages,
    )


@pytest.fixture
def make_wheel():
    return _make_wheel


@pytest.fixture
def package_of():
    return _package_of


@pytest.fixture
def lock_of():
    return _lock_of
