"""An archive in a registry, opened: its parts are fetched when they are asked for, and each is checked."""

from __future__ import annotations

import shutil
from pathlib import Path

from snapshot.errors import HostError, IntegrityError, NetworkError, UsageError
from snapshot.host.registry import Reference, Registry, parse
from snapshot.share.oci import document
from snapshot.share.oci.contents import Contents
from snapshot.share.oci.document import LAYER, Configuration, Descriptor, Manifest
from snapshot.share.oci.layer import unpack
from snapshot.share.progress import Progress

_LARGEST = 4 << 20
"""Bytes of a configuration."""
_RECORD = 1 << 36
"""Bytes of the record's layer, whose largest part is the log."""
_ROOM = 64 << 20
"""Bytes that are left free on the disk."""


class Archive:
    """The image of one run."""

    def __init__(self, reference: str, folder: Path, progress: Progress) -> None:
        self.reference = _named(parse(reference))
        self.registry = Registry(self.reference)
        self._folder, self._progress = folder, progress
        self._done, self._total = 0, 0
        self.digest, self.manifest, self.diff_ids = self._opened()

    def _opened(self) -> tuple[str, Manifest, tuple[str, ...]]:
        text = self.reference.text
        found = self.registry.get_manifest(self.reference.digest or str(self.reference.tag))
        if found is None:
            raise NetworkError(f"there is no `{text}`", hint=f"`snap ls {self.reference.name}` lists what is there")
        manifest = document.archive(found.data, where=text)
        config = self.registry.read_blob(manifest.config.digest, manifest.config.size, _LARGEST)
        where = f"the configuration of `{text}`"
        diff_ids = document.parsed(config, Configuration, where=where).rootfs.diff_ids
        if len(diff_ids) != len(manifest.layers):
            raise IntegrityError(f"{where} has other layers than its manifest", hint="don't use it")
        return found.digest, manifest, diff_ids

    @property
    def origin(self) -> str:
        """What it is called for good."""
        tag = f":{self.reference.tag}" if self.reference.tag else ""
        return f"{self.reference.name}{tag}@{self.digest}"

    def open(self, contents: Contents, role: str, most: int | None = None) -> None:
        """Add what is in the layers for `role` to `contents`; they may have `most` bytes."""
        for layer, diff_id in self.layers(role):
            tar = self.unpacked(layer, diff_id, _RECORD if most is None else most)
            contents.add(tar)

    def layers(self, role: str) -> list[tuple[Descriptor, str]]:
        """The layers for `role`, each with the digest of its tar."""
        pairs = zip(self.manifest.layers, self.diff_ids, strict=True)
        return [(layer, diff_id) for layer, diff_id in pairs if layer.role == role]

    def blob(self, layer: Descriptor) -> Path:
        """The layer as it is in the registry, in a file."""
        _check_room(self._folder, layer.size)
        path = self._folder / layer.digest.removeprefix("sha256:")
        self.registry.get_blob(layer.digest, layer.size, path, self._advance)
        return path

    def unpacked(self, layer: Descriptor, diff_id: str, most: int) -> Path:
        """The tar of the layer, which has no more than `most` bytes, in a file."""
        size = layer.unpacked
        if layer.media_type != LAYER or size is None or size > most:
            raise IntegrityError(f"the layer `{layer.digest}` is larger than it can be", hint="don't use it")
        _check_room(self._folder, layer.size + size)
        blob, tar = self.blob(layer), self._folder / f"{diff_id.removeprefix('sha256:')[:64]}.tar"
        try:
            unpack(blob, tar, diff_id, size)
        finally:
            blob.unlink()
        return tar

    def expect(self, *roles: str) -> None:
        """Say that the layers for these are fetched next, so that it can be told how much is left."""
        self._total += sum(layer.size for layer in self.manifest.layers if layer.role in roles)

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress.moved(self._done, max(self._done, self._total))


def _named(reference: Reference) -> Reference:
    if not reference.tag and not reference.digest:
        raise UsageError(
            f"`{reference.text}` names no tag", hint=f"`snap ls {reference.name}` lists the runs that are there"
        )
    return reference


def _check_room(folder: Path, size: int) -> None:
    """Raise HostError before a disk is filled."""
    if shutil.disk_usage(folder).free < size + _ROOM:
        raise HostError(
            f"no space left on the disk of `{folder}`: {size} bytes are needed",
            hint="free some, for instance with `snap gc`, or set `XDG_CACHE_HOME` to a folder on another disk",
        )
