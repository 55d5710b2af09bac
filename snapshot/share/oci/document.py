"""The manifest and the configuration of an image (OCI image-spec 1.1), as far as they are looked at here.

Whatever comes from a registry may be forged: it is parsed here, and believed only where digests vouch for it.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from snapshot.document import Value
from snapshot.errors import IntegrityError, StoreError, UsageError

T = TypeVar("T")

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
"""Of layers that the engine has so: those of a base that was pulled."""

PREFIX = "org.snapshot-ml."
SCHEMA = f"{PREFIX}schema"
VERSION = "snap.image/1"
ROLE = f"{PREFIX}layer"
"""What a layer is for: an annotation of its descriptor."""
SIZE = f"{PREFIX}size"
"""Bytes of the tar in a layer; whoever unpacks it takes no more."""
PLATFORM, IDENTITY, DATA, CODE, RESULTS, RECORD = "platform", "identity", "data", "code", "results", "record"
ROLES = (PLATFORM, IDENTITY, DATA, CODE, RESULTS, RECORD)
"""In the order of the layers. `identity` has what makes an engine give the platform's layers their image ID again."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_MOST_LAYERS = 1000
_DIGITS = 16


class Descriptor(Value, kw_only=True, frozen=True, omit_defaults=True):
    """A blob, as a manifest names it."""

    media_type: str = msgspec.field(name="mediaType")
    digest: str
    size: int
    annotations: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def role(self) -> str:
        """What the layer is for; empty when it does not say."""
        return self.annotations.get(ROLE, "")

    @property
    def unpacked(self) -> int | None:
        """How many bytes its tar is said to have."""
        said = self.annotations.get(SIZE, "")
        return int(said) if said.isascii() and said.isdecimal() and len(said) < _DIGITS else None


class Manifest(Value, kw_only=True, frozen=True):
    """An image."""

    schema_version: int = msgspec.field(name="schemaVersion", default=2)
    media_type: str = msgspec.field(name="mediaType", default=MANIFEST)
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = msgspec.field(default_factory=dict)

    def of(self, role: str) -> tuple[Descriptor, ...]:
        """The layers that are for `role`, lowest first."""
        return tuple(layer for layer in self.layers if layer.role == role)


class Root(Value, frozen=True):
    """What a configuration says of the layers."""

    diff_ids: tuple[str, ...]


class Configuration(Value, frozen=True):
    """An image's configuration, but for all that is about running it."""

    rootfs: Root


def archive(data: bytes, *, where: str) -> Manifest:
    """The manifest of a run in a registry.

    Raises UsageError when it is another image's, StoreError for a newer version, IntegrityError for a forged one.
    """
    try:
        found = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, RecursionError):
        raise no_run(where) from None
    schema = found.annotations.get(SCHEMA, "")
    kind, _, version = VERSION.partition("/")
    if schema.startswith(f"{kind}/") and schema != VERSION:
        raise StoreError(
            f"`{where}` is a run of version `{schema.removeprefix(f'{kind}/')[:20]}`, and this program reads {version}",
            hint="upgrade with `pip install --upgrade snapshot-ml`",
        )
    if schema != VERSION:
        raise no_run(where)
    _check(found, where)
    return found


def no_run(where: str) -> UsageError:
    """That something in a registry is another image."""
    return UsageError(f"`{where}` is not a run that `snap push` put there", hint="`snap ls REPOSITORY` lists those")


def parsed(data: bytes, kind: type[T], *, where: str) -> T:
    """A document of an image; raises IntegrityError when it is none."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise IntegrityError(f"{where} can't be read", hint="don't use it") from None


def _check(found: Manifest, where: str) -> None:
    """Raise IntegrityError for what `snap push` never writes."""
    order = [ROLES.index(layer.role) if layer.role in ROLES else -1 for layer in found.layers]
    single = all(len(found.of(role)) == 1 for role in (IDENTITY, CODE, RECORD)) and len(found.of(RESULTS)) <= 1
    blobs = (found.config, *found.layers)
    sound = all(_DIGEST.fullmatch(blob.digest) and blob.size >= 0 for blob in blobs)
    if not single or not sound or -1 in order or order != sorted(order) or len(order) > _MOST_LAYERS:
        raise IntegrityError(f"`{where}` has a manifest that `snap push` does not write", hint="don't use it")
