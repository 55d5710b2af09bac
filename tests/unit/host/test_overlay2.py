"""Layers put together again of what an overlay2 engine keeps of them."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from snapshot import digest
from snapshot.host import overlay2

FIRST, SECOND = b"\0head of small" + b"small" + b"\0\0", b"head" + b"x" * 3_000_000 + b"tail"


def keep(root: Path, chain: str, cache: str, lines: list[dict[str, object]], files: dict[str, bytes]) -> None:
    layer = root / "image/overlay2/layerdb/sha256" / digest.hex_of(chain)
    layer.mkdir(parents=True)
    (layer / "cache-id").write_text(f"{cache}\n")
    (layer / "tar-split.json.gz").write_bytes(
        gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
    )
    for name, data in files.items():
        path = root / "overlay2" / cache / "diff" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def rest(data: bytes) -> dict[str, object]:
    return {"type": 2, "payload": base64.b64encode(data).decode(), "position": 0}


def file(name: str, size: int) -> dict[str, object]:
    return {"type": 1, "name": name, "size": size, "payload": "AAAAAAAAAAA=" if size else None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    one, two = digest.of_bytes(FIRST), digest.of_bytes(SECOND)
    small = [rest(b"\0head of small"), file("etc/small", 5), file("etc/empty", 0), rest(b"\0\0"), rest(b"")]
    keep(tmp_path, one, "aaa", small, {"etc/small": b"small"})
    chain = digest.of_bytes(f"{one} {two}".encode())
    keep(tmp_path, chain, "bbb", [rest(b"head"), file("large", 3_000_000), rest(b"tail")], {"large": b"x" * 3_000_000})
    return tmp_path


def tars(root: Path) -> list[bytes]:
    return [b"".join(chunks) for chunks in overlay2.tars(root, [digest.of_bytes(FIRST), digest.of_bytes(SECOND)])]


def test_layers_come_out_whole(root: Path) -> None:
    assert tars(root) == [FIRST, SECOND]


def test_what_is_there_no_more(root: Path) -> None:
    (root / "overlay2/aaa/diff/etc/small").unlink()
    with pytest.raises(OSError, match="small"):
        tars(root)


def test_a_file_that_became_shorter_or_a_link(root: Path) -> None:
    (root / "overlay2/bbb/diff/large").write_bytes(b"x")
    with pytest.raises(ValueError, match="shorter"):
        tars(root)
    (root / "overlay2/bbb/diff/large").unlink()
    (root / "overlay2/bbb/diff/large").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="large"):
        tars(root)


def test_lines_that_are_none(root: Path) -> None:
    for path in root.rglob("tar-split.json.gz"):
        path.write_bytes(gzip.compress(b"?"))
    with pytest.raises(ValueError, match="JSON"):
        tars(root)


def test_the_configuration_must_be_that_of_the_id(tmp_path: Path) -> None:
    folder = tmp_path / "image/overlay2/imagedb/content/sha256"
    folder.mkdir(parents=True)
    image = digest.of_bytes(b"{}")
    assert overlay2.config(tmp_path, image) is None
    (folder / digest.hex_of(image)).write_bytes(b"{}")
    assert overlay2.config(tmp_path, image) == b"{}"
    (folder / digest.hex_of(image)).write_bytes(b"[]")
    assert overlay2.config(tmp_path, image) is None
