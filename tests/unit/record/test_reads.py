"""The file of what a run was seen to open."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from snapshot.errors import StoreError
from snapshot.record import reads
from snapshot.record.reads import ReadsFile

READS = ReadsFile(processes=1, project=("a.py",), data=("\0caf\xe9",), modules=("numpy",), complete=False)


def test_what_is_written_is_read_and_gzip_reads_it_too(tmp_path: Path):
    reads.write(tmp_path, READS)
    assert reads.read(tmp_path) == READS
    assert b'"project": [\n    "a.py"\n  ]' in gzip.decompress((tmp_path / reads.NAME).read_bytes())


def test_equal_values_are_equal_bytes(tmp_path: Path):
    reads.write(tmp_path, READS)
    first = (tmp_path / reads.NAME).read_bytes()
    reads.write(tmp_path, READS)
    assert (tmp_path / reads.NAME).read_bytes() == first


def damaged(whole: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "no gzip": b"{}",
        "cut short": whole[:-9],
        "longer": whole + b"x",
        "changed": whole[:-8] + b"12345678",
        "no JSON": gzip.compress(b"{"),
        "another document": gzip.compress(b'{"schema": "snap.run/1"}'),
        "a number": gzip.compress(b"1"),
    }


@pytest.mark.parametrize("how", damaged(b""))
def test_a_damaged_file_is_named(tmp_path: Path, how: str):
    reads.write(tmp_path, READS)
    file = tmp_path / reads.NAME
    file.write_bytes(damaged(file.read_bytes())[how])
    with pytest.raises(StoreError, match=r"reads\.json\.gz"):
        reads.read(tmp_path)


def test_a_newer_one_says_what_to_do(tmp_path: Path):
    (tmp_path / reads.NAME).write_bytes(gzip.compress(b'{"schema": "snap.reads/2", "processes": 1}'))
    with pytest.raises(StoreError) as raised:
        reads.read(tmp_path)
    assert "snap.reads/2" in raised.value.message
    assert raised.value.hint == "upgrade with `pip install --upgrade snapshot-ml`"
