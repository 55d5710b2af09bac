"""`snap.lock`: the whole stack of one project, exactly.

The package table has the field names of PEP 751 (`pylock.toml`), so that tools which read those find their way.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from snapshot import digest
from snapshot.document import Document, check_schema, decode, to_builtins
from snapshot.errors import StoreError

SCHEMA = "snap.lock/1"
FILE_NAME = "snap.lock"
REMEDY = "restore it, or remove it and run `snap lock`"


class _Part(Document, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """A table of the lock: keys are kebab-case, what is not known is left out."""


class Base(_Part, frozen=True, kw_only=True):
    """The image that everything is installed on."""

    reference: str
    """Name and tag: of a registry, or of an image that only the engine has (`scripts/build-base`)."""
    digest: str | None = None
    """Digest in its registry; None for an image that was made here."""
    layers: tuple[str, ...]
    """Diff IDs, lowest first: what the base is, on any engine and store."""
    os: str
    architecture: str


class OperatingSystem(_Part, frozen=True, kw_only=True):
    """What /etc/os-release and dpkg of the base say."""

    id: str
    version: str
    name: str
    packages: tuple[str, ...] = ()
    """`name version architecture [sha256:…]`, sorted; the digest where the base lists it."""


class Python(_Part, frozen=True, kw_only=True):
    """The base's interpreter."""

    version: str
    implementation: str
    build: str
    """Number, date and compiler of the build, as `python -VV` prints them."""
    executable: str
    platform: str
    """The newest wheel platform tag that the base accepts, as in `manylinux_2_36_x86_64`."""


class Wheel(_Part, frozen=True, kw_only=True):
    """One file of an index or of a find-links folder (PEP 751 `packages.wheels`)."""

    name: str
    url: str | None = None
    """Without credentials."""
    path: str | None = None
    """Where the file was found, for files that came from a folder."""
    size: int | None = None
    hashes: dict[str, str]

    @property
    def sha256(self) -> str:
        """The digest in OCI notation."""
        return digest.PREFIX + self.hashes["sha256"]


class Package(_Part, frozen=True, kw_only=True):
    """One Python package (PEP 751 `packages`)."""

    name: str
    """Normalized (PEP 503)."""
    version: str
    index: str | None = None
    """URL of the index, without credentials."""
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()
    """Names of the locked packages that this one needs."""
    wheels: tuple[Wheel, ...]
    """Exactly one: the file that this base installs."""

    @property
    def wheel(self) -> Wheel:
        """The file that is installed."""
        return self.wheels[0]


class Cuda(_Part, frozen=True, kw_only=True):
    """The CUDA runtime that the packages bring, and what it expects of the host's driver."""

    runtime: str
    """As in `13.0`."""
    driver_minimum: str
    """Oldest Linux driver that starts it: the floor of its major version (NVIDIA, minor-version compatibility)."""
    because: str
    """The pin that says so, as in `nvidia-cuda-runtime 13.0.96`."""


class Sources(_Part, frozen=True, kw_only=True):
    """What the lock was resolved from: when all of this is as it was, nothing is resolved anew."""

    requirements: tuple[str, ...]
    """Requirements as they were given, those of files after `-r` and `-c` included."""
    files: dict[str, str] = msgspec.field(default_factory=dict)
    """Path in the project → sha256, of every file that was read for it."""
    base: str
    """The base that the configuration named, or that was chosen."""
    python: str
    """The Python version that was asked for, and by what, as in `3.11 (.python-version)`."""
    resolver: str
    """As in `pip-tools 7.6.2, pip 26.0`."""


class Lock(_Part, frozen=True, kw_only=True):
    """The document `snap.lock`."""

    schema: str = SCHEMA
    source_date_epoch: int
    """Seconds since 1970; every file that the build writes carries it, and no file of the base is younger."""
    sources: Sources
    base: Base
    os: OperatingSystem
    python: Python
    frameworks: dict[str, str] = msgspec.field(default_factory=dict)
    """Versions of the machine learning frameworks among the packages, for people."""
    cuda: Cuda | None = None
    packages: tuple[Package, ...] = ()

    @property
    def digest(self) -> str:
        """Identity: what decides the image (epoch, base layers, Python, files), not how it came about."""
        deciding = {
            "schema": SCHEMA,
            "epoch": self.source_date_epoch,
            "base": [self.base.reference, self.base.digest, self.base.layers, self.base.architecture],
            "python": [self.python.version, self.python.executable],
            "packages": [(p.name, p.version, p.wheel.name, p.wheel.sha256) for p in self.packages],
        }
        return digest.of_bytes(msgspec.json.encode(deciding, order="sorted"))


def dumps(lock: Lock) -> str:
    """`lock` as TOML; equal locks are equal text."""
    import tomli_w

    head = "# Made by `snap lock`; commit it. Change the requirements, not this file.\n"
    return head + tomli_w.dumps({"schema": lock.schema, **to_builtins(lock)}, multiline_strings=False)


def loads(text: str, *, where: str = FILE_NAME) -> Lock:
    """The lock that `text` holds; raises StoreError naming the place when it is not one, or a newer one."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise StoreError(f"{where} is not TOML: {problem}", hint=REMEDY) from None
    try:
        check_schema(value, SCHEMA, where=where)
        lock = decode(value, Lock, where=where)
    except StoreError as problem:
        raise StoreError(problem.message, hint=problem.hint or REMEDY) from None
    for what, text, form in _untrusted(lock):
        if not form.fullmatch(text):
            raise StoreError(f"{where}: {what} {text!r} is malformed", hint=REMEDY)
    for contradiction in _contradictions(lock):
        raise StoreError(f"{where}: {contradiction}", hint=REMEDY)
    return lock


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
    seen = set()
    for package in lock.packages:
        if package.name in seen:
            yield f"`{package.name}` is in it twice"
        seen.add(package.name)
        if not _is_of(package.wheel.name, package.name, package.version):
            yield f"`{package.wheel.name}` is not {package.name} {package.version}"


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
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _untrusted(lock: Lock) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    """What of a lock ends up in a Dockerfile, a path or a command: a lock may come from anybody."""
    yield "the base", lock.base.reference, _WORD
    yield "the digest of the base", lock.base.digest or "sha256", _WORD
    yield "the interpreter", lock.python.executable, _PATH
    for package in lock.packages:
        yield "the package name", package.name, _NAME
        yield "the version", package.version, _VERSION
        yield "the number of files", str(len(package.wheels)), re.compile("1")
        yield "the file name", package.wheel.name, re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*\.whl")
        yield "the hash", package.wheel.hashes.get("sha256", ""), _SHA256


def read(path: Path) -> Lock | None:
    """The lock in the file `path`, or None when there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise StoreError(f"{path.name} is not text in UTF-8", hint=REMEDY) from None
    except IsADirectoryError:
        raise StoreError(f"{path.name} is a folder", hint="move it away, and run `snap lock`") from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise StoreError(f"{path.name} can't be read: {reason}", hint=f"see `ls -l {path.name}`") from None
    return loads(text, where=path.name)
