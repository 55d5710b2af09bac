"""A lock with a package of every kind that a lock can hold."""

import platform
import sys
from typing import Any

import pytest

from snapshot.lock.document import Base, Lock, OperatingSystem, OsPackage, Package, Python, Sdist, Sources, Vcs, Wheel

INDEX = "https://index.example/simple"


def wheel(name: str, version: str = "1.0", **more: Any) -> Wheel:
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return Wheel(name=file, hashes={"sha256": name.encode().hex()[:2] * 32}, **more)


def make_lock(*packages: Package, **more: Any) -> Lock:
    """A lock for the interpreter that runs the tests."""
    given: dict[str, Any] = {
        "source_date_epoch": 1783764997,
        "sources": Sources(requirements=("numpy",), base="b (chosen)", python="3.11 (base)", resolver="none"),
        "base": Base(
            reference="registry.example:5000/team/base:12",
            digest="sha256:" + "d" * 64,
            layers=("sha256:" + "a" * 64, "sha256:" + "b" * 64),
            os="linux",
            architecture="amd64",
        ),
        "os": OperatingSystem(
            id="debian",
            version="12",
            name="Debian 12",
            packages=(f"libc6 2.36-9+deb12u9 amd64 sha256:{'c' * 64}", "tzdata 2024a all", "zlib1g 1:1.2 amd64"),
        ),
        "python": Python(
            version=platform.python_version(),
            implementation=sys.implementation.name,
            build="",
            executable="/usr/bin/python3",
            platform=f"manylinux_2_36_{platform.machine()}",
        ),
        "os_packages": (
            OsPackage(
                name="zlib1g",
                version="1:1.3",
                architecture="amd64",
                size=1,
                sha256="e" * 64,
                url="https://archive.example/pool/zlib1g.deb",
            ),
        ),
        "packages": packages,
    }
    return Lock(**(given | more))


PACKAGES = (
    Package(
        name="archived",
        version="1.0",
        wheels=(wheel("archived"),),
        sdist=Sdist(name="x.tar.gz", url="https://files.example/x.tar.gz", size=7, hashes={"sha256": "1" * 64}),
    ),
    Package(
        name="built",
        version="1.0",
        index=INDEX,
        wheels=(wheel("built"),),
        sdist=Sdist(name="built-1.0.tar.gz", url="https://files.example/built.tar.gz", hashes={"sha256": "2" * 64}),
    ),
    Package(
        name="direct",
        version="2.0+cu124",
        wheels=(wheel("direct", "2.0+cu124", url="https://files.example/direct-2.0%2Bcu124-py3-none-any.whl"),),
    ),
    Package(
        name="found",
        version="1.0",
        wheels=(wheel("found", path="/some where/found-1.0-py3-none-any.whl"),),
    ),
    Package(
        name="local-file",
        version="1.0",
        wheels=(wheel("local-file"),),
        sdist=Sdist(name="local-file-1.0.zip", path="../my files/local-file-1.0.zip", hashes={"sha256": "3" * 64}),
    ),
    Package(
        name="local-folder",
        version="1.0",
        wheels=(wheel("local-folder"),),
        sdist=Sdist(name="local-folder.tar", path="../local folder", hashes={"sha256": "4" * 64}),
    ),
    Package(
        name="numpy",
        version="2.4.6",
        index=INDEX,
        requires_python=">=3.9",
        dependencies=("built", "direct"),
        wheels=(wheel("numpy", "2.4.6", url="https://files.example/numpy.whl", size=123),),
    ),
    Package(
        name="other-index",
        version="1.0",
        index="https://other.example/simple",
        wheels=(wheel("other-index", url="https://other.example/other.whl"),),
    ),
    Package(
        name="repository",
        version="1.0",
        wheels=(wheel("repository"),),
        sdist=Sdist(name="repository.tar", hashes={"sha256": "5" * 64}),
        vcs=Vcs(
            type="git",
            url="https://git.example/team/repository.git",
            requested_revision="main",
            commit_id="f" * 40,
            subdirectory="python",
        ),
    ),
)


@pytest.fixture
def lock() -> Lock:
    return make_lock(*PACKAGES)
