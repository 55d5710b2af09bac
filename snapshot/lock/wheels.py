"""Wheels of packages that are to be had as source only: built once, in the base, from pinned parts, and kept.

Build requirements are resolved like all others (wheels only) and locked with the package; the build itself has no
network, no root, and nothing of this host: the same source, requirements and base give the same wheel, bit for bit, as
far as the package's own build is deterministic. https://reproducible-builds.org/specs/source-date-epoch/
"""

from __future__ import annotations

import dataclasses
import json
import os
import tarfile
import tomllib
import urllib.parse
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from snapshot.document import Document, decode_json
from snapshot.errors import BuildError, EngineError, IntegrityError, SnapshotError
from snapshot.host import pip_config
from snapshot.host.container import Container, Mount, run_tool
from snapshot.host.download import Access, access_of
from snapshot.host.files import disk_errors, make_dirs, scratch
from snapshot.lock import explain_build, files, inside, packed, resolve, tools
from snapshot.lock.document import BuildPackage, Package, Wheel
from snapshot.project.requirements import Requirements

DEFAULT = ("setuptools>=40.8.0",)
"""What builds a project that does not say (PEP 517, PEP 518)."""
_PACKAGES = "/snap/packages"
_WORK = "/snap/build"
_NOBODY = 65534
_ROUNDS = 3
"""How often a backend may ask for more than `[build-system]` names; one is what they do."""


class _Answer(Document, frozen=True, kw_only=True):
    wheel: str | None = None
    needed: tuple[str, ...] = ()
    failure: str | None = None
    output: tuple[str, ...] = ()


def build(
    image: str,
    packages: Sequence[Package],
    *,
    python: str,
    root: Path,
    requirements: Requirements,
    pip: pip_config.PipConfig,
    cache: Path,
    epoch: int,
    kept: Sequence[Package] = (),
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
) -> tuple[Package, ...]:
    """`packages`, those that have an `sdist` and no `wheels` with the wheel that `image` makes of it, and its `build`.

    `python` is the version that `image` has, `epoch` the time of what the build writes, in seconds since 1970. Packages
    of `kept`, locked for the same base, lend their wheel and build requirements where the source is the same.
    `requirements` tells indexes; `say` hears what was built, `step` what is being built.
    Raises BuildError when a build fails or its requirements have no wheels, and what `resolve.resolve` raises.
    """
    known = {package.name: package for package in kept if package.sdist and package.wheels}
    access = access_of(pip, root)
    out: list[Package] = []
    resolved: dict[tuple[str, ...], tuple[BuildPackage, ...]] = {}
    for package in packages:
        if package.wheels or not package.sdist:
            out.append(package)
            continue
        old = known.get(package.name)
        old = old if old and old.sdist and old.sdist.hashes == package.sdist.hashes else None
        if old and files.is_held(files.cache_path(cache, old.wheel), files.wheel_of(old).sha256):
            out.append(_with(package, old.version, old.wheel, old.build))
            continue
        what = f"building {package.name} {package.version}".rstrip() + " from source"
        say(what)
        step(what)
        files.fetch([files.sdist_of(package)], cache_dir=cache, access=access)
        needs = _Needs(image, python, package, root, requirements, pip, cache, environment, resolved)
        out.append(_first(needs, old, access, epoch))
    return tuple(out)


def rebuild(
    image: str,
    package: Package,
    *,
    python: str,
    cache: Path,
    access: Access,
    epoch: int,
) -> None:
    """Build the wheel of the locked `package` once more, of what is pinned, and put it into the cache.

    Raises IntegrityError when it comes out otherwise than it was locked, BuildError when the build fails, and
    NetworkError when something of it can't be had.
    """
    fetch_inputs(package, cache=cache, access=access)
    with _working(cache) as work:
        answer = _run(image, python, package, package.build, cache, work, epoch)
        if answer.needed or answer.wheel is None:
            raise _failed(package, answer)
        sha256, _ = files.keep(work / "out" / answer.wheel, cache, answer.wheel)
    if (answer.wheel, sha256) != (package.wheel.name, package.wheel.hashes["sha256"]):
        raise IntegrityError(
            f"`{package.name}` {package.version}, built anew from what is locked, is another wheel: "
            f"wanted {package.wheel.name} sha256:{package.wheel.hashes['sha256']}, got {answer.wheel} sha256:{sha256}",
            hint="its build is not deterministic: bring the wheel itself, in a find-links folder of pip, "
            "from a host that has it in its cache (`~/.cache/snapshot/packages`)",
        )


def fetch_inputs(package: Package, *, cache: Path, access: Access) -> list[Path]:
    """Bring what `rebuild` builds the wheel of `package` from into the cache: where the source lies there, and the
    wheels that build it.

    Raises IntegrityError when something is not what was locked, NetworkError when it can't be had.
    """
    source = files.sdist_of(package)
    is_held = files.is_held(files.cache_path(cache, source.file), source.sha256)
    if not is_held and (package.vcs or _is_folder(package, access)):
        packed.restore(package, root=access.root, cache=cache)
    wanted = [source, *map(files.wheel_of, package.build)]
    files.fetch(wanted, cache_dir=cache, access=access)
    return [files.cache_path(cache, item.file) for item in wanted]


def inputs(package: Package, access: Access) -> list[files.Wanted]:
    """The files that `rebuild` takes, but for what it packs of a folder of this host."""
    parts = [files.wheel_of(part) for part in package.build]
    return parts if _is_folder(package, access) else [files.sdist_of(package), *parts]


def _is_folder(package: Package, access: Access) -> bool:
    path = package.sdist.path if package.sdist else None
    return bool(path) and (access.root / str(path)).is_dir()


def _first(needs: _Needs, old: Package | None, access: Access, epoch: int) -> Package:
    """Build a wheel for the first time, asking the backend what it needs."""
    package, cache = needs.package, needs.cache
    archive = files.cache_path(cache, files.sdist_of(package).file)
    lines = build_system(archive, subdirectory(package), f"`{package.name}`")
    parts = needs.resolve(lines, old.build if old else ())
    for _ in range(_ROUNDS):
        files.fetch([files.wheel_of(part) for part in parts], cache_dir=cache, access=access)
        with _working(cache) as work:
            answer = _run(needs.image, needs.python, package, parts, cache, work, epoch)
            if answer.wheel is not None:
                return _locked(package, work / "out" / answer.wheel, parts, cache)
        if not answer.needed:
            break
        lines = (*lines, *answer.needed)
        parts = needs.resolve(lines, parts)
    raise _failed(package, answer)


class _Needs:
    """What building one package takes."""

    def __init__(
        self,
        image: str,
        python: str,
        package: Package,
        root: Path,
        requirements: Requirements,
        pip: pip_config.PipConfig,
        cache: Path,
        environment: Mapping[str, str] | None,
        resolved: dict[tuple[str, ...], tuple[BuildPackage, ...]],
    ) -> None:
        self.resolved = resolved
        """What others took: most name the same."""
        self.image, self.python, self.package, self.root, self.cache = image, python, package, root, cache
        self.requirements, self.pip, self.environment = requirements, pip, environment

    def resolve(self, lines: tuple[str, ...], near: Sequence[BuildPackage]) -> tuple[BuildPackage, ...]:
        """Everything that `lines` lead to, as wheels, near to what it was."""
        if not lines:
            return ()
        if near:
            return self._resolve(lines, near)
        if lines not in self.resolved:
            self.resolved[lines] = self._resolve(lines, ())
        return self.resolved[lines]

    def _resolve(self, lines: Sequence[str], near: Sequence[BuildPackage]) -> tuple[BuildPackage, ...]:
        source = f"the build requirements of {self.package.name}"
        options = {key: value for key, value in self.pip.options.items() if key not in ("no-binary", "require-hashes")}
        found = resolve.resolve(
            self.image,
            resolve.requirements_of_indexes(self.requirements, source, lines),
            python=self.python,
            root=self.root,
            # What builds is not built itself: that has no end, and takes what no lock tells.
            pip=dataclasses.replace(self.pip, options={**options, "only-binary": ":all:"}),
            cache=self.cache,
            kept=[Package(name=item.name, version=item.version, wheels=item.wheels) for item in near],
            environment=self.environment,
        )
        if sourced := [item.name for item in found.packages if not item.wheels]:
            raise BuildError(
                f"`{sourced[0]}`, which building `{self.package.name}` takes, is to be had as source only",
                hint=f"put a wheel of it into a find-links folder of pip: `pip wheel --no-deps {sourced[0]}`",
            )
        return tuple(
            BuildPackage(name=item.name, version=item.version, index=item.index, wheels=item.wheels)
            for item in found.packages
        )


def build_system(archive: Path, below: str, what: str) -> tuple[str, ...]:
    """`[build-system].requires` of the source `archive`, whose project is in its folder `below`; as PEP 518 has it.

    Raises BuildError naming `what` when its `pyproject.toml` is malformed.
    """
    text = _pyproject(archive, below, what)
    if text is None:
        return DEFAULT
    try:
        table = tomllib.loads(text.decode("utf-8")).get("build-system")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BuildError(f"the `pyproject.toml` of {what} is not TOML: {problem}", hint="tell its authors") from None
    if table is None:
        return DEFAULT
    lines = table.get("requires") if isinstance(table, dict) else None
    if not isinstance(lines, list) or not all(isinstance(line, str) and "\n" not in line for line in lines):
        raise BuildError(f"the `[build-system]` of {what} has no list of `requires` (PEP 518)", hint="tell its authors")
    return tuple(lines)


def _pyproject(archive: Path, below: str, what: str) -> bytes | None:
    """The project's `pyproject.toml`; None when it has none."""

    wanted = (*PurePosixPath(below).parts, "pyproject.toml")

    def is_it(name: str) -> bool:
        parts = PurePosixPath(name).parts
        return wanted in (parts, parts[1:])

    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                name = min(filter(is_it, zipped.namelist()), key=len, default=None)
                return zipped.read(name) if name else None
        with tarfile.open(archive) as tarred:
            found = [member for member in tarred if member.isreg() and is_it(member.name)]
            member = min(found, key=lambda member: len(member.name), default=None)
            file = tarred.extractfile(member) if member else None
            return file.read() if file else None
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as problem:
        raise BuildError(
            f"the source of {what} is no archive that can be read: {problem}", hint="try again, or ask for a wheel"
        ) from None


def subdirectory(package: Package) -> str:
    """Where in its source the project is: of the repository, or of an archive behind an URL."""
    if package.vcs:
        return package.vcs.subdirectory or ""
    fragment = urllib.parse.urlsplit(package.sdist.url or "").fragment if package.sdist else ""
    return dict(urllib.parse.parse_qsl(fragment)).get("subdirectory", "")


@contextmanager
def _working(cache: Path) -> Iterator[Path]:
    """The folder that is /snap/build; it is gone afterwards."""
    with scratch(cache / "builds", "wheel-") as work:
        with disk_errors(work):
            (work / "home").mkdir()
            (work / "tmp").mkdir()
            if os.getuid() == 0:
                for folder in (work, work / "home", work / "tmp"):
                    os.chown(folder, _NOBODY, _NOBODY)
        yield work


def _run(
    image: str, python: str, package: Package, parts: Sequence[BuildPackage], cache: Path, work: Path, epoch: int
) -> _Answer:
    container = _container(image, python, cache, work, epoch)
    question = {
        "source": _inside(files.sdist_of(package), cache),
        "subdirectory": subdirectory(package),
        "wheels": [_inside(files.wheel_of(part), cache) for part in parts],
    }
    done = run_tool(container, stdin=json.dumps(question).encode())
    if done.code != 0 or not done.stdout:
        raise BuildError(
            f"building `{package.name}` {package.version} broke off: {done.last_words}", hint="see `docker info`"
        )
    return decode_json(done.stdout.encode(), _Answer, where="the answer of the base", error=EngineError)


def _inside(item: files.Wanted, cache: Path) -> str:
    """Where a container finds a file of the cache."""
    return f"{_PACKAGES}/{files.cache_path(cache, item.file).relative_to(cache / 'packages').as_posix()}"


def _container(image: str, python: str, cache: Path, work: Path, epoch: int) -> Container:
    make_dirs(cache / "lock" / "pycache")
    user = (_NOBODY, _NOBODY) if os.getuid() == 0 else (os.getuid(), os.getgid())
    mounts = (
        Mount(source=str(tools.folder(cache, python).resolve()), target="/snap/tools", read_only=True),
        Mount(source=str((cache / "packages").resolve()), target=_PACKAGES, read_only=True),
        Mount(source=str((cache / "lock" / "pycache").resolve()), target="/snap/pycache", read_only=True),
        Mount(source=str(work.resolve()), target=_WORK),
    )
    return Container(
        image=image,
        # Without .pyc files pip alone takes a second to import; the option, unlike the variable, is not handed down.
        command=("python3", "-X", "pycache_prefix=/snap/pycache", "/snap/tools/in_base_build.py"),
        name=f"snap-wheel-{uuid.uuid4().hex[:12]}",
        user=":".join(map(str, user)),
        workdir=_WORK,
        environment=(
            ("SOURCE_DATE_EPOCH", str(epoch)),
            ("PYTHONHASHSEED", "0"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("PYTHONPATH", ""),
            ("PIP_CONFIG_FILE", os.devnull),
            ("TZ", "UTC"),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
            ("HOME", f"{_WORK}/home"),
            ("TMPDIR", f"{_WORK}/tmp"),
        ),
        labels=((inside.LABEL, "wheel"),),
        mounts=mounts,
        network="none",
        stdin=True,
        remove=True,
        options=("--hostname", "snapshot", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    )


def _locked(package: Package, wheel: Path, parts: tuple[BuildPackage, ...], cache: Path) -> Package:
    """`package` with its wheel, which goes into the cache."""
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        fits = name == canonicalize_name(package.name) and package.version in ("", str(version))
        fits = fits or (name == canonicalize_name(package.name) and Version(package.version) == version)
    except (InvalidWheelFilename, InvalidVersion):
        fits = False
    if not fits:
        raise BuildError(
            f"building `{package.name}` {package.version} made `{wheel.name}`",
            hint="tell its authors, or ask for a wheel",
        )
    sha256, size = files.keep(wheel, cache, wheel.name)
    made = Wheel(name=wheel.name, size=size, hashes={"sha256": sha256})
    return _with(package, package.version or str(version), made, parts)


def _with(package: Package, version: str, wheel: Wheel, parts: tuple[BuildPackage, ...]) -> Package:
    return msgspec.structs.replace(package, version=version, wheels=(wheel,), build=parts)


def _failed(package: Package, answer: _Answer) -> SnapshotError:
    if answer.needed:
        more = ", ".join(f"`{line}`" for line in answer.needed)
        return BuildError(
            f"building `{package.name}` {package.version} asks for {more} on and on", hint="tell its authors"
        )
    return explain_build.failed(f"`{package.name}` {package.version}".rstrip(), answer.failure or "", answer.output)
