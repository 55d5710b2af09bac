"""What is known of platforms that were pushed, in the user's cache: which blobs they are, so that no engine need be
asked and nothing be compressed again. `platforms/IMAGE.json`, made anew when it is gone."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from snapshot import digest
from snapshot.document import Document, Value, decode_json, encode_json
from snapshot.errors import HostError, StoreError
from snapshot.host.files import make_dirs, write_atomic
from snapshot.host.registry import Reference, Registry
from snapshot.share.oci.layer import Layer

_FOLDER = "platforms"
_PLACES = 8
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
    places: tuple[str, ...] = ()
    """The repositories that got it last, as `HOST/REPOSITORY`."""

    @property
    def platform(self) -> Platform:
        """The same, as parts of a manifest."""
        manifest = None if self.manifest is None else self.manifest.encode()
        return Platform(config=self.config.encode(), manifest=manifest, layers=tuple(blob.layer for blob in self.blobs))


def find(cache: Path, image: str) -> Known | None:
    """What is known of the platform `image`."""
    found = _read(_path(cache, image))
    return found if found is not None and found.image == image else None


def keep(cache: Path, image: str, platform: Platform, place: Reference) -> None:
    """Remember a platform that the repository `place` has now; that it can't be written is no harm."""
    before = find(cache, image)
    if before is not None and before.platform == platform and before.places[:1] == (place.name,):
        return
    blobs = tuple(
        Blob(role=one.role, diff_id=one.diff_id, digest=one.digest, size=one.size, unpacked=one.unpacked,
             media_type=one.media_type)
        for one in platform.layers
    )  # fmt: skip
    with suppress(HostError, OSError):
        make_dirs(cache / _FOLDER)
        manifest = None if platform.manifest is None else platform.manifest.decode()
        places = dict.fromkeys((place.name, *(before.places if before else ())))
        found = Known(
            image=image,
            config=platform.config.decode(),
            manifest=manifest,
            blobs=blobs,
            places=tuple(places)[:_PLACES],
        )
        write_atomic(_path(cache, image), encode_json(found), durable=False)


def at_hand(registry: Registry, cache: Path, diff_ids: Collection[str]) -> tuple[Layer, ...]:
    """Those of the layers `diff_ids` that the repository has, or has now, as parts of any platform that is known."""
    found = {}
    for path in sorted((cache / _FOLDER).glob("*.json")):
        known = _read(path)
        for blob in known.blobs if known is not None else ():
            wanted = blob.diff_id in diff_ids and blob.diff_id not in found
            if known is not None and wanted and _is_there(registry, blob, _others(registry, known)):
                found[blob.diff_id] = blob.layer
    return tuple(found.values())


def is_there(registry: Registry, known: Known) -> bool:
    """Whether the repository has all of its layers, or has them now, out of another one of the same registry."""
    others = _others(registry, known)
    return all(_is_there(registry, blob, others) for blob in known.blobs)


def _others(registry: Registry, known: Known) -> list[str]:
    here, prefix = registry.reference.name, f"{registry.reference.registry}/"
    return [place.removeprefix(prefix) for place in known.places if place.startswith(prefix) and place != here]


def _is_there(registry: Registry, blob: Blob, others: list[str]) -> bool:
    if registry.has_blob(blob.digest) == blob.size:
        return True
    return any(registry.mount_blob(blob.digest, repository) for repository in others)


def _path(cache: Path, image: str) -> Path:
    return cache / _FOLDER / f"{digest.hex_of(image)}.json"


def _read(path: Path) -> Known | None:
    with suppress(OSError, StoreError):
        return decode_json(path.read_bytes(), Known, where=path.name)
    return None
