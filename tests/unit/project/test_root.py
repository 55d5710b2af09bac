"""Where a project begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.project.root import find_root


def made(root: Path, *paths: str) -> None:
    for path in paths:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["p/src/deep/"], "p/src/deep"),
        (["p/snap.toml", "p/src/deep/"], "p"),
        (["p/snap.lock", "p/src/deep/"], "p"),
        (["p/.snap/", "p/src/deep/"], "p"),
        (["p/snap.toml", "p/src/snap.lock", "p/src/deep/"], "p/src"),
        (["p/src/requirements.txt", "p/src/deep/"], "p/src"),
        (["p/pyproject.toml", "p/src/deep/"], "p"),
        (["p/environment.yml", "p/src/deep/"], "p"),
        (["p/setup.py", "p/src/deep/"], "p"),
        (["p/snap.toml", "p/src/requirements.txt", "p/src/deep/"], "p"),
        (["p/requirements.txt", "p/src/.git/", "p/src/deep/"], "p/src/deep"),
        (["p/.git/", "p/requirements.txt", "p/src/deep/"], "p"),
        (["p/snap.toml", "p/src/.git/", "p/src/deep/"], "p"),
        ([".snap/", "p/src/deep/"], "p/src/deep"),
        (["requirements.txt", "p/src/deep/"], "p/src/deep"),
        (["snap.toml", "p/src/deep/"], "p/src/deep"),
    ],
)
def test_the_root_of_a_project_in_the_home_folder(tmp_path: Path, paths: list[str], expected: str) -> None:
    made(tmp_path, *paths)
    assert find_root(tmp_path / "p/src/deep", home=tmp_path) == tmp_path / expected


def test_the_home_folder_is_a_root_only_when_one_stands_in_it(tmp_path: Path) -> None:
    made(tmp_path, "snap.toml")
    assert find_root(tmp_path, home=tmp_path) == tmp_path


def test_elsewhere_the_climb_ends_below_the_root_of_the_file_system(tmp_path: Path) -> None:
    made(tmp_path, "a/snap.toml", "a/b/c/")
    assert find_root(tmp_path / "a/b/c", home=Path("/home/nobody")) == tmp_path / "a"
    assert find_root(Path("/proc/self"), home=Path("/home/nobody")) == Path("/proc/self")
