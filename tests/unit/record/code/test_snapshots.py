"""Code snapshots in the store."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snapshot.errors import HostError, StoreError
from snapshot.project.tree import Entry, Scan, scan
from snapshot.record.code import index as indexes
from snapshot.record.code import packs, snapshots, trees
from snapshot.record.code.snapshots import Snapshot


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with its store."""
    root = tmp_path / "project"
    (root / "pkg" / "empty").mkdir(parents=True)
    (root / "train.py").write_text("print(1)\n")
    (root / "pkg" / "a.py").write_text("a = 1\n")
    (root / "pkg" / "same.py").write_text("a = 1\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o775)
    (root / "link").symlink_to("pkg/a.py")
    return root


def take(root: Path) -> Snapshot:
    return snapshots.take(root / ".snap", root, scan(root))


def pack_names(root: Path) -> set[str]:
    return {path.name for path in (root / ".snap" / packs.FOLDER).glob("[!.]*")}


def contents(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Everything in `folder`: type and the permission that counts, and content or target."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in folder.rglob("*"):
        if ".snap" in path.relative_to(folder).parts:
            continue
        mode = path.lstat().st_mode
        kept = mode & 0o170100
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (kept, content)
    return found


def test_a_snapshot_says_what_is_in_it(project: Path) -> None:
    snapshot = take(project)
    assert (snapshot.files, snapshot.bytes, snapshot.unsettled, snapshot.skipped) == (4, 9 + 6 + 6 + 10, (), ())
    assert snapshots.verify(project / ".snap", snapshot.digest) == ()
    entries = snapshots.manifest(project / ".snap", snapshot.digest).entries
    assert [(e.path, e.mode, e.size, e.target) for e in entries] == [
        ("link", "120000", 0, "pkg/a.py"),
        ("pkg", "040000", 0, ""),
        ("pkg/a.py", "100644", 6, ""),
        ("pkg/empty", "040000", 0, ""),
        ("pkg/same.py", "100644", 6, ""),
        ("run.sh", "100755", 10, ""),
        ("train.py", "100644", 9, ""),
    ]


def test_files_are_read_back(project: Path) -> None:
    digest = take(project).digest
    assert snapshots.read_file(project / ".snap", digest, "pkg/a.py") == b"a = 1\n"
    for path in ("pkg", "link", "gone.py"):
        with pytest.raises(StoreError, match="has no file"):
            snapshots.read_file(project / ".snap", digest, path)


def test_the_manifest_is_json_for_anyone(project: Path) -> None:
    digest = take(project).digest
    document = json.loads((project / ".snap" / "code" / f"{digest.removeprefix('sha256:')}.json").read_bytes())
    assert document["schema"] == "snap.code/1"
    assert document["entries"][0] == {"mode": "120000", "path": "link", "target": "pkg/a.py"}


def test_a_pack_is_a_tar_file_that_holds_each_content_once(project: Path) -> None:
    take(project)
    (name,) = pack_names(project)
    with tarfile.open(project / ".snap" / packs.FOLDER / name) as pack:
        assert pack.getnames() == ["pkg/a.py", "run.sh", "train.py"]
    listed = subprocess.run(["tar", "tf", name], cwd=project / ".snap" / packs.FOLDER, capture_output=True, text=True)
    assert (listed.returncode, listed.stdout.split(), listed.stderr) == (0, ["pkg/a.py", "run.sh", "train.py"], "")


def test_identity_is_independent_of_when_where_and_how_it_was_kept(project: Path, tmp_path: Path) -> None:
    first = take(project).digest
    other = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", "--no-dereference", str(project), str(other)], check=True)
    subprocess.run(["rm", "-r", str(other / ".snap")], check=True)
    for path in other.rglob("*"):  # a colleague with another umask, at another time
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700 | 0o077 & path.stat().st_mode >> 3)
            os.utime(path, (1, 1))
    (other / "train.py").write_text("old")
    assert take(other).digest != first
    (other / "train.py").write_text("print(1)\n")
    assert take(other).digest == first


CHANGES = {
    "content": lambda root: (root / "train.py").write_text("print(2)\n"),
    "name": lambda root: (root / "train.py").rename(root / "main.py"),
    "executable": lambda root: (root / "train.py").chmod(0o755),
    "target": lambda root: ((root / "link").unlink(), (root / "link").symlink_to("train.py")),
    "type": lambda root: ((root / "link").unlink(), (root / "link").write_text("pkg/a.py")),
    "empty folder": lambda root: (root / "pkg" / "empty").rmdir(),
    "file for folder": lambda root: ((root / "pkg" / "empty").rmdir(), (root / "pkg" / "empty").touch()),
    "new": lambda root: (root / "new").touch(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_identity_changes_with_all_that_decides(project: Path, change: str) -> None:
    before = take(project).digest
    CHANGES[change](project)
    after = take(project).digest
    assert after != before
    assert snapshots.verify(project / ".snap", before) == snapshots.verify(project / ".snap", after) == ()


def test_unchanged_content_is_never_written_again(project: Path) -> None:
    take(project)
    before = pack_names(project)
    (project / "train.py").rename(project / "moved.py")
    (project / "copy.py").write_text("a = 1\n")
    os.utime(project / "pkg" / "a.py")
    take(project)
    assert pack_names(project) == before
    (project / "new.py").write_text("new")
    take(project)
    (new,) = pack_names(project) - before
    with tarfile.open(project / ".snap" / packs.FOLDER / new) as pack:
        assert pack.getnames() == ["new.py"]


def settle() -> None:
    """Let the clock of the file system go on, so that no file is racy."""
    time.sleep(0.02)


def test_nothing_at_all_is_written_when_nothing_changed(project: Path) -> None:
    settle()
    first = take(project)
    written = {path: path.stat().st_ctime_ns for path in (project / ".snap").rglob("*")}
    assert take(project) == first
    assert {path: path.stat().st_ctime_ns for path in (project / ".snap").rglob("*")} == written


def test_only_files_that_may_have_changed_are_opened(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle()
    take(project)
    os.utime(project / "train.py", (1000, 1000))
    opened: list[str] = []
    real = os.open

    def noted(path: str, *arguments: int) -> int:
        opened.append(str(path))
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", noted)
    take(project)
    assert [path for path in opened if ".snap" not in path] == [str(project / "train.py")]


def test_a_change_that_no_time_stamp_shows_is_seen(project: Path) -> None:
    """Same size, in the same tick of the clock as the snapshot before: what git calls racily clean."""
    for number in range(300):
        text = f"print({number:03})\n"
        (project / "train.py").write_text(text)
        digest = take(project).digest
        assert snapshots.read_file(project / ".snap", digest, "train.py").decode() == text


@pytest.mark.parametrize("part", ["mtime_ns", "ctime_ns"])
@pytest.mark.parametrize(("age", "kept"), [(-1, True), (0, False), (1, False)])
def test_the_index_knows_only_files_older_than_the_reading(tmp_path: Path, part: str, age: int, kept: bool) -> None:
    (tmp_path / "cache").mkdir()
    stamps = {"mtime_ns": 500, "ctime_ns": 500, part: 1000 + age}
    found = Scan(
        entries=(Entry(path="x", kind="file", mode=0o644, size=1, inode=1, **stamps),), data=(), outward=(), skipped=()
    )
    indexes.save(tmp_path, "/root", indexes.encoded(found), "sha256:", {"x": b"1" * 32}, found, since=1000)
    index = indexes.load(tmp_path, "/root")
    assert (set(index.known()), index.settled) == ({"x"} if kept else set(), kept)
    assert indexes.load(tmp_path, "/elsewhere").known() == {}


@pytest.mark.parametrize("name", [indexes.FILE, packs.CACHE, "cache"])
@pytest.mark.parametrize("damage", ["gone", "empty", "noise"])
def test_caches_can_be_lost_or_damaged(project: Path, name: str, damage: str) -> None:
    first, before = take(project), pack_names(project)
    place = project / ".snap" / name
    if damage == "gone" or place.is_dir():
        subprocess.run(["rm", "-r", str(place)], check=True)
    else:
        place.write_bytes(b"" if damage == "empty" else random.Random(1).randbytes(500))
    assert take(project) == first
    assert snapshots.read_file(project / ".snap", first.digest, "train.py") == b"print(1)\n"
    assert pack_names(project) == before


def test_packs_that_were_removed_are_made_again(project: Path) -> None:
    first = take(project)
    for path in (project / ".snap" / packs.FOLDER).iterdir():
        path.unlink()
    assert len(snapshots.verify(project / ".snap", first.digest)) == 3
    (project / "new").touch()
    take(project)
    assert snapshots.verify(project / ".snap", first.digest) == ()


def test_verify_finds_a_flipped_bit(project: Path) -> None:
    digest = take(project).digest
    (pack,) = (project / ".snap" / packs.FOLDER).iterdir()
    data = bytearray(pack.read_bytes())
    data[data.index(b"print(1)")] ^= 1
    pack.write_bytes(data)
    assert len(snapshots.verify(project / ".snap", digest)) == 1
    with pytest.raises(StoreError, match="damaged"):
        snapshots.read_file(project / ".snap", digest, "train.py")
    with pytest.raises(StoreError, match="damaged"):
        trees.checkout(project / ".snap", digest)
    assert list((project / ".snap" / trees.FOLDER).iterdir()) == []


def test_verify_finds_a_manifest_of_something_else(project: Path) -> None:
    digest = take(project).digest
    path = project / ".snap" / "code" / f"{digest.removeprefix('sha256:')}.json"
    path.write_bytes(path.read_bytes().replace(b"train.py", b"trick.py"))
    assert len(snapshots.verify(project / ".snap", digest)) == 1
    path.write_text("{")
    assert len(snapshots.verify(project / ".snap", digest)) == 1
    path.unlink()
    assert "no code snapshot" in snapshots.verify(project / ".snap", digest)[0]


def test_names_that_are_not_utf8_are_kept_faithfully(project: Path) -> None:
    strange = os.fsdecode(b"caf\xe9")
    (project / strange).mkdir()
    (project / strange / "\U0001f600").write_text("astral")
    (project / strange / "\udcff").write_text("byte")
    (project / "to").symlink_to(strange)
    first = take(project)
    settle()
    assert take(project) == take(project) == first
    assert snapshots.verify(project / ".snap", first.digest) == ()
    assert snapshots.read_file(project / ".snap", first.digest, f"{strange}/\udcff") == b"byte"
    tree = trees.checkout(project / ".snap", first.digest)
    assert contents(tree) == contents(project)


def test_large_files_are_streamed(project: Path) -> None:
    data = random.Random(2).randbytes(9_000_001)
    for name in ("one.bin", "two.bin"):
        (project / name).write_bytes(data)
    first, before = take(project), pack_names(project)
    assert snapshots.read_file(project / ".snap", first.digest, "two.bin") == data
    with tarfile.open(project / ".snap" / packs.FOLDER / next(iter(before))) as pack:
        assert pack.getnames() == ["one.bin", "pkg/a.py", "run.sh", "train.py"]
    os.utime(project / "one.bin")
    assert take(project).digest == first.digest
    assert pack_names(project) == before
    assert contents(trees.checkout(project / ".snap", first.digest)) == contents(project)


@pytest.mark.parametrize("size", [10, 5_000_000])
def test_a_file_that_changed_since_the_scan_is_kept_as_it_is_now(project: Path, size: int) -> None:
    (project / "train.py").write_bytes(b"1" * size)
    found = scan(project)
    (project / "train.py").write_bytes(b"2" * (size + 7))
    snapshot = snapshots.take(project / ".snap", project, found)
    assert (snapshot.unsettled, snapshot.bytes) == ((), size + 7 + 6 + 6 + 10)
    assert snapshots.read_file(project / ".snap", snapshot.digest, "train.py") == b"2" * (size + 7)
    assert snapshots.verify(project / ".snap", snapshot.digest) == ()
    assert take(project).digest == snapshot.digest


@pytest.mark.parametrize("size", [3000, 5_000_000])
def test_a_file_that_never_holds_still_is_told_of_and_the_store_stays_whole(project: Path, size: int) -> None:
    (project / "log").write_bytes(b"x" * size)
    writer = os.fork()
    if writer == 0:
        with (project / "log").open("ab", buffering=0) as log:
            while True:
                log.write(b"y")
    try:
        deadline = time.monotonic() + 20
        while (snapshot := take(project)).unsettled != ("log",):
            assert time.monotonic() < deadline
    finally:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    assert [
        found for digest in snapshots.listed(project / ".snap") for found in snapshots.verify(project / ".snap", digest)
    ] == []
    assert len(snapshots.read_file(project / ".snap", snapshot.digest, "log")) > size


def test_a_file_that_vanished_since_the_scan_is_told_of(project: Path) -> None:
    found = scan(project)
    (project / "train.py").unlink()
    snapshot = snapshots.take(project / ".snap", project, found)
    assert (snapshot.unsettled, snapshot.files) == (("train.py",), 3)
    assert snapshots.verify(project / ".snap", snapshot.digest) == ()
    assert take(project).digest == snapshot.digest


@pytest.mark.parametrize("other", ["link", "fifo", "folder"])
def test_a_file_that_became_something_else_is_told_of(project: Path, other: str) -> None:
    found = scan(project)
    place = project / "train.py"
    place.unlink()
    {"link": lambda: place.symlink_to("/etc/passwd"), "fifo": lambda: os.mkfifo(place), "folder": place.mkdir}[other]()
    snapshot = snapshots.take(project / ".snap", project, found)
    assert (snapshot.unsettled, snapshot.files) == (("train.py",), 3)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder of a user whom permissions stop, as they don't stop root."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)


def test_files_that_can_not_be_read_are_told_of(as_nobody: Path) -> None:
    (as_nobody / "open").write_text("1")
    (as_nobody / "closed").write_text("2")
    (as_nobody / "closed").chmod(0)
    first = take(as_nobody)
    assert [(item.path, item.reason) for item in first.skipped] == [("closed", "permission denied")]
    assert take(as_nobody) == first
    (as_nobody / "closed").chmod(0o600)
    assert take(as_nobody).files == 2


def test_a_project_that_can_not_be_written_is_a_host_error(as_nobody: Path) -> None:
    (as_nobody / "x").write_text("1")
    as_nobody.chmod(0o500)
    with pytest.raises(HostError, match="no permission"):
        take(as_nobody)
    as_nobody.chmod(0o700)


@pytest.mark.parametrize("step", range(6))
def test_a_full_disk_leaves_what_was_there(project: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    first = take(project)
    (project / "new").write_bytes(b"n" * 100)
    (project / "large").write_bytes(b"l" * 5_000_000)
    real, written = os.write, 0

    def full(descriptor: int, data: bytes) -> int:
        nonlocal written
        written += 1
        if written > step:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(HostError, match="no space left"):
            take(project)
        with pytest.raises(HostError, match="no space left"):
            written = step
            trees.checkout(project / ".snap", first.digest)
    left = [path.name for path in (project / ".snap").rglob(".*") if path.name != ".snap"]
    assert left == []
    assert snapshots.listed(project / ".snap") == (first.digest,)
    assert snapshots.verify(project / ".snap", first.digest) == ()
    assert snapshots.verify(project / ".snap", take(project).digest) == ()


def changed(root: Path, seed: random.Random) -> None:
    for _ in range(3):
        (root / f"file{seed.randrange(20)}.py").write_bytes(seed.randbytes(seed.randrange(20_000)))


def forked(work: object) -> int:
    """Run `work` in a process of its own."""
    child = os.fork()
    if child:
        return child
    try:
        work()  # type: ignore[operator]
    except BaseException:
        os._exit(1)
    os._exit(0)


def test_killed_at_any_moment_the_store_stays_whole(project: Path) -> None:
    store = project / ".snap"
    seed = random.Random(7)
    take(project)

    reader, writer = os.pipe()

    def forever() -> None:
        mine = random.Random(os.getpid())
        while True:
            changed(project, mine)
            found = scan(project)
            trees.checkout(store, snapshots.take(store, project, found).digest, found)
            os.write(writer, b".")

    for _ in range(40):
        child = forked(forever)
        os.read(reader, 1)  # at its work, however busy the machine is
        time.sleep(seed.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
    os.close(reader)
    os.close(writer)
    digests = snapshots.listed(store)
    assert len(digests) >= 20
    assert [problem for digest in digests for problem in snapshots.verify(store, digest)] == []
    for tree in (store / trees.FOLDER).glob("[!.]*"):
        entries = snapshots.manifest(store, f"sha256:{tree.name}").entries
        files = {entry.path: entry.sha256 for entry in entries if entry.sha256}
        assert {str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file() and not p.is_symlink()} == set(files)
    last = take(project)
    assert contents(trees.checkout(store, last.digest)) == contents(project)


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not(project: Path) -> None:
    store = project / ".snap"
    take(project)
    (store / packs.FOLDER / ".new-dead").write_text("half")
    living, held = packs.create_temporary(store / packs.FOLDER)
    (store / packs.FOLDER / ".new-young").write_text("half")
    for path in (store / packs.FOLDER / ".new-dead", Path(living)):
        os.utime(path, (1, 1))
    (project / "new").write_text("new")
    take(project)
    os.close(held)
    left = {path.name for path in (store / packs.FOLDER).glob(".*")}
    assert left == {".new-young", Path(living).name}


def test_leftover_trees_are_removed(project: Path) -> None:
    store = project / ".snap"
    digest = take(project).digest
    (store / trees.FOLDER / ".new-dead" / "sub").mkdir(parents=True)
    os.utime(store / trees.FOLDER / ".new-dead", (1, 1))
    tree = trees.checkout(store, digest)
    assert list(tree.parent.iterdir()) == [tree]


def test_several_processes_at_once(project: Path) -> None:
    store = project / ".snap"

    def work() -> None:
        mine = random.Random(os.getpid())
        for _ in range(12):
            changed(project, mine)
            found = scan(project)
            snapshot = snapshots.take(store, project, found)
            assert snapshots.verify(store, snapshot.digest) == ()
            assert trees.checkout(store, snapshot.digest, found).is_dir()

    children = [forked(work) for _ in range(3)]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert [problem for digest in snapshots.listed(store) for problem in snapshots.verify(store, digest)] == []


def test_a_tree_is_the_project_again(project: Path) -> None:
    (project / "train.py").chmod(0o640)
    os.utime(project / "train.py", ns=(10**18, 10**18 + 7))
    found = scan(project)
    store = project / ".snap"
    digest = snapshots.take(store, project, found).digest
    mask = os.umask(0o077)
    tree = trees.checkout(store, digest, found)
    os.umask(mask)
    assert tree == store / "cache" / "trees" / digest.removeprefix("sha256:")
    assert contents(tree) == contents(project)
    assert (tree / "train.py").stat().st_mtime_ns == 10**18 + 7
    assert [oct(p.stat().st_mode & 0o777) for p in (tree, tree / "pkg", tree / "train.py", tree / "run.sh")] == [
        *("0o755", "0o755"),
        *("0o644", "0o755"),
    ]
    assert trees.checkout(store, digest) == tree


def test_trees_share_files_with_each_other_and_never_with_the_user(project: Path) -> None:
    store = project / ".snap"
    one = trees.checkout(store, take(project).digest)
    (project / "train.py").write_text("print(2)\n")
    (project / "pkg" / "a.py").rename(project / "pkg" / "b.py")
    (project / "pkg" / "same.py").chmod(0o755)
    two = trees.checkout(store, take(project).digest)
    assert (two / "pkg" / "b.py").samefile(one / "pkg" / "same.py") or (two / "pkg" / "b.py").samefile(
        one / "pkg" / "a.py"
    )
    assert (two / "run.sh").samefile(one / "run.sh")
    assert (two / "pkg" / "same.py").stat().st_nlink == 1
    assert contents(two) == contents(project)
    assert (one / "train.py").read_text() == "print(1)\n"
    users = {path.stat().st_ino for path in project.glob("**/*") if path.is_file() and ".snap" not in path.parts}
    assert users.isdisjoint(path.lstat().st_ino for path in store.rglob("*"))


def test_a_tree_of_what_is_not_there(project: Path) -> None:
    take(project)
    with pytest.raises(StoreError, match="no code snapshot"):
        trees.checkout(project / ".snap", "sha256:" + "0" * 64)


def test_an_empty_project(tmp_path: Path) -> None:
    snapshot = take(tmp_path)
    assert (snapshot.files, snapshot.bytes) == (0, 0)
    assert snapshots.verify(tmp_path / ".snap", snapshot.digest) == ()
    assert list(trees.checkout(tmp_path / ".snap", snapshot.digest).iterdir()) == []
    assert pack_names(tmp_path) == set()


NAME = st.text(st.sampled_from("abé\udcff\U0001f600 -."), min_size=1, max_size=3).filter(
    lambda name: name not in (".", "..")
)
TREE = st.dictionaries(st.lists(NAME, min_size=1, max_size=3).map("/".join), st.binary(max_size=5) | NAME, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREE)
def test_whatever_the_project_holds_comes_back(tree: dict[str, bytes | str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, content in tree.items():
            place = root / path
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(content) if isinstance(content, str) else place.write_bytes(content)
            except OSError:  # a file where a folder would have to be, or a link that leads nowhere
                continue
        snapshot = take(root)
        assert snapshots.verify(root / ".snap", snapshot.digest) == ()
        assert contents(trees.checkout(root / ".snap", snapshot.digest)) == contents(root)
        assert take(root) == snapshot


def test_what_packs_hold_is_found_again_without_the_cache(project: Path) -> None:
    take(project)
    cached = packs.load(project / ".snap")
    (project / ".snap" / packs.CACHE).unlink()
    assert packs.load(project / ".snap") == cached


def test_contents_are_digests_of_files_and_texts_of_links(project: Path) -> None:
    found = snapshots.contents(project / ".snap", take(project).digest)
    assert found["link"] == "pkg/a.py"
    assert found["pkg/a.py"] == found["pkg/same.py"] == "sha256:" + hashlib.sha256(b"a = 1\n").hexdigest()
    assert set(found) == {"link", "pkg/a.py", "pkg/same.py", "run.sh", "train.py"}
