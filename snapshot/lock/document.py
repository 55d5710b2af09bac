"""`snap.lock`: the whole stack of one project, exactly.

The package table has the field names of PEP 751 (`pylock.toml`), so that tools which read those find their way.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from snapshot import digest
from snapshot.document import Document, check_schema, decode, to_builtins
from snapshot.errors import StoreError

SCHEMA = "snap.lock/2"
OLDER = ("snap.lock/1",)
"""Schemas that are read too: every field that they lack has a default."""
IDENTITY = "snap.lock/1"
"""Names the form that a lock's identity is the digest of; images of older locks keep their names."""
FILE_NAME = "snap.lock"
_CONFLICT = "<<<<<<< "
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


class OsPackage(_Part, frozen=True, kw_only=True):
    """One package of the operating system that is installed on top of the base, as the archive's index lists it."""

    name: str
    version: str
    architecture: str
    size: int
    """Bytes."""
    sha256: str
    """64 hexadecimal digits."""
    url: str
    """In the archive, without credentials."""
    snapshot: str | None = None
    """The same file in the archive's dated snapshot, which keeps what the archive drops."""
    asked: bool = False
    """Whether the project asks for it; the others are there because one of those needs them."""


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


class Sdist(_Part, frozen=True, kw_only=True):
    """Source that a wheel was built from (PEP 751 `packages.sdist`; for a repository or folder, what was packed)."""

    name: str
    url: str | None = None
    """Without credentials."""
    path: str | None = None
    """As it was given, where it is no file of an index: a file or folder beside the project."""
    size: int | None = None
    hashes: dict[str, str]


class Vcs(_Part, frozen=True, kw_only=True):
    """The commit of a repository (PEP 751 `packages.vcs`)."""

    type: str
    """`git`."""
    url: str
    """Without credentials."""
    requested_revision: str | None = None
    """As in `main`: what the requirement asks for."""
    commit_id: str
    subdirectory: str | None = None


class BuildPackage(_Part, frozen=True, kw_only=True):
    """One package that is there only while a wheel is built."""

    name: str
    """Normalized (PEP 503)."""
    version: str
    index: str | None = None
    """URL of the index, without credentials."""
    wheels: tuple[Wheel, ...]
    """Exactly one."""

    @property
    def wheel(self) -> Wheel:
        """The file that is installed."""
        return self.wheels[0]


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
    wheels: tuple[Wheel, ...] = ()
    """Exactly one: the file that this base installs. One that was built here has neither `url` nor `path`."""
    sdist: Sdist | None = None
    """What the wheel was built from, where there was none to be had."""
    vcs: Vcs | None = None
    """Where `sdist` was packed from."""
    build: tuple[BuildPackage, ...] = ()
    """What building it took, each pinned: `[build-system].requires` and what those need."""

    @property
    def wheel(self) -> Wheel:
        """The file that is installed."""
        return self.wheels[0]


class Cuda(_Part, frozen=True, kw_only=True):
    """The CUDA that the packages or the base bring, and what it expects of the host's driver."""

    runtime: str
    """As in `13.0`; `12` where the minor version is not told."""
    because: str
    """What says so, as in `nvidia-cuda-runtime 13.0.96`."""
    driver_minimum: str
    """Oldest Linux driver that starts it: from CUDA 11 on the floor of its major version (NVIDIA, minor-version
    compatibility)."""
    driver_full: str | None = None
    """Oldest driver with all its features: the one that the toolkit came with; None where NVIDIA's table has none."""
    cudnn: str | None = None
    nccl: str | None = None
    architectures: tuple[str, ...] = ()
    """What the framework was built for, as it says itself: `sm_80`, `compute_90`; empty until an image was asked."""

    @property
    def major(self) -> str:
        """All that the image says of it."""
        return self.runtime.split(".")[0]


class Sources(_Part, frozen=True, kw_only=True):
    """What the lock was resolved from: when all of this is as it was, nothing is resolved anew."""

    source: str = ""
    """Where the requirements stand, and why there, as in `environment.yml (--from)`."""
    passed_over: tuple[str, ...] = ()
    """What names requirements too and was not used."""
    requirements: tuple[str, ...]
    """Requirements as they were given, those of files after `-r` and `-c` included."""
    implied: tuple[str, ...] = ()
    """Requirements that no file of the project has: what running notebooks takes, once one was run."""
    packages: tuple[str, ...] = ()
    """Names of the OS packages that are asked for."""
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
    import_roots: tuple[str, ...] = ()
    """Folders, relative to the project, that a run finds on its import path: `src` where `-e .` is asked for."""
    os_packages: tuple[OsPackage, ...] = ()
    """Installed before the Python packages; sorted by name."""
    packages: tuple[Package, ...] = ()

    @property
    def digest(self) -> str:
        """Identity: what decides the image (epoch, base layers, Python, files, CUDA's major version), not how it came
        about."""
        deciding: dict[str, object] = {
            "schema": IDENTITY,
            "epoch": self.source_date_epoch,
            "base": [self.base.reference, self.base.digest, self.base.layers, self.base.architecture],
            "python": [self.python.version, self.python.executable],
            "packages": [(p.name, p.version, p.wheel.name, p.wheel.sha256) for p in self.packages],
        }
        if self.os_packages:
            deciding["os"] = [(p.name, p.version, p.architecture, p.sha256) for p in self.os_packages]
        if self.cuda:
            deciding["cuda"] = self.cuda.major
        return digest.of_bytes(msgspec.json.encode(deciding, order="sorted"))


def dumps(lock: Lock) -> str:
    """`lock` as TOML; equal locks are equal text."""
    import tomli_w

    table = to_builtins(lock)
    head = "# Made by `snap lock`; commit it. Change the requirements, not this file.\n"
    said = {"schema": table.pop("schema", SCHEMA), "checksum": _checksum(table)}
    return head + tomli_w.dumps({**said, **table}, multiline_strings=False)


def loads(text: str, *, where: str = FILE_NAME) -> Lock:
    """The lock that `text` holds; raises StoreError naming the place when it is not one, was edited, or is newer."""
    from snapshot.lock import checks

    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        if text.startswith(_CONFLICT) or f"\n{_CONFLICT}" in text:
            raise StoreError(
                f"{where} is in the middle of a merge: it holds git's marks of a conflict",
                hint=f"take one side whole (`git checkout --ours {where}`), and run `snap lock`",
            ) from None
        raise StoreError(f"{where} is not TOML: {problem}", hint=REMEDY) from None
    except RecursionError:
        raise StoreError(f"{where} is no lock: it nests too deep", hint=REMEDY) from None
    try:
        if value.get("schema") not in OLDER:
            check_schema(value, SCHEMA, where=where)
            said = value.pop("checksum", None)
        else:
            said = None
        lock = decode(value, Lock, where=where)
    except StoreError as problem:
        raise StoreError(problem.message, hint=problem.hint or REMEDY) from None
    for sentence in checks.problems(lock):
        raise StoreError(f"{where}: {sentence}", hint=REMEDY)
    if lock.schema not in OLDER and said != _checksum({k: v for k, v in value.items() if k != "schema"}):
        raise StoreError(
            f"{where} was edited by hand, or merged: its checksum is not that of its content",
            hint="restore it, or remove it and run `snap lock`; what it says is changed by changing the requirements",
        )
    return lock


def _checksum(table: dict[str, object]) -> str:
    """Tells a lock that was edited, or merged line by line, from one that was written."""
    return digest.of_bytes(msgspec.json.encode(table, order="sorted"))


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
