"""What building a package takes, read out of its source."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from snapshot.errors import BuildError
from snapshot.lock import wheels
from snapshot.lock.document import Package, Sdist, Vcs


def archive(path: Path, contents: dict[str, str]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name, text in contents.items():
                zipped.writestr(name, text)
        return path
    with tarfile.open(path, "w:gz") as tarred:
        for name, text in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tarred.addfile(info, io.BytesIO(text.encode()))
    return path


PROJECT = '[build-system]\nrequires = ["hatchling>=1", "cython ; python_version > \'3\'"]\n'


@pytest.mark.parametrize("name", ["spam-1.0.tar.gz", "spam-1.0.zip"])
def test_requirements_of_a_build(tmp_path: Path, name: str) -> None:
    files = {
        "spam-1.0/tests/pyproject.toml": "x",
        "spam-1.0/pyproject.toml": PROJECT,
        "spam-1.0/sub/pyproject.toml": "",
    }
    made = archive(tmp_path / name, files)
    assert wheels.build_system(made, "", "spam") == ("hatchling>=1", "cython ; python_version > '3'")
    assert wheels.build_system(made, "sub", "spam") == wheels.DEFAULT


def test_without_a_word_it_is_setuptools(tmp_path: Path) -> None:
    assert wheels.build_system(archive(tmp_path / "a.zip", {"spam-1.0/setup.py": ""}), "", "spam") == wheels.DEFAULT
    flat = archive(
        tmp_path / "b.zip", {"pyproject.toml": "[build-system]\nrequires = []\n", "tests/pyproject.toml": "x"}
    )
    assert wheels.build_system(flat, "", "spam") == ()


@pytest.mark.parametrize(
    "text",
    ["[build-system", "[build-system]\n", "[build-system]\nrequires = 3\n", '[build-system]\nrequires = ["a\\nb"]\n'],
)
def test_what_can_not_be_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(BuildError, match="`spam`"):
        wheels.build_system(archive(tmp_path / "a.tar.gz", {"spam-1.0/pyproject.toml": text}), "", "`spam`")


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(BuildError, match="no archive that can be read"):
        wheels.build_system(tmp_path / "a.tar.gz", "", "`spam`")


def test_where_the_project_is_in_its_source() -> None:
    sdist = Sdist(name="a.zip", url="https://host/a.zip#subdirectory=python/spam", hashes={})
    assert wheels.subdirectory(Package(name="spam", version="1.0", sdist=sdist)) == "python/spam"
    vcs = Vcs(type="git", url="https://host/a", commit_id="c" * 40, subdirectory="sub")
    assert wheels.subdirectory(Package(name="spam", version="1.0", sdist=sdist, vcs=vcs)) == "sub"
