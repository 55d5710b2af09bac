"""The base image of a kit: an OCI layout, which `docker load` takes as well.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md; `manifest.json` is what older engines read.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import EngineError, IntegrityError
from snapshot.host.engine import Engine
from snapshot.host.files import disk_errors, make_dirs
from snapshot.image import bases
from snapshot.lock.document import Lock
from snapshot.share.entry import Entry
from snapshot.share.tar import Chunks, tar

T = TypeVar("T")
_FILES = re.compile(r"oci-layout|index\.json|manifest\.json|blobs/sha256/[0-9a-f]{64}")
"""What is kept of `docker save`: without `repositories`, the form from before `manifest.json`."""
_LARGEST = 4 << 20
"""Bytes of a document of the layout; the OCI specification has registries take no larger manifests."""


class _Saved(Value, frozen=True):
    """An image in `manifest.json`."""

    config: str = msgspec.field(name="Config")
    tags: tuple[str, ...] | None = msgspec.field(name="RepoTags")
    layers: tuple[str, ...] = msgspec.field(name="Layers")


class _Root(Value, frozen=True):
    diff_ids: tuple[str, ...]


class _Config(Value, frozen=True):
    rootfs: _Root


class _Descriptor(Value, frozen=True):
    digest: str
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class _Index(Value, frozen=True):
    manifests: tuple[_Descriptor, ...]


def save(engine: Engine, lock: Lock, folder: Path) -> None:
    """Write the base of `lock`, which `engine` has, as a layout into `folder`; it carries its name in archives."""
    image, name = bases.at_hand(engine, lock), bases.archived_reference(lock)
    assert image is not None
    is_named = engine.image(name) is not None
    if not is_named:
        engine.tag(image.id, name)
    try:
        with disk_errors(folder):
            _unpack(engine.save(name), folder)
    finally:
        if not is_named:
            engine.untag(name)
    if not (folder / "oci-layout").exists():
        raise EngineError(
            "this Docker engine is too old for `snap archive`: its `docker save` writes no OCI layout",
            hint="use Docker 25 or newer for it",
        )
    check(folder, name, lock.base.layers)


def _unpack(saved: Iterable[bytes], folder: Path) -> None:
    with tarfile.open(fileobj=Chunks(saved), mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() and _FILES.fullmatch(member.name) else None
            if content is not None:
                path = folder / member.name
                make_dirs(path.parent)
                with path.open("xb") as file:
                    while chunk := content.read(digest.CHUNK):
                        file.write(chunk)


def load(engine: Engine, folder: Path, lock: Lock) -> bool:
    """Give `engine` the base of `lock` out of the layout in `folder`; False when it is there already.

    Raises IntegrityError when that is another image, or would bring more than this one name, or when an image of that
    name with other layers is there.
    """
    name = bases.archived_reference(lock)
    if (there := bases.at_hand(engine, lock) or engine.image(name)) is not None:
        if there.layers[: len(lock.base.layers)] != lock.base.layers:
            raise IntegrityError(
                f"the engine has another image `{name}`, and the kit's base has that name too",
                hint=f"give it another name: `docker tag {name} NAME`, `docker image rm {name}`",
            )
        return False
    check(folder, name, lock.base.layers)
    engine.load(tar(entries(folder, ""), 0))
    image = engine.image(name)
    if image is None or image.layers != lock.base.layers:
        engine.untag(name)
        raise _wrong()
    return True


def entries(folder: Path, prefix: str) -> Iterator[Entry]:
    """The files of the layout in `folder`, as files below `prefix`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _FILES.fullmatch(name := path.relative_to(folder).as_posix()):
            yield Entry(path=prefix + name, source=path)


def check(folder: Path, name: str, layers: tuple[str, ...]) -> None:
    """Raise IntegrityError unless the layout is of one image with this name and these layers, and of no other name."""
    saved = _read(folder, "manifest.json", tuple[_Saved, ...])
    index = _read(folder, "index.json", _Index)
    named = {_familiar(one.annotations.get("io.containerd.image.name", name)) for one in index.manifests}
    if len(saved) != 1 or saved[0].tags != (name,) or not named <= {name}:
        raise _wrong()
    if _read(folder, saved[0].config, _Config).rootfs.diff_ids != layers:
        raise _wrong()
    for path in (saved[0].config, *saved[0].layers):
        if not _FILES.fullmatch(path) or not (folder / path).is_file():
            raise _wrong()


def _familiar(reference: str) -> str:
    """As Docker shows it: without what it adds to short names."""
    return reference.removeprefix("docker.io/").removeprefix("library/")


def _read(folder: Path, name: str, kind: type[T]) -> T:
    if not _FILES.fullmatch(name):
        raise _wrong()
    try:
        with (folder / name).open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST), type=kind)
    except (OSError, msgspec.DecodeError, RecursionError):
        raise _wrong() from None


def _wrong() -> IntegrityError:
    return IntegrityError(
        "the base image in this kit is not the one that its lock names", hint="get another copy of the kit"
    )
