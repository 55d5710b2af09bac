"""`pylock.toml` (PEP 751, https://packaging.python.org/en/latest/specifications/pylock-toml/)."""

from __future__ import annotations

import re
from typing import Any

from snapshot.lock.document import Lock, Package, Sdist, Wheel
from snapshot.lock.export import source

_MACHINE = re.compile(r"(?:manylinux_\d+_\d+|linux)_(?P<machine>[a-z0-9_]+)")


def dumps(lock: Lock) -> str:
    """`lock` for installers that read PEP 751: the Python packages, for the lock's own platform only."""
    import tomli_w

    document = {
        "lock-version": "1.0",
        "environments": [_environment(lock)],
        "requires-python": f"=={_minor(lock)}.*",
        "created-by": "snapshot-ml",
        "packages": [_package(package) for package in lock.packages],
    }
    return tomli_w.dumps(document, multiline_strings=False)


def _environment(lock: Lock) -> str:
    """The marker (PEP 508) of the platform that the wheels are for."""
    clauses = [f"implementation_name == '{lock.python.implementation}'", f"python_version == '{_minor(lock)}'"]
    clauses.append("sys_platform == 'linux'")
    if found := _MACHINE.fullmatch(lock.python.platform):
        clauses.append(f"platform_machine == '{found['machine']}'")
    return " and ".join(clauses)


def _minor(lock: Lock) -> str:
    return ".".join(lock.python.version.split(".")[:2])


def _package(package: Package) -> dict[str, Any]:
    kind = source.kind(package)
    # "MUST NOT be included when it cannot be guaranteed to be consistent with the code", as of a source tree.
    version = {} if kind in ("vcs", "directory") else {"version": package.version}
    return {
        "name": package.name,
        **version,
        **_given(requires_python=package.requires_python),
        **({"dependencies": [{"name": name} for name in package.dependencies]} if package.dependencies else {}),
        **_given(index=package.index if kind in ("wheel", "sdist") else None),
        **_source(package, kind),
    }


def _source(package: Package, kind: source.Kind) -> dict[str, Any]:
    sdist, vcs = package.sdist, package.vcs
    if kind == "vcs" and vcs:
        told = _given(
            url=vcs.url,
            requested_revision=vcs.requested_revision,
            commit_id=vcs.commit_id,
            subdirectory=vcs.subdirectory,
        )
        return {"vcs": {"type": vcs.type, **told}}
    if kind == "wheel" or sdist is None:
        return {"wheels": [_file(package.wheel)]}
    if kind == "directory":
        return {"directory": {"path": sdist.path}}
    file = _file(sdist)
    if kind == "archive":
        del file["name"]
    return {kind: file}


def _file(file: Wheel | Sdist) -> dict[str, Any]:
    where = {"url": file.url} if file.url else {"path": file.path or file.name}
    return {"name": file.name, **where, **_given(size=file.size), "hashes": dict(file.hashes)}


def _given(**values: object) -> dict[str, Any]:
    """Keys as TOML writes them, without what is not known."""
    return {key.replace("_", "-"): value for key, value in values.items() if value is not None}
