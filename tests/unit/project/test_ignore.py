"""The ignore rules, against git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snapshot.project import ignore
from snapshot.project.tree import scan

FOLDERS = ("a", "b", "foo", "foo/b", "foo/b/a", "a/foo", "a/a", "a/a/b", "x.y", "café", "empty")
FILES = (
    "a1",
    "b.py",
    "foo.pyc",
    "ab",
    "a b",
    "b ",
    "[a]",
    "!a",
    "#a",
    "-",
    "]",
    "é",
    "\\",
    "x.y.z",
    "a\nb",
    "*",
    "A",
    "\udcff",
)


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git work tree with names that are hard to match."""
    root = tmp_path_factory.mktemp("ignored")
    subprocess.run(["git", "init", "-q", str(root)], check=True, capture_output=True)
    for folder in ("", *FOLDERS):
        (root / folder).mkdir(exist_ok=True)
        for name in FILES if folder in ("", "foo", "foo/b", "a/a") else FILES[:4] * (folder != "empty"):
            (root / folder / name).write_bytes(b"")
    (root / "foo" / "link").symlink_to("b")
    return root


def ignored_by_git(root: Path, below: Path | None = None) -> set[str]:
    """Every path below `root` that `git check-ignore` names, but for links, which are never data."""
    paths = [
        os.path.relpath(p, root) for p in (below or root).rglob("*") if ".git" not in p.parts and not p.is_symlink()
    ]
    done = subprocess.run(
        ["git", "-C", str(root), "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "--stdin", "-z"],
        input=b"\0".join(os.fsencode(path) for path in paths),
        capture_output=True,
    )
    assert done.returncode in (0, 1), done.stderr
    return {os.fsdecode(path) for path in done.stdout.split(b"\0") if path}


def ignored_by_us(root: Path) -> set[str]:
    """Every path below `root` that a scan finds ignored, those in ignored folders too."""
    found = {item.path for item in scan(root).data}
    below = {os.path.relpath(p, root) for path in found for p in (root / path).rglob("*") if not p.is_symlink()}
    return found | below


def written(root: Path, files: dict[str, bytes]) -> None:
    for place in (root, *(root / folder for folder in FOLDERS)):
        (place / ".gitignore").unlink(missing_ok=True)
    (root / ".git" / "info" / "exclude").write_bytes(files.pop(".git/info/exclude", b""))
    for path, data in files.items():
        (root / path).write_bytes(data)


PIECES = r"""
a b foo * ** ? / / ! [ab] [!a] [^a-c] [] [a []a] [[:alpha:]] [[:x:]] [[:punct:][:digit:]] [a-] [\]] [a\-c] [z-a] [ ]
\ \* # .py x.y é **/ /** - [[:upper:] [[:] [/] \/ A c* [é] [[:space:]] [[:cntrl:]]
""".split()  # noqa: SIM905
SOME = st.sampled_from([*PIECES, " ", "\\ ", "\t", "\r"])
LINE = st.lists(SOME, max_size=5).map("".join).map(os.fsencode) | st.binary(max_size=3)
TEXT = st.lists(LINE, max_size=5).flatmap(
    lambda lines: st.sampled_from([b"\n", b"\r\n"]).map(lambda end: end.join(lines))
)
PLACES = st.sampled_from(
    [".gitignore", ".gitignore", "foo/.gitignore", "foo/b/.gitignore", "a/.gitignore", ".git/info/exclude"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(PLACES, TEXT, min_size=1, max_size=3))
def test_ignores_what_git_ignores(work_tree: Path, files: dict[str, bytes]) -> None:
    written(work_tree, dict(files))
    assert ignored_by_us(work_tree) == ignored_by_git(work_tree)


@pytest.mark.parametrize(
    "text",
    [
        "*\n!*/\n!*.py\n",
        "foo/*\n!foo/b/\n",
        "a**/b\n",
        "/foo/**/a*\n",
        "**/a/b.py\n",
        "foo/**\n",
        "b \nb\\ \n",
        "\\#a\n\\!a\n",
        "x.y/\n",
        "\ufeff*.pyc\n",
        "foo.pyc\r\nab\r\n",
        "?\n",
        "[[:alpha:]]?\n",
        "link/\n",
        "a/a[!x]b\nfoo[/]b\n/foo[^x]ab\n",
        "a[!x]*\n/foo/b[!-~]a\n",
        "*.pyc\n!foo.pyc\n/foo.pyc\n",
        "/\n",
        "//\n",
        "/*\n!/foo\n/foo/*\n!/foo/b\n",
    ],
)
def test_ignores_what_git_ignores_in_known_traps(work_tree: Path, text: str) -> None:
    written(work_tree, {".gitignore": text.encode()})
    assert ignored_by_us(work_tree) == ignored_by_git(work_tree)


def test_a_project_below_the_top_of_its_work_tree_obeys_the_ignore_files_above(work_tree: Path) -> None:
    written(work_tree, {".gitignore": b"/foo/b/a\n*.pyc\n", "foo/.gitignore": b"!foo.pyc\nb/ab\n"})
    ours = {f"foo/b/{path}" for path in ignored_by_us(work_tree / "foo" / "b")}
    assert ours == ignored_by_git(work_tree, work_tree / "foo" / "b")
    assert "foo/b/a" in ours


def test_a_work_tree_that_ignores_the_whole_project_has_no_say_in_it(work_tree: Path) -> None:
    written(work_tree, {".gitignore": b"foo\n*.pyc\n"})
    assert ignored_by_us(work_tree / "foo") == set()


def test_without_a_repository_ignore_files_count_from_the_project_down(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.bin\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / ".gitignore").write_text("/x\n")
    for name in ("x", "y.bin"):
        (project / name).touch()
    assert ignored_by_us(project) == {"x"}


def test_an_ignore_file_that_is_a_link_or_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("x\n")
    (tmp_path / ".gitignore").symlink_to("rules")
    (tmp_path / "x").touch()
    (tmp_path / "sub" / ".gitignore").mkdir(parents=True)
    assert ignored_by_us(tmp_path) == set()
    assert ignore.read_file(tmp_path / "sub" / ".gitignore") is None
