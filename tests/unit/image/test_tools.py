"""The tools of a build are addressed by their content."""

from pathlib import Path

import pytest

from snapshot.errors import BuildError, NetworkError
from snapshot.image import tools


def test_the_folder_is_the_same_every_time(tmp_path: Path) -> None:
    folder = tools.folder(tmp_path)
    assert tools.folder(tmp_path) == folder
    assert tools.folder(tmp_path / "elsewhere").name == folder.name
    assert (folder / tools.SCRIPT).is_file()
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".py"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_damaged_folder_is_made_anew(tmp_path: Path) -> None:
    folder = tools.folder(tmp_path)
    good = (folder / tools.SCRIPT).read_bytes()
    (folder / tools.SCRIPT).write_text("broken")
    assert (tools.folder(tmp_path) / tools.SCRIPT).read_bytes() == good


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    assert tools.folder(tmp_path, "3.13.5") == tools.folder(tmp_path)
    for version in ("2.7.18", "3.7.17"):
        with pytest.raises(BuildError, match=f"Python {version}"):
            tools.folder(tmp_path, version)


def test_an_old_python_takes_its_own_installer(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"`installer-[\d.]+-py3-none-any\.whl`"):
        tools.folder(tmp_path, "3.9.2+", offline=True)
