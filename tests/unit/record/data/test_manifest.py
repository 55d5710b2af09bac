from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.errors import HostError, StoreError
from snapshot.record.data import manifest
from snapshot.record.data.manifest import Entry
from snapshot.record.document import Edit

HEX = b"0" * 64


def written(store: Path, *entries: tuple[bytes, int, bytes], method: str = "content") -> str:
    with manifest.Writer(store, method) as writer:
        for entry in entries:
            writer.add(manifest.line(*entry))
        return writer.finish()


def test_the_bytes_are_those_that_are_documented_and_name_the_file(tmp_path):
    digest = written(tmp_path, (HEX, 3, b"a b\n\xff"), (manifest.LINK + HEX, 1, b"l"), (manifest.UNREADABLE, 2, b"u"))
    expected = b"snap.data/1\n" + HEX + b" 3 a b\n\xff\0link:" + HEX + b" 1 l\0unreadable 2 u\0"
    (file,) = (tmp_path / "data").iterdir()
    assert gzip.decompress(file.read_bytes()) == expected
    assert digest == f"sha256:{hashlib.sha256(expected).hexdigest()}" == f"sha256:{file.name.removesuffix('.gz')}"
    assert list(manifest.read(tmp_path, digest)) == [
        Entry("\0a b\n\xff", 3, HEX.decode(), "file"),
        Entry("l", 1, HEX.decode(), "link"),
        Entry("u", 2, "", "unreadable"),
    ]
    assert manifest.listed(tmp_path) == [digest]
    assert manifest.size(tmp_path, digest) == file.stat().st_size
    assert manifest.verify(tmp_path, digest) == ()


def test_the_same_files_are_the_same_bytes_and_another_method_is_another_digest(tmp_path):
    digests = [written(tmp_path / str(n), (HEX, 1, b"x"), method=how) for n, how in enumerate(manifest.METHODS)]
    assert len(set(digests)) == 3
    again = written(tmp_path / "again", (HEX, 1, b"x"))
    assert again == digests[0]
    assert manifest.path(tmp_path / "again", again).read_bytes() == manifest.path(tmp_path / "0", again).read_bytes()


def test_one_that_is_not_finished_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), manifest.Writer(tmp_path) as writer:
        writer.add(manifest.line(HEX, 1, b"x"))
        raise KeyError
    assert list((tmp_path / "data").iterdir()) == []


files = st.dictionaries(st.binary(min_size=1, max_size=3).filter(lambda b: b"\0" not in b), st.integers(0, 2))


@given(old=files, new=files)
def test_diff_is_what_two_dicts_differ_in(tmp_path_factory, old, new):
    store = tmp_path_factory.mktemp("store")
    first, second = (written(store, *((HEX, size, p) for p, size in sorted(d.items()))) for d in (old, new))
    told = {edit.path: edit.change for edit in manifest.diff(store, first, second)}
    paths = {p: manifest.to_text(manifest.os.fsdecode(p)) for p in {*old, *new}}
    assert told == {
        **{paths[p]: "added" for p in new.keys() - old.keys()},
        **{paths[p]: "removed" for p in old.keys() - new.keys()},
        **{paths[p]: "changed" for p in old.keys() & new.keys() if old[p] != new[p]},
    }


def test_edits_come_in_the_order_of_bytes(tmp_path):
    old, new = written(tmp_path, (HEX, 1, b"b")), written(tmp_path, (HEX, 1, b"a"), (HEX, 1, b"c"))
    assert list(manifest.diff(tmp_path, old, new)) == [
        Edit(path="a", change="added"), Edit(path="b", change="removed"), Edit(path="c", change="added"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"garbage" + data,
        lambda data: gzip.compress(b"snap.data/1\nno entry\0"),
        lambda data: gzip.compress(b"snap.data/1\n" + HEX + b" 1 not ended"),
        lambda data: gzip.compress(b"snap.data/1\n" + bytes([120]) * 1_000_000),
        lambda data: gzip.compress(b"something else\n"),
    ],
)
def test_one_that_is_damaged_is_told_of(tmp_path, damage):
    digest = written(tmp_path, *((HEX, n, b"%05d" % n) for n in range(1000)))
    place = manifest.path(tmp_path, digest)
    place.write_bytes(damage(place.read_bytes()))
    with pytest.raises(StoreError, match="damaged"):
        list(manifest.read(tmp_path, digest))
    assert len(manifest.verify(tmp_path, digest)) == 1


def test_a_bit_that_turned_is_told_of(tmp_path):
    digest = written(tmp_path, (HEX, 1, b"x"))
    manifest.path(tmp_path, digest).write_bytes(gzip.compress(b"snap.data/1\n" + HEX + b" 2 x\0"))
    assert manifest.verify(tmp_path, digest) == (
        f"`.snap/data/{digest.removeprefix('sha256:')}.gz` is not what its name says",
    )


def test_one_of_a_newer_version_says_to_upgrade(tmp_path):
    digest = written(tmp_path, (HEX, 1, b"x"))
    manifest.path(tmp_path, digest).write_bytes(gzip.compress(b"snap.data/2\nx"))
    with pytest.raises(StoreError, match="newer") as told:
        list(manifest.read(tmp_path, digest))
    assert "pip install" in str(told.value.hint)


def test_one_that_is_not_there_is_told_of(tmp_path):
    with pytest.raises(StoreError, match="not there"):
        list(manifest.read(tmp_path, "sha256:" + "1" * 64))
    assert manifest.listed(tmp_path) == []


def test_a_folder_that_can_not_be_written_is_a_host_error(as_nobody):
    as_nobody.path.chmod(0o500)
    with pytest.raises(HostError, match="no permission"):
        written(as_nobody.path)
