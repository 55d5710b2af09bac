"""Code and data of a project."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from snapshot.project.tree import DEEPEST, Data, Outward, Scan, Skipped, scan

KB = 1000


def made(root: Path, files: dict[str, int | str]) -> Path:
    """Files by path: of so many bytes, or with that text; folders where the path ends in a slash."""
    for path, content in files.items():
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x" * content if isinstance(content, int) else content.encode())
    return root


def code(found: Scan) -> list[str]:
    return [entry.path for entry in found.entries]


def data(found: Scan) -> list[tuple[str, str]]:
    return [(item.path, item.reason) for item in found.data]


def test_code_is_files_and_folders_with_what_tells_of_a_change(tmp_path: Path) -> None:
    made(tmp_path, {"train.py": "print()", "pkg/a.py": 3, "empty/": 0})
    (tmp_path / "train.py").chmod(0o750)
    found = scan(tmp_path)
    assert [(e.path, e.kind, e.size) for e in found.entries] == [
        ("empty", "folder", 0),
        ("pkg", "folder", 0),
        ("pkg/a.py", "file", 3),
        ("train.py", "file", 7),
    ]
    status, entry = (tmp_path / "train.py").stat(), found.entries[3]
    assert (entry.mode, entry.mtime_ns, entry.ctime_ns, entry.inode) == (
        *(0o750, status.st_mtime_ns),
        *(status.st_ctime_ns, status.st_ino),
    )
    assert (found.data, found.outward, found.skipped) == ((), (), ())


def test_repositories_caches_environments_and_the_store_are_neither(tmp_path: Path) -> None:
    names = [
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "node_modules",
        ".snap",
    ]
    made(tmp_path, {f"a/{name}/x/y": 10 for name in names} | {f"{name}/x": 10 for name in names})
    made(
        tmp_path,
        {"env/pyvenv.cfg": 1, "env/lib/x": 1, "conda/conda-meta/history": 1, "conda/x": 1, "sub/.git": "gitdir: x"},
    )
    made(tmp_path, {".venv/pyvenv.cfg": 1, ".gitignore": ".venv\n"})
    found = scan(tmp_path, data=["env"])
    assert code(found) == [".gitignore", "a", "sub"]
    assert found.data == ()


def test_what_is_ignored_is_data_at_the_topmost_path_and_not_looked_into(tmp_path: Path) -> None:
    made(
        tmp_path,
        {".gitignore": "/images\n*.bin\n!keep.bin\n", "images/a/b": 1, "x.bin": 5, "keep.bin": 1, "s/y.bin": 1},
    )
    found = scan(tmp_path)
    assert code(found) == [".gitignore", "keep.bin", "s"]
    assert found.data == (
        Data(path="images", kind="folder", reason="ignored"),
        Data(path="s/y.bin", kind="file", reason="ignored", size=1),
        Data(path="x.bin", kind="file", reason="ignored", size=5),
    )


def test_large_files_are_data(tmp_path: Path) -> None:
    made(tmp_path, {"a": 10, "b": 11})
    found = scan(tmp_path, large_file=10)
    assert code(found) == ["a"]
    assert found.data == (Data(path="b", kind="file", reason="large", size=11),)


def test_of_large_folders_the_innermost_is_data_and_the_root_never(tmp_path: Path) -> None:
    made(tmp_path, {"a/b/c/1": 8, "a/b/c/2": 8, "a/b/3": 4, "a/4": 4, "5": 8, "6": 8})
    found = scan(tmp_path, large_folder=10)
    assert code(found) == ["5", "6", "a", "a/4", "a/b", "a/b/3"]
    assert data(found) == [("a/b/c", "large")]


def test_of_nested_large_folders_the_topmost_is_named(tmp_path: Path) -> None:
    made(tmp_path, {"a/b/1": 8, "a/b/2": 8, "a/3": 8, "a/4": 8})
    found = scan(tmp_path, large_folder=10)
    assert (code(found), found.data) == ([], (Data(path="a", kind="folder", reason="large", size=16),))


def test_a_folder_is_as_large_as_what_is_left_of_it(tmp_path: Path) -> None:
    made(tmp_path, {"a/.gitignore": "ignored\n", "a/ignored": 50, "a/huge": 60, "a/b/1": 9, "a/b/2": 9, "a/3": 1})
    found = scan(tmp_path, large_file=20, large_folder=17)
    assert data(found) == [("a/b", "large"), ("a/huge", "large"), ("a/ignored", "ignored")]
    assert code(found) == ["a", "a/.gitignore", "a/3"]


def test_a_folder_that_is_data_takes_what_is_in_it_along(tmp_path: Path) -> None:
    made(tmp_path, {"a/big": 30, "a/1": 9, "a/2": 9, "b": 1})
    (tmp_path / "a" / "out").symlink_to("/etc")
    os.mkfifo(tmp_path / "a" / "pipe")
    found = scan(tmp_path, large_file=20, large_folder=17)
    assert found.data == (Data(path="a", kind="folder", reason="large", size=18),)
    assert (code(found), found.outward, found.skipped) == (["b"], (), ())


def test_declared_data(tmp_path: Path) -> None:
    made(tmp_path, {"d/x": 1, "e/f": 1, "g": 1})
    found = scan(tmp_path, data=["d/", "./e/f", str(tmp_path / "g"), "../elsewhere", "/mnt", "."])
    assert data(found) == [("d", "declared"), ("e/f", "declared"), ("g", "declared")]
    assert code(found) == ["e"]


ALWAYS = "a/b/train.py"


@pytest.mark.parametrize(
    ("ignore", "options"),
    [
        ("a\n", {}),
        ("*.py\n", {}),
        ("a/b/\n", {}),
        ("", {"data": ["a"]}),
        ("", {"data": [ALWAYS]}),
        ("", {"large_file": 3}),
        ("", {"large_folder": 3}),
    ],
)
def test_what_runs_is_always_code(tmp_path: Path, ignore: str, options: dict[str, int]) -> None:
    made(tmp_path, {".gitignore": ignore, ALWAYS: "print()", "a/other": 1, "a/folder/x": 1})
    found = scan(tmp_path, always=[ALWAYS], **options)
    assert {"a", "a/b", ALWAYS} <= set(code(found))
    assert ALWAYS not in dict(data(found))


def test_beside_what_runs_an_ignored_folder_stays_data(tmp_path: Path) -> None:
    made(tmp_path, {".gitignore": "a\n", ALWAYS: 1, "a/other": 1, "a/folder/x": 1, "a/b/more": 2, "a/__pycache__/x": 1})
    found = scan(tmp_path, always=[str(tmp_path / ALWAYS)])
    assert code(found) == [".gitignore", "a", "a/b", ALWAYS]
    assert data(found) == [("a/b/more", "ignored"), ("a/folder", "ignored"), ("a/other", "ignored")]


@pytest.mark.parametrize("folder", ["node_modules", "env"])
def test_what_runs_is_code_in_a_cache_or_environment_too_and_nothing_else_there(tmp_path: Path, folder: str) -> None:
    made(
        tmp_path, {f"{folder}/bin/run.py": 1, f"{folder}/bin/other": 1, f"{folder}/lib/x": 1, f"{folder}/pyvenv.cfg": 1}
    )
    found = scan(tmp_path, always=[f"{folder}/bin/run.py"])
    assert code(found) == [folder, f"{folder}/bin", f"{folder}/bin/run.py"]
    assert found.data == ()


def test_links_are_kept_never_followed_and_told_of_when_they_lead_out(tmp_path: Path) -> None:
    outside = made(tmp_path / "outside", {"file": 1})
    root = made(tmp_path / "project", {"pkg/a.py": 1, ".gitignore": "out\n"})
    for name, target in {
        "inside": "pkg",
        "absolute": str(root / "pkg"),
        "dangling": "nowhere",
        "dangling out": "/nowhere/at/all",
        "loop": "loop",
        "out": "../outside",
        "pkg/file": str(outside / "file"),
        "chain": "out",
    }.items():
        (root / name).symlink_to(target)
    found = scan(root)
    links = {entry.path: entry.target for entry in found.entries if entry.kind == "link"}
    assert links["inside"] == "pkg"
    assert links["dangling"] == "nowhere"
    assert len(links) == 8
    assert [e.path for e in found.entries if e.kind == "file"] == [".gitignore", "pkg/a.py"]
    assert found.outward == (
        Outward(path="chain", target=str(outside)),
        Outward(path="out", target=str(outside)),
        Outward(path="pkg/file", target=str(outside / "file")),
    )


def test_a_project_reached_through_a_link(tmp_path: Path) -> None:
    made(tmp_path / "real", {"a": 1, "sub/": 0})
    (tmp_path / "real" / "self").symlink_to("../real/sub")
    (tmp_path / "link").symlink_to("real")
    found = scan(tmp_path / "link")
    assert code(found) == ["a", "self", "sub"]
    assert found.outward == ()


def test_sockets_and_fifos_are_skipped_and_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # paths of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        found = scan(tmp_path)
    assert found.entries == ()
    assert found.skipped == (Skipped(path="pipe", reason="a fifo"), Skipped(path="socket", reason="a socket"))


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
            (Path(name) / "closed").chmod(0o700)
            if os.getuid() == 0:
                os.seteuid(0)


def test_folders_that_can_not_be_read_are_skipped_and_told_of(as_nobody: Path) -> None:
    made(as_nobody, {"closed/x": 1, "open/y": 1})
    (as_nobody / "closed").chmod(0)
    found = scan(as_nobody)
    assert code(found) == ["open", "open/y"]
    assert found.skipped == (Skipped(path="closed", reason="permission denied"),)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    made(tmp_path, {f"{name}/{name}.py": 1, "ignored\udce9": 1, ".gitignore": "ignored?\n"})
    found = scan(tmp_path)
    assert code(found) == [".gitignore", name, f"{name}/{name}.py"]
    assert data(found) == [("ignored\udce9", "ignored")]


def test_folders_too_deep_for_the_stack_are_told_of(tmp_path: Path) -> None:
    made(tmp_path, {"d/" * (DEEPEST + 5): 0})
    found = scan(tmp_path)
    assert len(found.entries) == DEEPEST
    assert [item.path.count("/") for item in found.skipped] == [DEEPEST]


def test_a_scan_is_the_same_twice_and_can_be_stored(tmp_path: Path) -> None:
    made(tmp_path, {f"{a}/{b}": 1 for a in "zyx" for b in "cba"} | {"a-b": 1, "a/b": 1, "a.b": 1})
    found = scan(tmp_path)
    assert found == scan(tmp_path)
    assert code(found) == sorted(code(found))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Scan) == found


def test_an_executed_notebook_is_neither_unless_it_is_what_runs_or_declared(tmp_path: Path) -> None:
    made(tmp_path, {"a.ipynb": 2, "a.executed.ipynb": 2, "nb/b.executed.ipynb": 2, "nb/c.executed.ipynb": 2})
    found = scan(tmp_path, always=["a.executed.ipynb"], data=["nb/c.executed.ipynb"])
    assert code(found) == ["a.executed.ipynb", "a.ipynb", "nb"]
    assert data(found) == [("nb/c.executed.ipynb", "declared")]
