"""The base image of an export as one file system, for bases that no registry has for everybody.

A Dockerfile's ADD takes a tar as it is: what a layer says it removes is left out here, with what it hides
(https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts).
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from snapshot.digest import CHUNK
from snapshot.document import Value
from snapshot.errors import EngineError
from snapshot.host.files import disk_errors

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_LEVEL = 1
"""Of gzip: a base is read once or twice."""
_GZIP = 31


class _Saved(Value, frozen=True):
    layers: tuple[str, ...] = msgspec.field(name="Layers")


def pack(layout: Path, target: Path) -> None:
    """Write the file system of the one image in `layout` (`share.kit.base.save`) to `target`, a `.tar.gz`.

    Equal images are equal bytes.
    """
    (saved,) = msgspec.json.decode((layout / "manifest.json").read_bytes(), type=tuple[_Saved, ...])
    layers = tuple(layout / path for path in saved.layers)
    try:
        with disk_errors(target), target.open("xb") as file:
            packed = _Gzip(file)
            if len(layers) == 1:
                _copy(layers[0], packed)
            else:
                with tarfile.open(fileobj=cast("BinaryIO", packed), mode="w|", format=tarfile.PAX_FORMAT) as merged:
                    _merge(layers, merged)
            packed.finish()
    except tarfile.ReadError:
        raise EngineError(
            "the engine's `docker save` wrote layers of a kind that can't be read here",
            hint="choose a base of a public registry",
        ) from None


class _Gzip:
    """A file that is packed as it is written, without a time."""

    def __init__(self, file: BinaryIO) -> None:
        from isal import isal_zlib

        self._file, self._packer = file, isal_zlib.compressobj(_LEVEL, wbits=_GZIP)

    def write(self, data: bytes) -> int:
        self._file.write(self._packer.compress(data))
        return len(data)

    def finish(self) -> None:
        """Write what is left."""
        self._file.write(self._packer.flush())


def _copy(layer: Path, packed: _Gzip) -> None:
    with tarfile.open(layer) as plain:
        assert plain.fileobj is not None
        plain.fileobj.seek(0)
        while chunk := plain.fileobj.read(CHUNK):
            packed.write(chunk)


def _merge(layers: tuple[Path, ...], merged: tarfile.TarFile) -> None:
    for path, names in zip(layers, tuple(_kept(layers)), strict=True):
        written: set[str] = set()
        with tarfile.open(path) as layer:
            for member in layer:
                name = _normal(member.name)
                if names.get(name) == member.offset:
                    _add(layer, member, merged, written)
                    written.add(name)


def _add(layer: tarfile.TarFile, member: tarfile.TarInfo, merged: tarfile.TarFile, written: Collection[str]) -> None:
    """Add a member; a hard link to a file that a layer above has taken away is the file itself."""
    if member.islnk() and _normal(member.linkname) not in written:
        source = layer.getmember(member.linkname)
        plain = member.replace(deep=False)
        plain.type, plain.linkname, plain.size = tarfile.REGTYPE, "", source.size
        merged.addfile(plain, layer.extractfile(source))
    else:
        merged.addfile(member, layer.extractfile(member) if member.isreg() else None)


def _kept(layers: tuple[Path, ...]) -> Iterator[dict[str, int]]:
    """Of each layer, lowest first, the names that are seen in the end, and where their last member is."""
    found: list[dict[str, int]] = []
    above: dict[str, bool] = {}
    """Names in the layers above, and whether they are folders."""
    removed: set[str] = set()
    for path in reversed(layers):
        names, folders, gone = _listed(path)
        visible = {name: at for name, at in names.items() if not _is_hidden(name, name in folders, above, removed)}
        found.append(visible)
        above |= {name: name in folders for name in visible}
        removed |= gone
    return reversed(found)


def _listed(path: Path) -> tuple[dict[str, int], set[str], set[str]]:
    """The names in a layer, those that are folders, and what it removes of those below; `NAME/` for what is in it."""
    names: dict[str, int] = {}
    folders: set[str] = set()
    gone: set[str] = set()
    with tarfile.open(path) as layer:
        for member in layer:
            name = _normal(member.name)
            folder, base = posixpath.split(name)
            if base == _OPAQUE:
                gone.add(f"{folder}/")
            elif base.startswith(_WHITEOUT):
                gone.add(posixpath.join(folder, base.removeprefix(_WHITEOUT)))
            else:
                names[name] = member.offset
                (folders.add if member.isdir() else folders.discard)(name)
    return names, folders, gone


def _is_hidden(name: str, is_folder: bool, above: dict[str, bool], removed: Collection[str]) -> bool:
    if name in removed or name in above:
        # A folder that is in both layers has the upper one's owner and mode.
        return True
    parent = posixpath.dirname(name)
    while True:
        if f"{parent}/" in removed or parent in removed or above.get(parent) is False:
            return True
        if not parent:
            return False
        parent = posixpath.dirname(parent)


def _normal(name: str) -> str:
    return posixpath.normpath(name).removeprefix("./").strip("/")
