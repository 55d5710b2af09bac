"""What is known of platforms that were pushed, in the user's cache: which blobs they are, so that no engine need be
asked and nothing be compressed again. `platforms/IMAGE.json`, made anew when it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from snapshot import digest
from snapshot.document import Document, Value, decode_json, encode_json
from snapshot.errors import HostError, StoreError
from snapshot.host.files import make_dirs, write_atomic
from snapshot.host.registry import Registry
from snapshot.share.oci.layer import Layer

_FOLDER = "platforms"
_SCHEMA: Final = "snap.platform/1"


class Platform(Value, kw_only=True, frozen=True):
    """What an image of a run begins with."""

    config: bytes
    """The configuration of the image that the run had."""
    manifest: bytes | None
    """Its manifest, where the image's ID is the digest of that: on containerd's store."""
    layers: tuple[Layer, ...]
    """Its layers, and one with what makes an engine give them the ID that they had."""


class Blob(Document, kw_only=True, frozen=True):
    """A layer that some registry has."""

    role: str
    diff_id: str
    digest: str
    size: int
    unpacked: int | None
    media_type: str

    @property
    def layer(self) -> Layer:
        """The layer, whose bytes are not here."""
        return Layer(
            role=self.role,
            diff_id=self.diff_id,
            digest=self.digest,
            size=self.size,
            unpacked=self.unpacked,
            media_type=self.media_type,
        )


class Known(Document, kw_only=True, frozen=True):
    """One platform."""

    schema: Literal["snap.platform/1"] = _SCHEMA
    image: str
    """ID of the image, as a run has it."""
    config: str
    """The image's configuration."""
    manifest: str | None
    """Its manifest, where the ID is the digest of that."""
    blobs: tuple[Blob, ...]
    """Its layers, and that of its identity."""

    @property
    def platform(self) -> Platform:
        """The same, as parts of a manifest."""
        manifest = None if self.manifest is None else self.manifest.encode()
        return Platform(config=self.config.encode(), manifest=manifest, layers=tuple(blob.layer for blob in self.blobs))


def find(cache: Path, image: str) -> Platform | None:
    """What is known of the platform `image`."""
    found = _read(_path(cache, image))
    return found.platform if found is not None and found.image == image else None


def keep(cache: Path, image: str, platform: Platform) -> None:
    """Remember a platform that a registry has now; that it can't be written is no harm."""
    blobs = tuple(
        Blob(role=one.role, diff_id=one.diff_id, digest=one.digest, size=one.size, unpacked=one.unpacked,
             media_type=one.media_type)
        for one in platform.layers
    )  # fmt: skip
    with suppress(HostError, OSError):
        make_dirs(cache / _FOLDER)
        manifest = None if platform.manifest is None else platform.manifest.decode()
        found = Known(image=image, config=platform.config.decode(), manifest=manifest, blobs=blobs)
        write_atomic(_path(cache, image), encode_json(found), durable=False)


def every(cache: Path) -> Iterator[Layer]:
    """The layers of all platforms that are known."""
    for path in sorted((cache / _FOLDER).glob("*.json")):
        if (found := _read(path)) is not None:
            yield from found.platform.layers


def are_there(registry: Registry, layers: tuple[Layer, ...]) -> bool:
    """Whether the registry has all of them."""
    return all(registry.has_blob(layer.digest) == layer.size for layer in layers)


def _path(cache: Path, image: str) -> Path:
    return cache / _FOLDER / f"{digest.hex_of(image)}.json"


def _read(path: Path) -> Known | None:
    with suppress(OSError, StoreError):
        return decode_json(path.read_bytes(), Known, where=path.name)
    return None
