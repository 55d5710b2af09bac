"""Small files that a process hashes, and what it leaves to a closer look."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from snapshot.record.data.apart import Apart
from snapshot.record.data.hashing import Hasher, Odd
from snapshot.record.data.walk import Stat, stat_of
from snapshot.record.data.worker import BUFFER


@pytest.fixture
def apart() -> Iterator[Apart]:
    made = Apart(10)
    yield made
    made.close()


def write(path: Path, content: bytes) -> Stat:
    path.write_bytes(content)
    return stat_of(os.fsencode(path.name), path.stat())


def folder(path: Path) -> bytes:
    return os.path.join(os.fsencode(path), b"")


def test_what_is_as_it_was_seen_is_hashed(tmp_path: Path, apart: Apart) -> None:
    contents = [b"", b"x", os.urandom(BUFFER - 1)]
    stats = [write(tmp_path / f"{n}\n\xff", content) for n, content in enumerate(contents)]
    assert apart.ask(folder(tmp_path), stats) == [hashlib.sha256(content).digest() for content in contents]
    assert apart.ask(folder(tmp_path), stats[1:2]) == [hashlib.sha256(b"x").digest()]


def test_everything_else_is_not(tmp_path: Path, apart: Apart) -> None:
    large, changed, gone = (write(tmp_path / name, bytes(BUFFER)) for name in ("large", "changed", "gone"))
    link, pipe = write(tmp_path / "link", b"x"), write(tmp_path / "pipe", b"x")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("large")
    (tmp_path / "pipe").unlink()
    os.mkfifo(tmp_path / "pipe")
    other = [
        msgspec.structs.replace(write(tmp_path / "small", b"x"), **{part: 1}) for part in ("mtime", "ctime", "inode")
    ]
    assert apart.ask(folder(tmp_path), [large, changed, gone, link, pipe, *other]) == [None] * 8


def test_one_that_is_killed_or_can_not_start_leaves_all_to_others(
    tmp_path: Path, apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    stats = [write(tmp_path / "a", b"a")]
    assert apart.ask(folder(tmp_path), stats) != [None]
    (pid,) = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "worker.py"], capture_output=True).stdout.split()
    os.kill(int(pid), signal.SIGKILL)
    assert apart.ask(folder(tmp_path), stats) == [None] == apart.ask(folder(tmp_path), stats)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert Apart(0).ask(folder(tmp_path), stats) == [None]


def test_many_small_files_come_back_in_their_order_with_what_became_of_them(tmp_path: Path) -> None:
    stats = [write(tmp_path / f"{n:04}", str(n).encode()) for n in range(2000)]
    (tmp_path / "1500").write_text("another")
    (tmp_path / "1900").unlink()
    hasher = Hasher()
    try:
        batches = [
            future for at in range(0, 2000, 100) for future in hasher.submit(folder(tmp_path), stats[at : at + 100])
        ]
        found = [outcome for future in batches for outcome in future.result().outcomes]
    finally:
        hasher.close()
    now = stat_of(b"1500", (tmp_path / "1500").stat())
    assert found[1500] == Odd(now, hashlib.sha256(b"another").digest()) and found[1900] == Odd()
    right = [hashlib.sha256(str(n).encode()).digest() for n in range(2000)]
    assert [n for n in range(2000) if found[n] != right[n]] == [1500, 1900]
    left = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "worker.py"], capture_output=True)
    assert left.stdout == b""
