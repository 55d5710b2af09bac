"""What differs between two code snapshots, and whether the patch makes one of the other."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snapshot.compare.code import PATIENCE, FileChange, changes, patch
from snapshot.project import names
from snapshot.record.code.snapshots import CodeEntry

Tree = dict[str, tuple[str, bytes]]
"""Path → mode and content, or where a link leads."""


class Contents(dict[str, bytes]):
    """Contents by a name for each."""

    def entries(self, tree: Tree) -> list[CodeEntry]:
        return [self.entry(path, mode, data) for path, (mode, data) in tree.items()]

    def entry(self, path: str, mode: str, data: bytes) -> CodeEntry:
        path = names.to_text(path)
        if mode == "040000":
            return CodeEntry(path=path, mode=mode)
        if mode == "120000":
            return CodeEntry(path=path, mode=mode, target=data.decode())
        self[data.hex()] = data
        return CodeEntry(path=path, mode=mode, size=len(data), sha256=data.hex() or "00")  # type: ignore[arg-type]

    def read(self, entry: CodeEntry) -> bytes:
        return self[entry.sha256.removeprefix("00") if entry.sha256 == "00" else entry.sha256]


def compared(old: Tree, new: Tree) -> tuple[list[FileChange], bytes]:
    contents = Contents()
    found = list(changes(contents.entries(old), contents.entries(new)))
    patches = [patch(change, contents.read) for change in found]
    return found, b"".join(line for one in patches for line in (*one.head, *one.lines))


def text(**files: str) -> Tree:
    return {name.replace("_", "."): ("100644", content.encode()) for name, content in files.items()}


def test_each_kind_of_change_is_told() -> None:
    old = text(a_py="1\n", b_py="1\n", c_sh="x\n", same_py="s\n")
    new = text(a_py="2\n", c_sh="x\n", d_py="", same_py="s\n")
    new["c.sh"] = ("100755", b"x\n")
    found, said = compared(old, new)
    assert [(c.word, c.path) for c in found] == [
        ("changed", "a.py"),
        ("removed", "b.py"),
        ("mode", "c.sh"),
        ("added", "d.py"),
    ]
    assert said.splitlines() == [
        *(b"diff --git a/a.py b/a.py", b"index d00491fd7e5b..0cfbf08886fc 100644", b"--- a/a.py", b"+++ b/a.py"),
        *(b"@@ -1 +1 @@", b"-1", b"+2"),
        *(b"diff --git a/b.py b/b.py", b"deleted file mode 100644", b"index d00491fd7e5b..000000000000"),
        *(b"--- a/b.py", b"+++ /dev/null", b"@@ -1 +0,0 @@", b"-1"),
        *(b"diff --git a/c.sh b/c.sh", b"old mode 100644", b"new mode 100755"),
        *(b"diff --git a/d.py b/d.py", b"new file mode 100644", b"index 000000000000..e69de29bb2d1"),
    ]


def test_a_folder_is_told_only_where_nothing_in_it_is() -> None:
    old: Tree = {"gone": ("040000", b""), "kept": ("040000", b""), "kept/a": ("100644", b"")}
    new: Tree = {"kept": ("040000", b""), "kept/a": ("100644", b"1"), "new": ("040000", b""), "new/é": ("100644", b"")}
    assert [change.path for change in compared(old, new)[0]] == ["gone", "kept/a", "new/é"]


def test_what_is_no_text_is_only_named() -> None:
    old, new = ({"m.bin": ("100644", b"\0" + data)} for data in (b"a", b"b"))
    contents = Contents()
    (change,) = changes(contents.entries(old), contents.entries(new))
    found = patch(change, contents.read)
    assert found.binary and found.lines == () and found.head[-1] == b"Binary files a/m.bin and b/m.bin differ\n"


def test_many_lines_are_not_matched_one_by_one() -> None:
    old = "".join(f"{i}\n" for i in range(PATIENCE))
    new = old.replace("500\n", "x\n", 1).replace("900\n", "y\n", 1)
    contents = Contents()
    (change,) = changes(contents.entries(text(a=old)), contents.entries(text(a=new)))
    found = patch(change, contents.read)
    assert found.lines[0] == b"@@ -498,407 +498,407 @@\n" and (found.added, found.removed) == (401, 401)


NAMES = st.sampled_from(["a.py", "with space.py", 'quo"te.py', "new\nline", "tab\tä.py", "back\\slash", "cafe\udce9"])
LINES = st.lists(st.sampled_from([b"a", b"b", b"", b" x", b"-- a", b"\r", b"\xff\x0c\xe2\x80\xa8"]), max_size=12)
DATA = st.tuples(LINES, st.booleans()).map(lambda pair: b"\n".join(pair[0]) + b"\n" * pair[1])
FILES = st.tuples(st.sampled_from(["100644", "100755"]), DATA)
LINKS = st.tuples(st.just("120000"), st.sampled_from([b"a", b"nowhere/b", "ä".encode()]))
TREES = st.dictionaries(NAMES, FILES | LINKS, max_size=4)


def write(folder: Path, tree: Tree) -> None:
    for name, (mode, data) in tree.items():
        if mode == "120000":
            (folder / name).symlink_to(data.decode())
        else:
            (folder / name).write_bytes(data)
            (folder / name).chmod(int(mode, 8) & 0o777)


def contents_of(folder: Path) -> Tree:
    found: Tree = {}
    for path in folder.iterdir():
        executable = "100755" if path.lstat().st_mode & 0o100 else "100644"
        link = path.is_symlink()
        found[path.name] = ("120000", str(path.readlink()).encode()) if link else (executable, path.read_bytes())
    return found


@pytest.mark.parametrize(
    "program", [["git", "apply", "--whitespace=nowarn", "--unsafe-paths"], ["patch", "-p1", "--quiet", "--binary"]]
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(old=TREES, new=TREES)
def test_the_patch_makes_the_new_of_the_old(
    tmp_path_factory: pytest.TempPathFactory, program: list[str], old: Tree, new: Tree
) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"there is no `{program[0]}`")
    folder = tmp_path_factory.mktemp("tree")
    write(folder, old)
    _, said = compared(old, new)
    if said:
        done = subprocess.run(program, cwd=folder, input=said, capture_output=True, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr, said)
    assert contents_of(folder) == new
