"""The file system of a base: its layers one over the other, without what they remove."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from snapshot.errors import EngineError
from snapshot.share.export.base import pack

Member = tuple[str, bytes | str | None]
"""A name, and bytes of a file, None of a folder, or `=NAME` of a hard link."""


def layer(path: Path, *members: Member, packed: bool = False) -> Path:
    with tarfile.open(path, "w:gz" if packed else "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.LNKTYPE, content.removeprefix("=")
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return path


def packed(folder: Path, *layers: Path) -> dict[str, bytes | None]:
    (folder / "manifest.json").write_text(json.dumps([{"Layers": [path.name for path in layers]}]))
    pack(folder, folder / "rootfs.tar.gz")
    with tarfile.open(folder / "rootfs.tar.gz") as archive:
        found = {}
        for member in archive:
            file = archive.extractfile(member)
            found[member.name] = file.read() if file else None
        return found


def test_one_layer_is_taken_as_it_is(tmp_path: Path) -> None:
    only = layer(tmp_path / "a", ("etc", None), ("etc/os", b"12"), packed=True)
    packed(tmp_path, only)
    assert gzip.decompress((tmp_path / "rootfs.tar.gz").read_bytes()) == gzip.decompress(only.read_bytes())


def test_upper_layers_hide_and_remove(tmp_path: Path) -> None:
    below = layer(
        tmp_path / "a",
        *(("a", None), ("a/kept", b"1"), ("a/gone", b"2"), ("a/changed", b"3")),
        *(("b", None), ("b/old", b"4"), ("c", None), ("c/x", b"5"), ("d", None), ("d/y", b"6")),
    )
    above = layer(
        tmp_path / "b",
        *(("a/.wh.gone", b""), ("a/changed", b"new"), ("b/.wh..wh..opq", b""), ("b/new", b"7")),
        *((".wh.c", b""), ("d", b"a file now")),
    )
    found = packed(tmp_path, below, above)
    assert {name: content for name, content in found.items() if content is not None} == {
        "a/kept": b"1",
        "a/changed": b"new",
        "b/new": b"7",
        "d": b"a file now",
    }
    assert "c" not in found


def test_hard_links_lead_to_what_they_are(tmp_path: Path) -> None:
    below = layer(tmp_path / "a", ("one", b"content"), ("two", "=one"), ("three", "=one"))
    assert packed(tmp_path, below, layer(tmp_path / "b", ("x", b""))) == {
        "one": b"content", "two": b"content", "three": b"content", "x": b"",
    }  # fmt: skip
    (tmp_path / "rootfs.tar.gz").unlink()
    found = packed(tmp_path, below, layer(tmp_path / "b", (".wh.one", b"")))
    assert found == {"two": b"content", "three": b"content"}


def test_equal_images_are_equal_bytes(tmp_path: Path) -> None:
    layers = layer(tmp_path / "a", ("one", b"1")), layer(tmp_path / "b", ("two", b"2"))
    packed(tmp_path, *layers)
    first = (tmp_path / "rootfs.tar.gz").read_bytes()
    (tmp_path / "rootfs.tar.gz").unlink()
    packed(tmp_path, *layers)
    assert (tmp_path / "rootfs.tar.gz").read_bytes() == first


def test_layers_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x28\xb5\x2f\xfd zstd")
    with pytest.raises(EngineError, match="can't be read"):
        packed(tmp_path, tmp_path / "a")
