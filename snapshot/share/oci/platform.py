"""The platform of a run as the engine has it: its layers, compressed once while `docker save` brings them."""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec

from snapshot import digest
from snapshot.errors import BuildError, EngineError, IntegrityError
from snapshot.host.engine import Engine, Image
from snapshot.host.files import disk_errors
from snapshot.host.registry import Registry
from snapshot.image import dockerfile
from snapshot.lock import files
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.share.bundle import RECORD
from snapshot.share.entry import Entry
from snapshot.share.oci import known
from snapshot.share.oci.document import IDENTITY, LAYER, PLATFORM, ZSTD, Configuration, parsed
from snapshot.share.oci.known import Platform
from snapshot.share.oci.layer import Layer, Packing, pack
from snapshot.share.oci.sending import Sender
from snapshot.share.tar import Chunks

FOLDER = f"{RECORD}/platform"
CONFIG, MANIFEST, DOCKERFILE = f"{FOLDER}/config.json", f"{FOLDER}/manifest.json", f"{FOLDER}/Dockerfile"
_BLOBS = "blobs/sha256/"
_SMALL = 4 << 20
"""Bytes of a document of an image, at most."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def of(
    engine: Engine, run: Run, lock: Lock, registry: Registry, sender: Sender, *, cache: Path, folder: Path
) -> Platform:
    """The platform of `run`, which the registry has or is being sent; read from the engine only if that is needed.

    Raises BuildError when the engine does not have it, IntegrityError when it has another, EngineError for one that is
    older than Docker 25.
    """
    there = known.find(cache, run.platform.image)
    if there is not None and known.are_there(registry, there.layers):
        return there
    image = engine.image(run.platform.image) or engine.image(run.platform.reference)
    if image is None:
        raise BuildError(
            f"the engine does not have the image that the run had, `{run.platform.reference}`",
            hint=f"make it with `snap build --run {run.id}`",
        )
    saved = _Saved(sender, folder, _at_hand(cache, image, registry))
    saved.read(engine, image)
    config, manifest, layers = saved.image(image)
    deciding = _deciding(run, config, manifest, there)
    documents = [Entry(path=CONFIG, source=config), *([Entry(path=MANIFEST, source=deciding)] if deciding else [])]
    last = pack([*documents, *_dockerfile(lock, cache)], IDENTITY, folder, lock.source_date_epoch)
    sender.add(last)
    return Platform(config=config, manifest=deciding, layers=(*layers, last))


def _at_hand(cache: Path, image: Image, registry: Registry) -> dict[str, Layer]:
    """Layers of `image` that the registry has, by the name that `docker save` gives them: that of the tar, or of the
    blob where the engine has it compressed."""
    found = {layer.diff_id: layer for layer in known.every(cache) if layer.diff_id in image.layers}
    there = [layer for layer in found.values() if registry.has_blob(layer.digest) == layer.size]
    return {layer.diff_id if layer.unpacked is not None else layer.digest: layer for layer in there}


def _deciding(run: Run, config: bytes, manifest: bytes, there: Platform | None) -> bytes | None:
    """The manifest, if that is what the run's image ID is the digest of; on overlay2's store it is the configuration.

    An image that came from the other kind of store has the manifest of that one. Raises IntegrityError when the image
    is not that of the run.
    """
    wanted = run.platform.image
    if wanted == digest.of_bytes(config):
        return None
    if wanted == digest.of_bytes(manifest):
        return manifest
    if there is not None and there.config == config:
        return there.manifest
    raise IntegrityError(
        f"the image `{run.platform.reference}` on this engine is not the one that the run had, {wanted}",
        hint=f"see `snap build --run {run.id}`",
    )


def _dockerfile(lock: Lock, cache: Path) -> list[Entry]:
    """What the image was built with, unless a wheel whose size decides its layer is in the cache no more."""
    try:
        sizes = {p.wheel.name: files.cache_path(cache, p.wheel).stat().st_size for p in lock.packages}
    except OSError:
        return []
    return [Entry(path=DOCKERFILE, source=dockerfile.render(lock, sizes).encode())]


class _Saved:
    """What `docker save` says."""

    def __init__(self, sender: Sender, folder: Path, at_hand: Mapping[str, Layer]) -> None:
        self._sender, self._folder, self._at_hand = sender, folder, at_hand
        self._documents: dict[str, bytes] = {}
        self._layers: dict[str, Layer] = {}
        self._index = b""

    def read(self, engine: Engine, image: Image) -> None:
        """Take all of it, and have sent what the registry lacks."""
        try:
            with tarfile.open(fileobj=Chunks(engine.save(image.id)), mode="r|", bufsize=digest.CHUNK) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isreg() else None
                    if content is not None:
                        self._take(member, content)
        except tarfile.TarError as problem:
            raise EngineError(f"what `docker save` writes can't be read: {problem}", hint="try again") from None

    def _take(self, member: tarfile.TarInfo, content: IO[bytes]) -> None:
        name = digest.PREFIX + member.name.removeprefix(_BLOBS)
        if member.name == "index.json":
            self._index = content.read()
        elif not member.name.startswith(_BLOBS):
            return
        elif name in self._at_hand:
            self._layers[name] = self._at_hand[name]
        else:
            start = content.read(digest.CHUNK)
            if start[:1] == b"{" and member.size <= _SMALL:
                self._documents[name] = start + content.read()
            else:
                self._layers[name] = self._layer(name, start, content)
                self._sender.add(self._layers[name])

    def _layer(self, name: str, start: bytes, content: IO[bytes]) -> Layer:
        if start.startswith((_GZIP, _ZSTD)):
            return self._as_it_is(name, start, content)
        with Packing(self._folder) as packing:
            for chunk in _from(start, content):
                packing.write(chunk)
        layer = packing.layer(PLATFORM)
        _check(name, layer.diff_id)
        return layer

    def _as_it_is(self, name: str, start: bytes, content: IO[bytes]) -> Layer:
        """One that the engine has compressed, as it came from a registry."""
        hasher, size = hashlib.sha256(), 0
        with disk_errors(self._folder), tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            for chunk in _from(start, content):
                hasher.update(chunk)
                size += len(chunk)
                file.write(chunk)
        _check(name, digest.PREFIX + hasher.hexdigest())
        kind = LAYER if start.startswith(_GZIP) else ZSTD
        return Layer(role=PLATFORM, diff_id="", digest=name, size=size, media_type=kind, path=Path(file.name))

    def image(self, image: Image) -> tuple[bytes, bytes, tuple[Layer, ...]]:
        """Configuration, manifest and layers; raises EngineError when `docker save` is too old for it."""
        try:
            manifest = self._documents[json.loads(self._index)["manifests"][0]["digest"]]
            said = json.loads(manifest)
            config = self._documents[said["config"]["digest"]]
            layers = [self._layers[layer["digest"]] for layer in said["layers"]]
        except (ValueError, LookupError, TypeError):
            raise EngineError(
                "this Docker engine is too old for `snap push`: its `docker save` writes no OCI layout",
                hint="use Docker 25 or newer for it",
            ) from None
        diff_ids = parsed(config, Configuration, where=f"the configuration of `{image.reference}`").rootfs.diff_ids
        named = [_named(layer, diff_id) for layer, diff_id in zip(layers, diff_ids, strict=True)]
        return config, manifest, tuple(named)


def _named(layer: Layer, diff_id: str) -> Layer:
    if layer.diff_id not in ("", diff_id):
        raise IntegrityError(
            f"a layer of the engine has {layer.diff_id} instead of {diff_id}", hint="see `docker info`"
        )
    return msgspec.structs.replace(layer, diff_id=diff_id)


def _from(start: bytes, content: IO[bytes]) -> Iterator[bytes]:
    while start:
        yield start
        start = content.read(digest.CHUNK)


def _check(name: str, got: str) -> None:
    if name != got:
        raise IntegrityError(f"the engine gave {got} for its layer {name}", hint="look at the engine's disk")
