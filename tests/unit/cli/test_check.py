"""What is wrong with the words after `snap run`, found before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snapshot.cli import check
from snapshot.errors import UsageError


def test_data_in_the_project_is_no_data_outside(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    check.data(["..", str(tmp_path), "gone"], cwd=root, root=root)
    for text in (".", str(root), "sub", "../project/sub"):
        with pytest.raises(UsageError, match="lies in the project, which the run sees anyway"):
            check.data([text], cwd=root, root=root)


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("nope/x.py", "`nope/x.py`: the folder `nope` does not exist", "check the path"),
        ("tran.py", "`tran.py`", "did you mean `train.py`?"),
        ("sub/other.py", "`sub/other.py`", "that folder has `sub/a.py`"),
        ("empty/x.sh", "`empty/x.sh`", "that folder has no Python script"),
    ],
)
def test_a_script_that_is_not_there(tmp_path: Path, typed: str, message: str, hint: str) -> None:
    for name in ("train.py", "sub/a.py", "sub/.hidden.py", "empty/z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UsageError) as caught:
        check.exists(typed, cwd=tmp_path)
    assert caught.value.message == f"there is no script {message}"
    assert hint in str(caught.value.hint)


def test_a_single_word_may_be_a_program_of_the_image(tmp_path: Path) -> None:
    check.exists("nvidia-smi", cwd=tmp_path)


def test_other_scripts_must_be_executable(tmp_path: Path) -> None:
    for name in ("a.sh", "a.py"):
        (tmp_path / name).touch(0o644)
    check.startable(tmp_path / "a.py", "a.py")
    with pytest.raises(UsageError, match=r"`\./a\.sh` is not executable"):
        check.startable(tmp_path / "a.sh", "./a.sh")
    (tmp_path / "a.sh").chmod(0o755)
    check.startable(tmp_path / "a.sh", "./a.sh")


def test_a_script_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK)
    with pytest.raises(UsageError, match=r"no permission to read the script `a\.py`"):
        check.startable(tmp_path / "a.py", "a.py")
