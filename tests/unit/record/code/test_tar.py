"""Hand-written tar headers, read by others."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.record.code import tar

PART = st.binary(min_size=1, max_size=60).filter(lambda part: not set(part) & {0, 47} and part not in (b".", b".."))
NAME = st.lists(PART, min_size=1, max_size=5).map(b"/".join)


def packed(files: list[tuple[bytes, bytes, bool]]) -> bytes:
    parts = [tar.header(n, len(d), executable=x) + d + tar.padding(len(d)) for n, d, x in files]
    return b"".join(parts) + tar.END


@given(st.lists(st.tuples(NAME, st.binary(max_size=1200), st.booleans()), max_size=4))
def test_tarfile_reads_names_contents_and_modes(files: list[tuple[bytes, bytes, bool]]) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(files)), mode="r:", errors="surrogateescape") as archive:
        members = archive.getmembers()
        found = [(os.fsencode(m.name), archive.extractfile(m).read(), m.mode == 0o755) for m in members]  # type: ignore[union-attr]
    assert found == files
    assert {(m.mtime, m.uid, m.gid, m.uname, m.isreg()) for m in members} <= {(0, 0, 0, "", True)}


NAMES = [
    b"plain.py",
    b"x" * 100,
    b"y" * 101,
    b"deep/" * 40 + b"end",
    "ü/é.py".encode(),
    b"caf\xe9",
    b"a b",
    b"-rf",
    b"two\nlines",
]


def test_gnu_tar_unpacks_it(tmp_path: Path) -> None:
    files = [(name, b"content of " + name, name == b"-rf") for name in NAMES]
    (tmp_path / "x.tar").write_bytes(packed(files))
    done = subprocess.run(["tar", "xf", "x.tar"], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    for name, content, executable in files:
        place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        assert place.read_bytes() == content
        assert bool(place.stat().st_mode & 0o100) == executable


def test_gnu_tar_lists_it(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(packed([(b"a/b.py", b"1", False), (b"c" * 150, b"", True)]))
    done = subprocess.run(["tar", "tf", "x.tar"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["a/b.py", "c" * 150]


@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 50 << 30])
def test_sizes_that_the_header_can_not_say(size: int) -> None:
    member = tarfile.TarInfo.fromtarfile(_archive(tar.header(b"big", size)))
    assert (member.name, member.size) == ("big", size)


def _archive(data: bytes) -> tarfile.TarFile:
    archive = tarfile.open(fileobj=io.BytesIO(tar.END), mode="r:")  # noqa: SIM115
    archive.fileobj = io.BytesIO(data)  # type: ignore[assignment]
    archive.offset = 0
    return archive
