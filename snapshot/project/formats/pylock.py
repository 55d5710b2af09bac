"""`pylock.toml` (PEP 751), read with `packaging`.

Markers of packages are kept but for what they say of extras and dependency groups: that is decided here by what the
configuration asks for. Without `groups` in it the lock file's own `default-groups` are installed, as PEP 751 has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapshot.errors import UsageError
from snapshot.project import markers
from snapshot.project.formats.pins import direct_git, direct_url, folder, pinned
from snapshot.project.reading import Reading, normal
from snapshot.project.requirements import Pin, PinnedFile, Requirements

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

FILE = "pylock.toml"


def is_pylock(table: dict[str, Any]) -> bool:
    """Whether a TOML document is of this kind."""
    return "lock-version" in table and "packages" in table


def read(reading: Reading, path: Path) -> Requirements:
    """The pins of the lock file `path`."""
    lock = _validated(reading, path)
    _check(reading, path, "extra", reading.extras, lock.extras or ())
    _check(reading, path, "dependency group", reading.groups, lock.dependency_groups or ())
    groups = reading.groups or tuple(normal(group) for group in lock.default_groups or ())
    decide = markers.asked(reading.extras, groups)
    packages = []
    for package in lock.packages:
        marker = markers.reduced(str(package.marker) if package.marker else None, decide)
        if marker is False:
            continue
        pin = _pin(reading, path, package, marker if isinstance(marker, str) else None)
        if pin:
            packages.append(pin)
    requires = str(lock.requires_python) if lock.requires_python else None
    return pinned(reading, path, packages, roots=None, requires_python=requires)


def _validated(reading: Reading, path: Path) -> Pylock:
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    table = reading.toml(path)
    version = table.get("lock-version")
    # Looked at first: what a newer version lacks or has besides is no mistake of the file.
    if isinstance(version, str) and version.partition(".")[0] not in ("1", ""):
        raise _newer(reading, path, version)
    try:
        return Pylock.from_dict(table)
    except PylockUnsupportedVersionError:
        raise _newer(reading, path, version) from None
    except PylockValidationError as problem:
        message, context = problem.message, problem.context or ""
        where = f" in `{context}`{_named(table, context)}" if context else ""
        raise reading.wrong(path, f"{message[:1].lower()}{message[1:]}{where}") from None
    except Exception as problem:  # of malformed values that `packaging` does not expect: any kind
        raise reading.wrong(path, f"it is not as PEP 751 has it: {problem}") from None


def _newer(reading: Reading, path: Path, version: object) -> UsageError:
    return reading.wrong(
        path,
        f"it is of version {version} of PEP 751's format, and this version reads 1",
        "upgrade with `pip install --upgrade snapshot-ml`, or write the lock file in version 1.0",
    )


def _named(table: dict[str, Any], context: str) -> str:
    """The name of the package that `packages[3].…` is about."""
    if not context.startswith("packages["):
        return ""
    try:
        name = table["packages"][int(context[9:].partition("]")[0])]["name"]
    except (LookupError, TypeError, ValueError):
        return ""
    return f" (`{name}`)" if isinstance(name, str) else ""


def _check(reading: Reading, path: Path, what: str, asked: tuple[str, ...], known: Any) -> None:
    """Raise UsageError for an extra or group that the lock file was not made with."""
    for name in asked:
        if name not in {normal(one) for one in known}:
            from snapshot.project.formats.pyproject import unknown

            raise unknown(reading, path, what, name, list(known))


def _pin(reading: Reading, path: Path, package: Package, marker: str | None) -> Pin | None:
    direct = None
    if package.vcs:
        place = package.vcs.url or f"file://{path.parent / (package.vcs.path or '')}"
        if package.vcs.type != "git":
            raise UsageError(
                f"`{reading.name(path)}`, package `{package.name}`: repositories of {package.vcs.type} can't be read",
                hint="name a release of the package, or its archive",
            )
        direct = direct_git(place, package.vcs.commit_id, package.vcs.subdirectory)
    elif package.directory:
        where = path.parent / package.directory.path / (package.directory.subdirectory or "")
        direct = folder(reading, where)
        if direct is None:
            return None
    elif package.archive:
        place = package.archive.url or f"file://{path.parent / (package.archive.path or '')}"
        direct = direct_url(place, package.archive.subdirectory)
    files = tuple(_files(path, package))
    hashes = (
        [file.sha256 for file in files]
        if direct is None
        else [_sha256(package.archive.hashes if package.archive else {})]
    )
    return Pin(
        name=normal(package.name),
        version=str(package.version) if package.version else None,
        marker=marker,
        hashes=tuple(f"sha256:{digits}" for digits in hashes if digits is not None),
        files=files,
        index=package.index,
        direct=direct,
    )


def _files(path: Path, package: Package) -> Iterator[PinnedFile]:
    for file in (*(package.wheels or ()), *((package.sdist,) if package.sdist else ())):
        yield PinnedFile(
            name=file.filename,
            url=file.url,
            path=path.parent / file.path if file.path else None,
            size=file.size,
            sha256=_sha256(file.hashes),
        )


def _sha256(hashes: Mapping[str, str]) -> str | None:
    digits = hashes.get("sha256")
    return None if digits is None else digits.lower()
