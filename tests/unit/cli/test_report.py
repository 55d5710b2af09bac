"""`snap report`: which page, and where it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snapshot.cli.app import snap
from snapshot.record.store import Store
from tests.unit.record.stores import trained


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three runs."""
    (tmp_path / "snap.toml").write_text("")
    store = Store(tmp_path)
    for number in range(3):
        trained(store, number, {"a.txt": b"%d" % number}, name=f"run{number}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(*arguments: str) -> Result:
    return CliRunner().invoke(snap, ["report", *arguments], prog_name="snap")


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        ((), "<title>run2: ok</title>"),
        (("run1",), "<title>run1: ok</title>"),
        (("run0", "run1"), "<title>run0 and run1: different: outputs</title>"),
        (("run0", "run1", "run2"), "<title>3 runs of"),
        (("--all",), "<title>3 runs of"),
    ],
)
def test_a_page_of_what_is_asked_for(project: Path, arguments: tuple[str, ...], title: str) -> None:
    done = report(*arguments)
    assert done.exit_code == 0, done.output
    path = Path(done.stdout.strip())
    assert path.parent == project / ".snap/cache/reports"
    assert title in path.read_text(encoding="utf-8")
    assert report(*arguments, "-o", "-").stdout.startswith("<!doctype html>")


def test_it_is_written_where_it_is_to_be_and_over_an_earlier_one(project: Path) -> None:
    for _ in range(2):
        assert report("-o", "r.html").stdout == "r.html\n"
    assert "run2" in (project / "r.html").read_text()
    assert not [name for name in project.iterdir() if name.name.startswith(".r.html")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "."), "`.` is a folder"),
        (("-o", "no/r.html"), "there is no folder `no`"),
        (("--open", "-o", "-"), "`--open` needs a file"),
        (("--all", "run1"), "`--all` and RUN exclude each other"),
        (("nothing",), "there is no run `nothing`"),
    ],
)
def test_what_can_t_be_is_refused(project: Path, arguments: tuple[str, ...], said: str) -> None:
    done = report(*arguments)
    assert done.exit_code == 2
    assert f"error: {said}" in done.stderr
