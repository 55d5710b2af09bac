"""The platform of a run as the engine has it: its layers, compressed once while `docker save` brings them."""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec

from snapshot import digest
from snapshot.errors import BuildError, EngineError, IntegrityError
from snapshot.host import overlay2
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
    if there is not None and known.is_there(registry, there):
        return there.platform
    image = engine.image(run.platform.image) or engine.image(run.platform.reference)
    if image is None:
        raise BuildError(
            f"the engine does not have the image that the run had, `{run.platform.reference}`",
            hint=f"make it with `snap build --run {run.id}`",
        )
    taken = _Taken(sender, folder, _at_hand(cache, image, registry))
    config, manifest, layers = taken.directly(engine, image) or taken.saved(engine, image)
    deciding = _deciding(run, config, manifest, there.platform if there else None)
    documents = [Entry(path=CONFIG, source=config), *([Entry(path=MANIFEST, source=deciding)] if deciding else [])]
    last = pack([*documents, *_dockerfile(lock, cache)], IDENTITY, folder, lock.source_date_epoch)
    sender.add(last)
    return Platform(config=config, manifest=deciding, layers=(*layers, last))


def _at_hand(cache: Path, image: Image, registry: Registry) -> dict[str, Layer]:
    """Layers of `image` that the registry has, by the name that `docker save` gives them: that of the tar, or of the
    blob where the engine has it compressed."""
    there = known.at_hand(registry, cache, image.layers)
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
        hint=f"`snap pull` it once more, or see `snap build --run {run.id}`",
    )


def _dockerfile(lock: Lock, cache: Path) -> list[Entry]:
    """What the image was built with, unless a wheel whose size decides its layer is in the cache no more."""
    try:
        sizes = {p.wheel.name: files.cache_path(cache, p.wheel).stat().st_size for p in lock.packages}
    except OSError:
        return []
    return [Entry(path=DOCKERFILE, source=dockerfile.render(lock, sizes).encode())]


class _Taken:
    """The layers of an image on their way out of the engine; what the registry lacks is sent as soon as it is there."""

    def __init__(self, sender: Sender, folder: Path, at_hand: Mapping[str, Layer]) -> None:
        self._sender, self._folder = sender, folder
        self._documents: dict[str, bytes] = {}
        self._layers = dict(at_hand)
        self._index = b""

    def directly(self, engine: Engine, image: Image) -> tuple[bytes, bytes, tuple[Layer, ...]] | None:
        """Configuration, an empty manifest, and layers, of an engine whose files can be read here; else None."""
        info = engine.info()
        if info.get("Driver") != "overlay2":
            return None
        root = Path(str(info.get("DockerRootDir")))
        config = overlay2.config(root, image.id)
        if config is None:
            return None
        try:
            for diff_id, chunks in zip(image.layers, overlay2.tars(root, image.layers), strict=True):
                if diff_id not in self._layers:
                    self._add(diff_id, self._packed(diff_id, chunks))
        except (OSError, ValueError, IntegrityError):
            # What is right so far is kept.
            return None
        return config, b"", tuple(self._layers[diff_id] for diff_id in image.layers)

    def saved(self, engine: Engine, image: Image) -> tuple[bytes, bytes, tuple[Layer, ...]]:
        """Configuration, manifest and layers out of `docker save`."""
        try:
            with tarfile.open(fileobj=Chunks(engine.save(image.id)), mode="r|", bufsize=digest.CHUNK) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isreg() else None
                    if content is not None:
                        self._take(member, content)
        except tarfile.TarError as problem:
            raise EngineError(f"what `docker save` writes can't be read: {problem}", hint="try again") from None
        return self._image(image)

    def _add(self, name: str, layer: Layer) -> None:
        self._layers[name] = layer
        self._sender.add(layer)

    def _take(self, member: tarfile.TarInfo, content: IO[bytes]) -> None:
        name = digest.PREFIX + member.name.removeprefix(_BLOBS)
        if member.name == "index.json":
            self._index = content.read()
        elif not member.name.startswith(_BLOBS):
            return
        elif name not in self._layers:
            start = content.read(digest.CHUNK)
            if start[:1] == b"{" and member.size <= _SMALL:
                self._documents[name] = start + content.read()
            elif start.startswith((_GZIP, _ZSTD)):
                self._add(name, self._as_it_is(name, start, content))
            else:
                self._add(name, self._packed(name, _from(start, content)))

    def _packed(self, name: str, chunks: Iterable[bytes]) -> Layer:
        with Packing(self._folder) as packing:
            for chunk in chunks:
                packing.write(chunk)
            packing.check(name)
        return packing.layer(PLATFORM)

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

    def _image(self, image: Image) -> tuple[bytes, bytes, tuple[Layer, ...]]:
        """What was saved, put together; raises EngineError when `docker save` is too old for it."""
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
