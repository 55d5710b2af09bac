"""The boundary where errors become words and an exit code; and what never gets that far."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from snapshot.cli.build import _check_tag
from snapshot.errors import UsageError


def snap(*arguments: str, cwd: Path, shell: str = "", env: Mapping[str, str] | None = None):
    line = f'exec "$0" -m snapshot "$@" {shell}'
    return subprocess.run(
        ["bash", "-c", line, sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("arguments", [("ls", "--json"), ("--help",), ("--version",), ("run", "--help")])
def test_output_that_can_not_be_written(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = snap(*arguments, cwd=tmp_path, shell=">/dev/full")
    assert done.stderr == "error: can't write the output: no space left on device\n"
    assert done.returncode == (125 if arguments[0] == "run" else 3)


def test_what_click_says_on_several_lines_is_said_on_one(tmp_path: Path) -> None:
    done = snap("completion", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: missing argument `{bash|zsh|fish}`. Choose from: bash, zsh, fish",
        "hint: see `snap completion --help`",
    ]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_streams_that_the_caller_closed(tmp_path: Path, closed: str) -> None:
    done = snap("ls", "--json", cwd=tmp_path, shell=closed)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout == ("" if ">&-" in closed.split() else "[]\n")


def test_words_on_stderr_that_can_not_be_written_end_nothing(tmp_path: Path) -> None:
    assert snap("ls", cwd=tmp_path, shell="2>/dev/full").returncode == 0
    assert snap("show", cwd=tmp_path, shell="2>/dev/full").returncode == 2


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = 'rmdir "$PWD"; exec "$0" -m snapshot ls'
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run(["bash", "-c", line, sys.executable], cwd=gone, env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert "error: the working directory is gone\nhint: `cd`" in done.stderr


def test_what_the_system_refuses_is_no_bug(tmp_path: Path) -> None:
    (tmp_path / "snap.toml").mkdir()
    done = snap("lock", cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert done.returncode in (2, 3)


def test_a_number_of_runs(tmp_path: Path) -> None:
    for text in ("x", "0", "-1"):
        done = snap("ls", "-n", text, cwd=tmp_path)
        assert done.returncode == 2
        assert f"`{text}` is not a number of runs, 1 or more" in done.stderr
    assert snap("ls", "-n", "1", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "tag", ["a", "me/my-training:1", "localhost:5000/a", "Registry.example.org/a/b__c:V1.2-x", "a.b-c---d_e"]
)
def test_names_of_images(tag: str) -> None:
    _check_tag(tag)


@pytest.mark.parametrize(
    "tag", ["", "Bad Tag", "A", "a:", "a:-x", ":1", "a//b", "a/", "a@sha256:1", "a:b:c", "a" * 256]
)
def test_names_that_images_can_not_have(tag: str) -> None:
    with pytest.raises(UsageError, match="is not a name that an image can have"):
        _check_tag(tag)
