"""Where kits are written to: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.errors import HostError, IntegrityError, UsageError
from snapshot.share.entry import Entry
from snapshot.share.kit import target
from tests.unit.share import kits


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit.tar").symlink_to("nowhere")
    for name, said in (("kit", "already"), ("kit.tar", "already"), ("kit.zip", "neither"), ("no/kit", "not there")):
        with pytest.raises(UsageError, match=said):
            target.check(tmp_path / name)
    target.check(tmp_path / "other.tar")


@pytest.mark.parametrize("name", ["kit", "kit.tar"])
def test_nothing_is_there_when_something_is_not_what_it_must_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"other")
    entries = [Entry(path="a", source=b"a"), Entry(path="b", source=tmp_path / "file", sha256="0" * 64)]
    with pytest.raises(IntegrityError, match="is not what it was"):
        kits.write(entries, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["kit", "kit.tar"])
def test_a_full_disk(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostError, match="no space left"):
        kits.write([Entry(path="a", source=b"a"), Entry(path="b", source=_Full(tmp_path / "file"))], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["kit", "kit.tar"])
def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path: Path, name: str) -> None:
    left = tmp_path / f".{name}.partial" / "abc"
    left.mkdir(parents=True)
    (left / "tar").write_bytes(b"half")
    kits.write([Entry(path="a", source=b"a")], tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_grows_while_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="was written to while it was read"):
        kits.write([Entry(path="b", source=_Growing(tmp_path / "file"))], tmp_path / "kit.tar")


class _Full(type(Path())):  # type: ignore[misc]
    """A file on a disk that has no room."""

    def open(self, *_, **__):
        import errno
        import os

        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def stat(self, **_):
        return Path("/dev/null").stat()


class _Growing(type(Path())):  # type: ignore[misc]
    """A file that somebody appends to between looking at its size and reading it."""

    def open(self, *_, **__):
        import io

        return io.BytesIO(b"more than nothing")

    def stat(self, **_):
        return Path("/dev/null").stat()
