from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot.project.names import from_text
from snapshot.record.data import manifest, walk
from snapshot.record.data.identity import Identifier, edits
from snapshot.record.data.walk import look
from snapshot.record.document import Edit

names = st.binary(min_size=1, max_size=4).filter(lambda n: not set(n) & set(b"/\0") and n.strip(b"."))
trees = st.recursive(st.binary(max_size=3), lambda t: st.dictionaries(names, t, max_size=4), max_leaves=12)
folders = st.dictionaries(names, trees, max_size=5)


def make(place: bytes, tree: dict, order: random.Random) -> None:
    os.makedirs(place, exist_ok=True)
    for name in order.sample(sorted(tree), len(tree)):
        path, content = os.path.join(place, name), tree[name]
        if isinstance(content, dict):
            make(path, content, order)
        else:
            Path(os.fsdecode(path)).write_bytes(content)


def flat(tree: dict, before: bytes = b"") -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, content in tree.items():
        found |= flat(content, before + name + b"/") if isinstance(content, dict) else {before + name: content}
    return found


@settings(deadline=None, max_examples=50)
@given(tree=folders, seed=st.integers(0, 2))
def test_the_digest_is_of_the_sorted_paths_sizes_and_hashes_alone(tree, seed):
    lines = [
        b"%b %d %b\0" % (hashlib.sha256(content).hexdigest().encode(), len(content), path)
        for path, content in sorted(flat(tree).items())
    ]
    expected = hashlib.sha256(b"snap.data/1\n" + b"".join(lines)).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        make(os.fsencode(folder) + b"/data", tree, random.Random(seed))
        found = Identifier(Path(folder), None).identify(look(Path(folder, "data")))
        assert found.digest == f"sha256:{expected}"
        assert (found.files, found.bytes) == (len(lines), sum(map(len, flat(tree).values())))
        told = [os.fsencode(from_text(entry.path)) for entry in manifest.read(Path(folder), found.digest)]
        assert told == sorted(flat(tree))


def test_of_many_files_in_a_folder_each_has_its_own_hash(data):
    for number in range(500):
        data.write(f"many/{number}", str(number))
    for _ in range(2):
        found = {entry.path: entry.sha256 for entry in manifest.read(data.store, data.identity().digest)}
        for number in range(500):
            assert found[f"many/{number}"] == hashlib.sha256(str(number).encode()).hexdigest()
        data.write("many/7", "7")


def test_of_one_file_it_is_the_sha256_of_its_bytes(data):
    found = data.identifier().identify(look(data.path / "a"))
    assert (found.digest, found.files, found.bytes) == (f"sha256:{hashlib.sha256(b'a').hexdigest()}", 1, 1)
    assert manifest.listed(data.store) == []
    assert data.identifier().known(look(data.path / "a")) == found


def test_empty_folders_do_not_count_and_an_empty_one_is_data(data, tmp_path):
    before = data.identity().digest
    (data.path / "empty/empty").mkdir(parents=True)
    assert data.identity().digest == before
    found = data.identifier().identify(look(data.path / "empty"))
    assert (found.digest, found.files) == (f"sha256:{hashlib.sha256(b'snap.data/1' + bytes([10])).hexdigest()}", 0)


def test_links_are_their_text_hard_links_are_files_and_case_counts(data):
    (data.path / "link").symlink_to("a")
    (data.path / "hard").hardlink_to(data.path / "a")
    data.write("A", "upper")
    kinds = {e.path: (e.kind, e.sha256) for e in manifest.read(data.store, data.identity().digest)}
    text = hashlib.sha256(b"a").hexdigest()
    assert (kinds["link"], kinds["hard"], kinds["a"]) == (("link", text), ("file", text), ("file", text))
    assert kinds["A"] == ("file", hashlib.sha256(b"upper").hexdigest())


# What is known


def test_what_was_hashed_is_known_and_so_is_what_another_project_hashed(data, tmp_path):
    assert data.known() is None
    found = data.identity()
    assert data.known() == found
    other = Identifier(tmp_path / "other", data.cache)
    assert other.known(look(data.path)) == found
    assert manifest.verify(tmp_path / "other", found.digest) == ()


def test_only_what_changed_is_read(data, monkeypatch):
    data.identity()
    data.write("b/2", "new")
    read, real = [], os.open

    def opened(path, *rest, **more):
        read.append(path)
        return real(path, *rest, **more)

    seen, identifier = look(data.path), data.identifier()
    monkeypatch.setattr(os, "open", opened)
    identifier.identify(seen)
    assert [os.path.basename(p) for p in read if os.fsencode(p).startswith(os.fsencode(data.path))] == [b"2"]


def test_the_same_size_and_mtime_are_not_the_same_file(data):
    before = data.identity().digest
    place = data.path / "a"
    times = place.stat()
    while place.stat().st_ctime_ns == times.st_ctime_ns:
        place.write_text("z")
        os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert data.known() is None
    assert data.identity().digest != before


def test_what_was_just_written_is_read_again(data):
    data.identity(time.time_ns)
    assert data.known() is None
    data.identity()
    assert data.known() is not None


def test_what_is_of_the_future_is_read_again(data):
    """The clock was put back an hour."""
    data.identity(lambda: time.time_ns() - 3600 * 10**9)
    assert data.known() is None


def test_a_damaged_cache_is_no_error(data):
    before = data.identity()
    for file in data.cache.glob("*.sqlite"):
        file.write_bytes(b"damaged" * 999)
    assert data.known() is None
    assert data.identity() == before
    assert data.identity() == data.known()


def test_without_a_cache_all_is_read(data):
    before = data.identity()
    assert Identifier(data.store, None).known(look(data.path)) is None
    assert Identifier(data.store, None).identify(look(data.path)) == before


def test_our_own_link_to_a_data_file_is_no_change(data, tmp_path):
    place = data.path / "a"
    found = data.identifier().identify(look(place))
    before = place.stat()
    while place.stat().st_ctime_ns == before.st_ctime_ns:
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").hardlink_to(place)
    assert data.identifier().known(look(place)) is None
    data.identifier().touched(place, before, place.stat())
    assert data.identifier().known(look(place)) == found


def test_what_was_written_beside_our_link_is_a_change(data):
    place = data.path / "a"
    data.identifier().identify(look(place))
    before = place.stat()
    os.utime(place, ns=(1, 1))
    data.identifier().touched(place, before, place.stat())
    assert data.identifier().known(look(place)) is None


# What changes meanwhile


def test_files_that_changed_since_the_walk_are_taken_as_they_are_and_named(data):
    seen = look(data.path)
    data.write("a", "other")
    (data.path / "b/1").unlink()
    found = data.identifier().identify(seen)
    assert found.changed_since == (Edit(path="a", change="changed"), Edit(path="b/1", change="removed"))
    assert (found.files, found.problems) == (3, ())
    assert data.identity().digest == found.digest


def test_so_they_are_when_there_were_too_many_to_remember(data, monkeypatch):
    monkeypatch.setattr(walk, "KEPT", 0)
    seen = look(data.path)
    data.write("a", "other")
    found = data.identifier().identify(seen)
    assert (found.files, found.changed_since) == (4, (Edit(path="", change="changed"),))
    whole = data.identity()
    assert (whole.digest, whole.changed_since) == (found.digest, ())
    assert data.known() == whole


def test_files_that_can_not_be_read_are_told_of_and_the_rest_is_identified(as_nobody):
    as_nobody.write("open", "1")
    as_nobody.write("closed", "22").chmod(0)
    found = as_nobody.identity()
    assert found.problems == ("`closed`: permission denied",)
    assert [(e.path, e.kind) for e in manifest.read(as_nobody.store, found.digest)] == [
        ("closed", "unreadable"), ("open", "file"),
    ]  # fmt: skip
    (as_nobody.path / "closed").chmod(0o600)
    assert as_nobody.identity().problems == ()


def test_data_that_are_not_there_have_no_digest(data, tmp_path):
    found = data.identifier().identify(look(tmp_path / "nothing"))
    assert (found.digest, found.problems) == (None, (f"`{tmp_path}/nothing` no such file or directory",))
    seen = look(data.path / "a")
    (data.path / "a").unlink()
    assert data.identifier().identify(seen).digest is None


def test_edits_name_what_was_added_changed_and_removed(data):
    launch = look(data.path)
    before = data.identifier().identify(launch)
    data.write("a", "other")
    data.write("new")
    (data.path / "c").unlink()
    assert edits(data.store, launch.summary, look(data.path), before, data.identifier()) == (
        Edit(path="a", change="changed"), Edit(path="c", change="removed"), Edit(path="new", change="added"),
    )  # fmt: skip


def test_files_that_were_only_touched_are_no_edits(data):
    launch = look(data.path)
    before = data.identifier().identify(launch)
    os.utime(data.path / "a", ns=(0, 0))
    assert edits(data.store, launch, look(data.path), before, data.identifier()) == ()


def test_what_changed_before_it_was_read_is_an_edit_also_when_nothing_changed_after(data):
    launch = look(data.path)
    data.write("a", "other")
    before = data.identifier().identify(launch)
    found = edits(data.store, launch, look(data.path), before, data.identifier())
    assert found == (Edit(path="a", change="changed"),)


def test_an_edit_in_the_very_tick_of_the_launch_is_found_though_no_stat_tells(data):
    launch = look(data.path)
    before = data.identifier().identify(launch)
    data.write("a", "z")
    now = look(data.path)
    unseen = msgspec.structs.replace(launch.summary, fingerprint=now.fingerprint)
    assert unseen.racy
    assert edits(data.store, unseen, now, before, data.identifier()) == (Edit(path="a", change="changed"),)
    assert edits(data.store, msgspec.structs.replace(unseen, racy=False), now, before, data.identifier()) == ()


def test_of_data_that_were_never_identified_it_is_said_whether_they_changed(data):
    launch = look(data.path)
    stopped = data.identifier().identify(launch, stopped=lambda: True)
    assert edits(data.store, launch, look(data.path), stopped, data.identifier()) == ()
    data.write("new")
    found = edits(data.store, launch, look(data.path), stopped, data.identifier())
    assert found == (Edit(path="", change="changed"),)


@pytest.mark.parametrize(("act", "change"), [(lambda p: p.write_text("zz"), "changed"), (Path.unlink, "removed")])
def test_edits_of_data_that_are_one_file(data, act, change):
    place = data.path / "a"
    launch = look(place)
    before = data.identifier().identify(launch)
    assert edits(data.store, launch, look(place), before, data.identifier()) == ()
    act(place)
    found = edits(data.store, launch, look(place), before, data.identifier())
    assert found == (Edit(path="", change=change),)


# Ways to identify


def test_by_mtime_a_file_of_the_same_size_and_mtime_is_the_same_and_by_content_it_is_not(data):
    by_mtime, by_content = data.identity(method="mtime").digest, data.identity().digest
    place = data.path / "a"
    times = place.stat()
    while place.stat().st_ctime_ns == times.st_ctime_ns:
        place.write_text("z")
        os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert data.identity(method="mtime").digest == by_mtime != by_content
    assert data.identity().digest != by_content


@pytest.mark.parametrize(("at", "same"), [(0, False), (20_000_000, True), (32_500_000, False), (64_999_999, False)])
def test_a_sample_of_a_large_file_has_its_head_middle_and_tail(data, at, same):
    place = data.path / "large"
    with place.open("wb") as file:
        file.truncate(65_000_000)
    first, alone = (data.identifier(method="sample").identify(look(p)) for p in (data.path, place))
    with place.open("r+b") as file:
        file.seek(at)
        file.write(b"x")
    second, alone_now = (data.identifier(method="sample").identify(look(p)) for p in (data.path, place))
    assert (first.digest == second.digest, alone.digest == alone_now.digest) == (same, same)
    assert (first.method, first.bytes) == ("sample", 65_000_004 + 4)
    assert manifest.verify(data.store, first.digest) == ()


# Several at once, and ends


def test_it_stops_when_asked_and_goes_on_where_it_was(data):
    found = data.identifier().identify(look(data.path), stopped=lambda: True)
    assert (found.digest, found.problems) == (None, ("hashing was stopped",))
    assert manifest.listed(data.store) == []
    assert data.identity().digest is not None


def test_progress_ends_with_all_of_it(data):
    said = []
    data.identifier().identify(look(data.path), progress=said.append)
    last = said[-1]
    assert (last.files, last.bytes) == (last.total_files, last.total_bytes) == (4, 8)
    data.write("a", "new")
    data.identifier().identify(look(data.path), progress=said.append)
    assert (said[-1].files, said[-1].bytes) == (4, 10)


def test_in_the_background_it_comes_to_the_same(data):
    assert Identifier(data.store, None, background=True).identify(look(data.path)) == data.identity()


SCRIPT = """
import sys
from pathlib import Path
from snapshot.record.data.identity import Identifier
from snapshot.record.data.walk import look
place = Path(sys.argv[1])
print(Identifier(place / "store", place / "cache").identify(look(place / "data")).digest)
"""


def started(place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT, place], stdout=subprocess.PIPE, text=True)


def test_processes_that_identify_the_same_data_at_once_agree(data, tmp_path):
    for number in range(300):
        data.write(f"many/{number}", str(number))
    processes = [started(tmp_path) for _ in range(3)]
    said = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert said == {data.identity().digest}


def test_a_process_that_is_killed_leaves_nothing_wrong(data, tmp_path):
    for number in range(2000):
        data.write(f"{number % 20}/{number}", str(number) * 2000)
    for number in range(8):
        process = started(tmp_path)
        time.sleep(0.1 + number * 0.03)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for digest in manifest.listed(data.store):
            assert manifest.verify(data.store, digest) == ()
    assert data.identity().digest == Identifier(tmp_path / "new", None).identify(look(data.path)).digest
    assert len(manifest.listed(data.store)) == 1
