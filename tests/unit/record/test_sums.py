from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from snapshot.record.sums import check_sums, write_sums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "log").write_bytes(b"\xff\n")
    (tmp_path / "outputs").mkdir()
    write_sums(tmp_path)
    return tmp_path


def test_the_file_is_one_for_sha256sum(folder: Path):
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "run.json: OK\nlog: OK\n"
    assert check_sums(folder) == ()


def test_what_changed_or_went_is_named(folder: Path):
    (folder / "log").write_text("other")
    (folder / "run.json").unlink()
    assert check_sums(folder) == ("`run.json` is gone", "`log` is not the file that it was")


@pytest.mark.parametrize("line", ["", "x", "0" * 64 + "  ../../etc/passwd", "\x1b[31m"])
def test_a_damaged_file_says_so_and_leads_nowhere(folder: Path, line: str):
    (folder / "SHA256SUMS").write_text(line + "\n")
    assert check_sums(folder) == ("`SHA256SUMS` is damaged",)


def test_runs_of_before_there_were_sums_are_not_wrong(tmp_path: Path):
    assert check_sums(tmp_path) == ()
