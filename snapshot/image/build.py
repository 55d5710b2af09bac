"""The image of a lock: packages fetched, Dockerfile rendered, built without network, and the same for everybody."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec

from snapshot.errors import BuildError, UsageError
from snapshot.host import apt_config, buildx
from snapshot.host.download import Access
from snapshot.host.engine import Engine, Image
from snapshot.host.files import disk_errors, link_or_copy, make_dirs, scratch
from snapshot.image import bases, debs, dockerfile, tools
from snapshot.image.dockerfile import LOCK_LABEL, Layer, image_reference
from snapshot.image.fetch import Fetched, fetch
from snapshot.lock.document import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """The image of a lock, as the engine has it."""

    id: str
    reference: str
    seconds: float
    """How long building took; next to nothing when it was there."""
    was_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What came out of building once more from clean."""

    expected: str
    """ID of the image that was there."""
    got: str
    differing: tuple[str, ...]
    """Names of the layers that came out otherwise."""

    @property
    def same(self) -> bool:
        """Whether the images are the same, bit for bit."""
        return self.expected == self.got


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to show while an image is built."""

    step: str
    """`packages`, the name of a layer, or `image` when it is written."""
    state: str
    """`started`, `bytes` (of packages that arrive), `cached` or `done`."""
    size: int = 0
    """Bytes that arrived since the last event; of all packages when they start."""


Progress = Callable[[Event], None]


def build(
    engine: Engine,
    lock: Lock,
    *,
    cache_dir: Path,
    access: Access | None = None,
    tag: str | None = None,
    no_cache: bool = False,
    offline: bool = False,
    progress: Progress = lambda _: None,
) -> BuiltImage:
    """The image of `lock`, built unless it is there already; `tag` names it once more.

    Raises EngineError, NetworkError, IntegrityError or BuildError; then no image has the name.
    """
    started = time.monotonic()
    reference = image_reference(lock)
    image = None if no_cache else present(engine, lock)
    was_there = image is not None
    if image is None:
        image = _build(engine, lock, reference, cache_dir, access or Access(), no_cache, offline, progress)
    if tag:
        engine.tag(image.id, tag)
    return BuiltImage(id=image.id, reference=reference, seconds=time.monotonic() - started, was_there=was_there)


def present(engine: Engine, lock: Lock) -> Image | None:
    """The image of `lock` if the engine has it."""
    image = engine.image(image_reference(lock))
    return image if image is not None and image.labels.get(LOCK_LABEL) == lock.digest else None


def check(
    engine: Engine,
    lock: Lock,
    *,
    cache_dir: Path,
    access: Access | None = None,
    offline: bool = False,
    progress: Progress = lambda _: None,
) -> Check:
    """Build once more from clean, under a name that is taken away again, and compare with the image that is there.

    Raises BuildError when there is none.
    """
    first = present(engine, lock)
    if first is None:
        raise BuildError("there is no image of this lock to check", hint="run `snap build` first")
    second = anew(engine, lock, cache_dir=cache_dir, access=access, offline=offline, progress=progress)
    return Check(expected=first.id, got=second.id, differing=_differing(lock, cache_dir, first, second))


def anew(
    engine: Engine,
    lock: Lock,
    *,
    cache_dir: Path,
    access: Access | None = None,
    offline: bool = False,
    progress: Progress = lambda _: None,
) -> Image:
    """Build from clean, under a name that is taken away again: what the lock gives now. Raises as `build` does."""
    reference = f"{image_reference(lock)}-check-{os.getpid()}"
    try:
        return _build(engine, lock, reference, cache_dir, access or Access(), True, offline, progress)
    finally:
        engine.untag(reference)


def _differing(lock: Lock, cache_dir: Path, first: Image, second: Image) -> tuple[str, ...]:
    if first.id == second.id:
        return ()
    base = len(lock.base.layers)
    pairs = zip(first.layers[base:], second.layers[base:], strict=False)
    files = fetch(lock, cache_dir=cache_dir, access=Access(), offline=True)
    names = dockerfile.titles(lock, _sizes(files))
    return tuple(name for name, (one, other) in zip(names, pairs, strict=False) if one != other)


def _build(
    engine: Engine,
    lock: Lock,
    reference: str,
    cache_dir: Path,
    access: Access,
    no_cache: bool,
    offline: bool,
    progress: Progress,
) -> Image:
    base = bases.check(engine, lock, offline=offline)
    equipment = tools.folder(cache_dir, lock.python.version, offline=offline)
    files, packages = _fetch(engine, lock, cache_dir, access, offline, progress)
    layers, titles = dockerfile.layers(lock, _sizes(files)), dockerfile.titles(lock, _sizes(files))
    with build_folder(lock, cache_dir, layers, files, packages) as folder:
        buildx.build(
            folder / "Dockerfile",
            reference=reference,
            contexts={
                **bases.contexts(lock, base),
                "tools": equipment,
                **({"debs": folder / "debs"} if packages else {}),
                **{layer.context: folder / "wheels" / layer.context for layer in layers},
            },
            epoch=lock.source_date_epoch,
            no_cache=no_cache,
            report=lambda step: progress(Event(step=_name(step, titles), state=step.state)),
        )
    image = engine.image(reference)
    if image is None:
        raise BuildError(f"the engine does not have `{reference}`, which was just built", hint="see `docker buildx ls`")
    bases.check_layers(lock, image)
    return image


def _fetch(
    engine: Engine, lock: Lock, cache_dir: Path, access: Access, offline: bool, progress: Progress
) -> tuple[dict[str, Fetched], dict[str, Path]]:
    """The wheels and the OS packages of `lock`, by their names."""

    def arrived(size: int) -> None:
        progress(Event(step="packages", state="bytes", size=size))

    total = sum(p.wheel.size or 0 for p in lock.packages) + sum(p.size for p in lock.os_packages)
    progress(Event(step="packages", state="started", size=total))
    files = fetch(
        lock,
        cache_dir=cache_dir,
        access=access,
        offline=offline,
        platform=lambda: _platform(engine, lock, cache_dir, access, offline),
        progress=arrived,
    )
    packages = {}
    if lock.os_packages:
        access_of_apt = apt_config.access(apt_config.read(), access)
        packages = debs.fetch(lock.os_packages, cache_dir=cache_dir, access=access_of_apt, progress=arrived)
    progress(Event(step="packages", state="done"))
    return files, packages


def _platform(engine: Engine, lock: Lock, cache_dir: Path, access: Access, offline: bool) -> str:
    """What wheels of this lock are built in: the base, with the lock's OS packages."""
    if not lock.os_packages:
        return bases.check(engine, lock, offline=offline)
    bare = msgspec.structs.replace(lock, packages=(), import_roots=(), cuda=None)
    return build(engine, bare, cache_dir=cache_dir, access=access, offline=offline).reference


def _sizes(files: dict[str, Fetched]) -> dict[str, int]:
    return {name: file.size for name, file in files.items()}


def _name(step: buildx.Step, titles: tuple[str, ...]) -> str:
    return "image" if step.index is None or step.index >= len(titles) else titles[step.index]


@contextmanager
def build_folder(
    lock: Lock,
    cache_dir: Path,
    layers: tuple[Layer, ...],
    files: dict[str, Fetched],
    packages: Mapping[str, Path] = MappingProxyType({}),
) -> Iterator[Path]:
    """A folder with the Dockerfile, `debs` and `wheels`, which links to the cache; it is gone afterwards.

    Each build has its own, so that several may go on at once. BuildKit takes over only what it does not have yet,
    by name, size and time, wherever the folder is.
    """
    with scratch(cache_dir / "builds") as folder:
        _lay_out(folder, lock, layers, files, packages, link_or_copy)
        yield folder


def write_context(
    engine: Engine,
    lock: Lock,
    target: Path,
    *,
    cache_dir: Path,
    access: Access | None = None,
    offline: bool = False,
    link: bool = False,
    progress: Progress = lambda _: None,
) -> tuple[Layer, ...]:
    """Write to `target` all that plain `docker buildx build` needs for the image: Dockerfile, packages and tools.

    Returns what the Dockerfile installs, step by step. With `link` the packages are hard links to the cache, for a
    folder that is only read. Raises UsageError when something is there already, and what `build` raises when packages
    can't be had.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"`{target}` is not an empty folder", hint="name one that is not there yet")
    equipment = tools.folder(cache_dir, lock.python.version, offline=offline)
    files, packages = _fetch(engine, lock, cache_dir, access or Access(), offline, progress)
    layers = dockerfile.layers(lock, _sizes(files))
    make_dirs(target)
    _lay_out(target, lock, layers, files, packages, link_or_copy if link else shutil.copy2)
    with disk_errors(target):
        shutil.copytree(equipment, target / "tools")
    return layers


def _lay_out(
    folder: Path,
    lock: Lock,
    layers: tuple[Layer, ...],
    files: dict[str, Fetched],
    packages: Mapping[str, Path],
    place: Callable[[Path, Path], object],
) -> None:
    """The Dockerfile, the folder `debs` if there are any, and a folder of `wheels` for each of its steps."""
    with disk_errors(folder):
        if packages:
            (folder / "debs").mkdir()
        for name, path in packages.items():
            place(path, folder / "debs" / name)
        for layer in layers:
            (folder / "wheels" / layer.context).mkdir(parents=True)
            for package in layer.packages:
                name = package.wheel.name
                place(files[name].path, folder / "wheels" / layer.context / name)
        (folder / "Dockerfile").write_text(dockerfile.render(lock, _sizes(files)), encoding="utf-8")
