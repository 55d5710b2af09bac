from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec
import pytest

from snapshot.document import decode_json, encode_json
from snapshot.record.data import walk
from snapshot.record.data.walk import Summary, look


def test_nothing_changed_is_the_same_fingerprint_and_every_change_another(data):
    first = look(data.path)
    assert (first.files, first.bytes, first.is_file) == (4, 8, False)
    assert look(data.path).fingerprint == first.fingerprint
    seen = {first.fingerprint}
    for act in (
        lambda: data.write("new"),
        lambda: (data.path / "a").rename(data.path / "z"),
        lambda: os.utime(data.path / "c", ns=(0, 0)),
        lambda: (data.path / "b/1").unlink(),
        lambda: (data.path / "link").symlink_to("z"),
    ):
        act()
        seen.add(look(data.path).fingerprint)
    assert len(seen) == 6


def test_a_link_to_data_is_followed_and_links_in_data_are_not(data, tmp_path):
    (data.path / "out").symlink_to("/usr")
    (tmp_path / "link").symlink_to("data")
    found = look(tmp_path / "link")
    assert (found.root, found.files, found.bytes) == (str(data.path), 5, 8 + len("/usr"))


def test_what_is_no_data_is_left_out_or_told_of(data, monkeypatch):
    for name in (".git", ".hg", ".svn", ".snap", "b/.git"):
        (data.path / name).mkdir()
        data.write(f"{name}/inside")
    os.mkfifo(data.path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(data.path)  # a socket's name is short
        server.bind("socket")
    found = look(data.path)
    assert found.files == 4
    assert sorted(found.problems) == ["`pipe` is a FIFO and no data", "`socket` is a socket and no data"]


@pytest.mark.parametrize("there", ["nothing", "fifo", "loop"])
def test_what_can_not_be_data_has_no_fingerprint_and_says_why(tmp_path, there):
    place = tmp_path / "x"
    {"nothing": lambda: None, "fifo": lambda: os.mkfifo(place), "loop": lambda: place.symlink_to("x")}[there]()
    found = look(place)
    assert (found.fingerprint, found.files) == ("", 0)
    assert len(found.problems) == 1


def test_folders_that_can_not_be_listed_are_told_of(as_nobody):
    as_nobody.write("closed/x")
    as_nobody.write("open")
    (as_nobody.path / "closed").chmod(0)
    found = look(as_nobody.path)
    (as_nobody.path / "closed").chmod(0o700)
    assert (found.files, found.problems) == (1, ("`closed/` can't be listed: permission denied",))


def test_a_deep_tree_needs_no_stack(tmp_path):
    place = tmp_path
    for _ in range(600):
        place = place / "d"
        place.mkdir()
    (place / "file").write_text("x")
    assert look(tmp_path / "d").files == 1


def test_the_summary_can_be_kept_as_a_document(data):
    name = os.fsdecode(os.fsencode(data.path) + b"\xff")
    data.path.rename(name)
    found = look(Path(name))
    kept = decode_json(encode_json(found.summary), Summary, where="x")
    assert kept == found.summary
    assert "listings" not in msgspec.to_builtins(kept)


def test_of_very_many_files_the_listings_are_not_kept(data, monkeypatch):
    whole = look(data.path)
    monkeypatch.setattr(walk, "KEPT", 2)
    assert look(data.path).listings is None
    assert look(data.path).summary.fingerprint == whole.fingerprint
