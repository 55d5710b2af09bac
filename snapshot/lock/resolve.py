"""Resolving, from outside: one container of the base, with its Python and our pip-tools, that answers everything."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapshot.document import Document, decode_json
from snapshot.errors import EngineError, ResolveError
from snapshot.host import pip_config, process
from snapshot.host.container import Container, Mount, run_tool
from snapshot.host.files import make_dirs
from snapshot.lock import explain, tools
from snapshot.lock.document import OperatingSystem, Package, Python, Wheel
from snapshot.project.requirements import Requirements

LABEL = "org.snapshot-ml.role"
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


class _Found(Document, frozen=True, kw_only=True):
    name: str
    version: str
    file: str
    path: str | None
    url: str | None
    index: str | None
    sha256: str
    size: int | None
    requires_python: str | None
    dependencies: tuple[str, ...]


class _Resolution(Document, frozen=True, kw_only=True):
    packages: tuple[_Found, ...]
    warnings: tuple[str, ...]
    pip: str


class _Interpreter(Document, frozen=True, kw_only=True):
    version: str
    implementation: str
    build: str
    executable: str
    platform: str


class _System(Document, frozen=True, kw_only=True):
    id: str
    version: str
    name: str
    packages: tuple[str, ...]


class _Answer(Document, frozen=True, kw_only=True):
    python: _Interpreter
    os: _System
    resolution: _Resolution | None = None
    failure: explain.Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What the base is, and what it installs."""

    python: Python
    os: OperatingSystem
    packages: tuple[Package, ...]
    warnings: tuple[str, ...]
    """Indexes that could not be asked, without which it went."""


def resolve(
    image: str,
    requirements: Requirements,
    *,
    root: Path,
    pip: pip_config.PipConfig,
    cache: Path,
    pins: Mapping[str, str],
    upgrades: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Resolved:
    """Resolve `requirements` in the image `image`, near to the old lock's `pins`.

    `upgrades` are further constraints (`--upgrade-package 'numpy<2'`); `environment` is where `${NAME}` in requirements
    is looked up. Raises ResolveError, NetworkError or UsageError with pip's reason.
    """
    equipment = pip_config.equip(pip, root=root, folders=requirements.folders)
    container = _container(image, root, cache, equipment, requirements)
    question = _question(
        requirements, root, equipment, pins, upgrades, os.environ if environment is None else environment
    )
    try:
        done = run_tool(container, stdin=json.dumps(question).encode())
    except KeyboardInterrupt:
        process.run(("docker", "kill", str(container.name)))
        raise
    if done.code != 0 or not done.stdout:
        raise _broken(done.code, done.stderr, image)
    answer = decode_json(done.stdout.encode(), _Answer, where="the answer of the base", error=EngineError)
    if answer.failure:
        raise explain.error(
            answer.failure,
            source=requirements.source,
            python=_minor(answer.python.version),
            places=requirements.places,
        )
    return _resolved(answer)


def _container(
    image: str, root: Path, cache: Path, equipment: pip_config.Equipment, requirements: Requirements
) -> Container:
    own = cache / "lock"
    for folder in (own / "pip", own / "metadata", own / "pycache", cache / "packages"):
        make_dirs(folder)
    beyond = {root / name for name in requirements.files if name.startswith("../")}
    mounts = (
        Mount(source=str(tools.folder(cache).resolve()), target="/snap/tools", read_only=True),
        Mount(source=str(own.resolve()), target="/snap/cache"),
        Mount(source=str((cache / "packages").resolve()), target="/snap/packages"),
        Mount(source=str(root.resolve()), target=str(root), read_only=True),
        *(Mount(source=str(path.resolve()), target=os.path.normpath(path), read_only=True) for path in sorted(beyond)),
        *equipment.mounts,
    )
    return Container(
        image=image,
        command=("python3", "/snap/tools/in_base.py"),
        name=f"snap-lock-{uuid.uuid4().hex[:12]}",
        user=f"{os.getuid()}:{os.getgid()}",
        # Without .pyc files pip alone takes a second to import; an empty value switches the base's setting off.
        environment=(
            ("PYTHONPYCACHEPREFIX", "/snap/cache/pycache"),
            ("PYTHONDONTWRITEBYTECODE", ""),
            ("PYTHONPATH", ""),
        ),
        labels=((LABEL, "lock"),),
        mounts=tuple({mount.target: mount for mount in mounts}.values()),
        network="host",
        stdin=True,
        remove=True,
    )


def _question(
    requirements: Requirements,
    root: Path,
    equipment: pip_config.Equipment,
    pins: Mapping[str, str],
    upgrades: Sequence[str],
    environment: Mapping[str, str],
) -> dict[str, Any]:
    asked = {name for line in requirements.lines for name in _VARIABLE.findall(line) if name in environment}
    return {
        "root": str(root),
        "source": requirements.source,
        "file": os.path.relpath(requirements.file, root) if requirements.file else None,
        "lines": requirements.lines,
        "pins": dict(pins),
        "upgrades": list(upgrades),
        "configuration": equipment.configuration,
        "environment": {**equipment.environment, **{name: environment[name] for name in sorted(asked)}},
    }


def _resolved(answer: _Answer) -> Resolved:
    resolution = answer.resolution or _Resolution(packages=(), warnings=(), pip="")
    python, system = answer.python, answer.os
    return Resolved(
        python=Python(
            version=python.version,
            implementation=python.implementation,
            build=python.build,
            executable=python.executable,
            platform=python.platform,
        ),
        os=OperatingSystem(id=system.id, version=system.version, name=system.name, packages=system.packages),
        packages=tuple(_package(found) for found in resolution.packages),
        warnings=explain.warnings(resolution.warnings),
    )


def _package(found: _Found) -> Package:
    wheel = Wheel(
        name=found.file,
        url=pip_config.strip_credentials(found.url) if found.url else None,
        path=found.path,
        size=found.size,
        hashes={"sha256": found.sha256},
    )
    return Package(
        name=found.name,
        version=found.version,
        index=pip_config.strip_credentials(found.index) if found.index else None,
        requires_python=found.requires_python,
        dependencies=found.dependencies,
        wheels=(wheel,),
    )


def _broken(code: int, stderr: str, image: str) -> ResolveError | EngineError:
    """The container ended without an answer."""
    if code in (126, 127) or ("python3" in stderr and "not found" in stderr):
        return ResolveError(f"the base `{image}` has no `python3`", hint="choose a `base` that has Python 3.9 or newer")
    last = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), f"exit {code}")
    return EngineError(
        f"resolving in `{image}` broke off: {pip_config.strip_credentials(last)}",
        hint="see `docker info` and try again",
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
