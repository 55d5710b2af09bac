"""The tools of a build are addressed by their content."""

from pathlib import Path

import pytest

from snapshot.errors import BuildError
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


def test_an_old_python_is_refused() -> None:
    tools.check_python("3.13.5")
    with pytest.raises(BuildError, match=r"Python 2\.7\.18"):
        tools.check_python("2.7.18")
