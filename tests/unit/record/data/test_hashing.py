from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from snapshot.record.data.hashing import Batch, Hasher, Odd, Outcome, StoppedError
from snapshot.record.data.walk import Stat, stat_of


def seen(path: Path) -> Stat:
    return stat_of(os.fsencode(path.name), path.stat())


def hashed(folder: Path, *stats: Stat, hasher: Hasher | None = None) -> list[Outcome]:
    hasher = hasher or Hasher()
    try:
        batches: list[Batch] = [f.result() for f in hasher.submit(os.path.join(os.fsencode(folder), b""), stats)]
    finally:
        hasher.close()
    return [outcome for batch in batches for outcome in batch.outcomes]


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 33 << 20])
def test_files_of_any_size(tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "x").write_bytes(content)
    assert hashed(tmp_path, seen(tmp_path / "x")) == [sha256(content)]


def test_many_files_come_back_in_their_order(tmp_path):
    stats = []
    for number in range(500):
        (tmp_path / f"{number}").write_text(str(number))
        stats.append(seen(tmp_path / f"{number}"))
    assert hashed(tmp_path, *stats) == [sha256(str(number).encode()) for number in range(500)]


@pytest.mark.parametrize("size", [10, 33 << 20])
def test_a_file_that_grew_or_shrank_is_hashed_as_it_is_now(tmp_path, size):
    place = tmp_path / "x"
    place.write_bytes(bytes(size))
    before = seen(place)
    for content in (bytes(size + 5_000_000), bytes(size // 2)):
        place.write_bytes(content)
        assert hashed(tmp_path, before) == [Odd(seen(place), sha256(content))]


@pytest.mark.parametrize("other", ["nothing", "link", "fifo", "folder"])
def test_a_file_that_is_one_no_more(tmp_path, other):
    place = tmp_path / "x"
    place.write_text("x")
    before = seen(place)
    place.unlink()
    {
        "nothing": lambda: None,
        "link": lambda: place.symlink_to("/etc/passwd"),
        "fifo": lambda: os.mkfifo(place),
        "folder": place.mkdir,
    }[other]()
    assert hashed(tmp_path, before) == [Odd()]


def test_a_file_that_keeps_changing_is_told_of(tmp_path, monkeypatch):
    place = tmp_path / "x"
    place.write_text("x")
    before, real = seen(place), os.readv

    def read(descriptor, buffers):
        with place.open("a") as file:
            file.write("more")
        return real(descriptor, buffers)

    monkeypatch.setattr(os, "readv", read)
    (found,) = hashed(tmp_path, before)
    assert isinstance(found, Odd)
    assert (found.sha256, found.problem) == (None, "kept changing while it was read")


@pytest.mark.parametrize("size", [10, 33 << 20])
def test_a_disk_that_fails_is_told_of(tmp_path, monkeypatch, size):
    place = tmp_path / "x"
    place.write_bytes(bytes(size))

    def fail(descriptor, buffers):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "readv", fail)
    assert hashed(tmp_path, seen(place)) == [Odd(seen(place), problem="input/output error")]


def test_files_that_can_not_be_read_are_told_of(as_nobody):
    place = as_nobody.write("closed")
    place.chmod(0)
    assert hashed(as_nobody.path, seen(place)) == [Odd(seen(place), problem="permission denied")]


def test_it_stops_within_a_file(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        file.truncate(1 << 40)
    asked = iter([False, False])
    with pytest.raises(StoppedError):
        hashed(tmp_path, seen(tmp_path / "x"), hasher=Hasher(stopped=lambda: next(asked, True)))
