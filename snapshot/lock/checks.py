"""What no lock of ours says: a lock may come from anybody, and ends up in a Dockerfile, in paths and in commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snapshot.lock.document import BuildPackage, Lock, Package


def problems(lock: Lock) -> Iterator[str]:
    """What is malformed or contradicts itself in `lock`, a sentence each."""
    for what, text, form in _untrusted(lock):
        if not form.fullmatch(text):
            yield f"{what} {text!r} is malformed"
    yield from _contradictions(lock)


def _contradictions(lock: Lock) -> Iterator[str]:
    """What no lock of ours says."""
    if not 0 <= lock.source_date_epoch <= _LATEST:
        yield f"the source-date-epoch {lock.source_date_epoch} is no time that files can have"
    if not lock.base.layers or not all(lock.base.layers):
        yield "the base has no layers"
    if lock.base.os != "linux":
        yield f"the base is of the system {lock.base.os!r}, not of `linux`"
    if lock.base.architecture not in _ARCHITECTURES:
        yield f"the base is of the architecture {lock.base.architecture!r}, which there is not"
    yield from _twice("", [package.name for package in lock.packages])
    # Several architectures of one package can be installed side by side.
    yield from _twice("OS package ", [f"{package.name}:{package.architecture}" for package in lock.os_packages])
    for package in _all_packages(lock):
        if not _is_of(package.wheel.name, package.name, package.version):
            yield f"`{package.wheel.name}` is not {package.name} {package.version}"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"the {what}`{name}` is in it twice" if what else f"`{name}` is in it twice"


def _all_packages(lock: Lock) -> Iterator[Package | BuildPackage]:
    """The Python packages, and what those took to build that were built."""
    for package in lock.packages:
        yield package
        yield from package.build


def _is_of(file: str, name: str, version: str) -> bool:
    """Whether a wheel of that file name is of that package and version.

    As `packaging.utils.parse_wheel_filename` has it; that is asked only where names or versions differ as text, since
    each start of a run reads the lock.
    """
    parts = file.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        return False
    if parts[0] != name and _SEPARATORS.sub("-", parts[0]).lower() != name:
        return False
    if parts[1] == version:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        # Old wheels write the `-` of a version, and the `+`, as `_`.
        written = {Version(parts[1].replace("_", sign)) for sign in ("-", "+") if _is_version(parts[1], sign)}
        return Version(version) in written
    except InvalidVersion:
        return False


def _is_version(text: str, sign: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        Version(text.replace("_", sign))
    except InvalidVersion:
        return False
    return True


_SEPARATORS = re.compile(r"[-_.]+")
_LATEST = 2**32
"""Early in 2106: the end of what gzip's and many file systems' times can say."""
_ARCHITECTURES = frozenset({"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"})
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")
_WORD = re.compile(r"[!-~]+")
_PATH = re.compile(r"/[!-~]+")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_INSIDE = re.compile(r"\.|(?!/)(?!(?:.*/)?\.\.(?:/|$))[^\0:]+")
"""A path within the project; a colon would end it on an import path."""
_DEBIAN_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_DEBIAN_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~-]*")
"""Debian Policy 5.6.1 and 5.6.12."""
_URL = re.compile(r"(?:https?|file|ftp)://[!-~]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _untrusted(lock: Lock) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    """What of a lock ends up in a Dockerfile, a path or a command: a lock may come from anybody."""
    yield "the base", lock.base.reference, _WORD
    yield "the digest of the base", lock.base.digest or "sha256", _WORD
    yield "the interpreter", lock.python.executable, _PATH
    for root in lock.import_roots:
        yield "the import root", root, _INSIDE
    for debian in lock.os_packages:
        yield "the name of an OS package", debian.name, _DEBIAN_NAME
        yield "the version of an OS package", debian.version, _DEBIAN_VERSION
        yield "the architecture of an OS package", debian.architecture, _DEBIAN_NAME
        yield "the hash of an OS package", debian.sha256, _SHA256
        yield "the address of an OS package", debian.url, _URL
        yield "the address of an OS package", debian.snapshot or debian.url, _URL
    for package in _all_packages(lock):
        yield "the package name", package.name, _NAME
        yield "the version", package.version, _VERSION
        yield "the number of files", str(len(package.wheels)), re.compile("1")
        yield "the file name", package.wheel.name, re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*\.whl")
        yield "the hash", package.wheel.hashes.get("sha256", ""), _SHA256
    for package in lock.packages:
        if package.sdist:
            yield "the file name", package.sdist.name, _FILE
            yield "the hash", package.sdist.hashes.get("sha256", ""), _SHA256
        if package.vcs:
            yield "the commit", package.vcs.commit_id, _COMMIT
