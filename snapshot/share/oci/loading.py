"""A platform on its way from a registry into an engine: the layout that `docker load` takes, with the image's old ID.

On overlay2's store an image's ID is the digest of its configuration, on containerd's that of its manifest. The archive
brings both, of the image that the run had; a run of overlay2 needs no manifest, and gets one that says the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import IntegrityError
from snapshot.record.document import Run
from snapshot.share.entry import Entry
from snapshot.share.oci import platform
from snapshot.share.oci.contents import Contents
from snapshot.share.oci.document import IDENTITY, PLATFORM, Configuration, Descriptor, Manifest, parsed
from snapshot.share.oci.fetching import Archive

_SMALL = 4 << 20
_INDEX = "application/vnd.oci.image.index.v1+json"
_TAR = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_ANY = 1 << 40
"""Bytes: the record says nothing of the size of a layer, only the disk does."""
_ANOTHER = "push it anew from where it was made"


class Identity(Value, kw_only=True, frozen=True):
    """What the image of a run is, bit for bit."""

    config: bytes
    manifest: bytes | None
    """None where the ID is the digest of the configuration."""
    layers: tuple[str, ...]
    """Diff IDs."""


def identity(archive: Archive, contents: Contents, run: Run) -> Identity:
    """What the archive says of the platform of `run`; raises IntegrityError unless that makes up its image ID."""
    archive.open(contents, IDENTITY, _SMALL * 4)
    config = contents.read(platform.CONFIG, _SMALL)
    manifest = contents.read(platform.MANIFEST, _SMALL) if contents.has(platform.MANIFEST) else None
    layers = parsed(config, Configuration, where="the platform's configuration").rootfs.diff_ids
    if run.platform.image != digest.of_bytes(config if manifest is None else manifest) or (
        layers != tuple(diff_id for _, diff_id in archive.layers(PLATFORM))
    ):
        raise IntegrityError(f"the archive has another platform than `{run.platform.image}`", hint=_ANOTHER)
    if manifest is not None:
        said = parsed(manifest, Manifest, where="the platform's manifest")
        if said.config.digest != digest.of_bytes(config) or len(said.layers) != len(layers):
            raise IntegrityError("the platform's manifest does not fit its configuration", hint=_ANOTHER)
    return Identity(config=config, manifest=manifest, layers=layers)


def layout(archive: Archive, found: Identity, name: str) -> Iterator[Entry]:
    """The image as `docker load` takes it, named `name`; a layer is fetched when it is come to, and gone afterwards."""
    blobs: dict[str, str] = {}
    described: list[Descriptor] = []
    named = parsed(found.manifest, Manifest, where="the platform's manifest").layers if found.manifest else ()
    for number, (layer, diff_id) in enumerate(archive.layers(PLATFORM)):
        as_it_is = bool(named) and named[number].digest == layer.digest
        blob = layer.digest if as_it_is else diff_id
        if blob not in blobs:
            path = archive.blob(layer) if as_it_is else archive.unpacked(layer, diff_id, most=_ANY)
            blobs[blob] = _path(blob)
            yield Entry(path=_path(blob), source=path)
            described.append(Descriptor(media_type=_TAR, digest=blob, size=path.stat().st_size))
            path.unlink()
        else:
            described.append(next(one for one in described if one.digest == blob))
    yield from _documents(found, described, name)


def _documents(found: Identity, layers: list[Descriptor], name: str) -> Iterator[Entry]:
    config = Descriptor(media_type=_CONFIG, digest=digest.of_bytes(found.config), size=len(found.config))
    manifest = found.manifest or msgspec.json.encode(Manifest(config=config, layers=tuple(layers)), order="sorted")
    yield Entry(path=_path(config.digest), source=found.config)
    yield Entry(path=_path(digest.of_bytes(manifest)), source=manifest)
    index = {
        "schemaVersion": 2,
        "mediaType": _INDEX,
        "manifests": [
            {
                "mediaType": json.loads(manifest).get("mediaType"),
                "digest": digest.of_bytes(manifest),
                "size": len(manifest),
                "annotations": {
                    "io.containerd.image.name": f"docker.io/library/{name}",
                    "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                },
            }
        ],
    }
    saved = [{"Config": _path(config.digest), "RepoTags": [name], "Layers": [_path(one.digest) for one in layers]}]
    yield Entry(path="index.json", source=json.dumps(index).encode())
    yield Entry(path="manifest.json", source=json.dumps(saved).encode())
    yield Entry(path="oci-layout", source=b'{"imageLayoutVersion": "1.0.0"}')


def _path(blob: str) -> str:
    return f"blobs/sha256/{digest.hex_of(blob)}"
