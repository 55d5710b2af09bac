"""Where exports are written to, and zip archives of them."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.record.store import Store
from snapshot.share.export import target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "export"
    (path / "results").mkdir(parents=True)
    (path / "retrained").mkdir()
    (path / "README.md").write_text("text " * 1000)
    (path / "results" / "é.bin").write_bytes(b"\0" * 1000)
    (path / "run.sh").write_text("")
    (path / "run.sh").chmod(0o755)
    (path / "link").symlink_to("README.md")
    for each in (path, *path.rglob("*")):
        os.utime(each, (1783764997, 1783764997), follow_symlinks=False)
    return path


def test_a_zip_is_unpacked_to_what_it_was_made_of(folder: Path, tmp_path: Path) -> None:
    target.hand_over(folder, tmp_path / "export.zip")
    (tmp_path / "out").mkdir()
    script = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    subprocess.run(["python3", "-c", script, tmp_path / "export.zip", tmp_path / "out"], check=True)
    assert (tmp_path / "out/results/é.bin").read_bytes() == b"\0" * 1000
    assert (tmp_path / "out/retrained").is_dir()
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        assert (modes["run.sh"], modes["link"] & 0o170000) == (0o100755, 0o120000)
        assert archive.read("link") == b"README.md"
        assert archive.getinfo("README.md").compress_type == zipfile.ZIP_DEFLATED
        assert archive.getinfo("results/é.bin").compress_type == zipfile.ZIP_STORED


def test_equal_folders_are_equal_zips(folder: Path, tmp_path: Path) -> None:
    target.hand_over(folder, tmp_path / "a.zip")
    first = (tmp_path / "a.zip").read_bytes()
    (folder.parent / "zip").unlink(missing_ok=True)
    target.hand_over(folder, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == first


def test_a_folder_gets_its_name(folder: Path, tmp_path: Path) -> None:
    target.hand_over(folder, tmp_path / "public")
    assert (tmp_path / "public/README.md").exists()
    assert not folder.exists()


def test_places_that_will_not_do(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    store = Store(project)
    for path, words in (
        (tmp_path / "x.tar.gz", "neither a folder"),
        (tmp_path, "is there already"),
        (tmp_path / "no" / "x", "is not there"),
        (project / ".git" / "x", "others keep"),
    ):
        with pytest.raises(UsageError, match=words):
            target.check(path, store)
    target.check(project / "x", store)
    assert target.is_in_project(project / "x", store)
    assert not target.is_in_project(tmp_path / "x", store)
