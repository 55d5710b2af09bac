"""The tutorial and the how-tos do what they say, word for word."""

from pathlib import Path

from tests.pages import follow


def test_the_tutorial(repository: Path, engine: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    folder.mkdir()
    follow(repository / "docs/tutorial.md", folder, engine)
