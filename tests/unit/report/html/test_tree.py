"""Files as folders in folders."""

from __future__ import annotations

from snapshot.project.names import to_text
from snapshot.report.html.tree import DEEPEST, MOST, File, Folder, tree


def test_folders_know_what_is_in_them() -> None:
    found = tree([File("a/b/one", 3, "x"), File("a/two", 4, "y"), File("three", 5, "z")])
    assert (found.count, found.size, [f.name for f in found.files]) == ("3 files", "12 B", ["three"])
    (a,) = found.folders
    assert (a.name, a.count, a.size, [f.name for f in a.files]) == ("a", "2 files", "7 B", ["two"])
    assert [f.name for f in a.folders[0].files] == ["one"]


def test_neither_number_nor_depth_makes_it_endless() -> None:
    found = tree([File(f"{n:05}", 1, "") for n in range(5000)] + [File("d/" * 5000 + "x", 1, "")])
    assert len(found.files) + len(found.folders) == MOST
    assert found.more == 5001 - MOST
    depth, at = 0, found
    while at.folders:
        depth, at = depth + 1, at.folders[0]
    assert depth == DEEPEST
    assert _names(at) == ["d/" * (5000 - DEEPEST) + "x"]


def test_names_that_are_no_text_are_legible() -> None:
    found = tree([File(to_text("caf\udce9/\udcff\x1b"), 1, "")])
    assert [folder.name for folder in found.folders] == ["caf\\xe9"]
    assert _names(found.folders[0]) == ["\\\\xff\\x1b"]


def _names(folder: Folder) -> list[str]:
    return [file.name for file in folder.files]
