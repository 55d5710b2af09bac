"""What is offered at a Tab, that it writes nothing, and that it never fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.cli import shells
from snapshot.cli.app import snap
from snapshot.record import labels
from snapshot.record.document import Command
from snapshot.record.index import FILE, Index
from snapshot.record.store import Store
from tests.unit.record.stores import trained


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    (tmp_path / "snap.toml").write_text("")
    store = Store(tmp_path)
    for number in range(3):
        trained(store, number, {"a/b.txt": b"x", "a/c/d": b"y", "model.pt": b"z"}, name="old" if number == 0 else None)
    Index(store, worth_writing=1).refresh()
    newest = trained(store, 3, {}, command=Command(argv=("x\x1b[2J.py",), kind="script", directory="."), name="new:er")
    labels.tag(store, newest.id, "best", "2026-01-01T00:00:00Z")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/train.py").write_text("")
    monkeypatch.chdir(tmp_path)
    return store


@pytest.fixture
def offered(store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What a shell is answered for a line."""

    def ask(line: str, breaks: str = "") -> list[tuple[str, ...]]:
        monkeypatch.setenv(shells.LINE, line)
        monkeypatch.setenv(shells.BREAKS, breaks)
        shells.answer(snap)
        said = capsys.readouterr()
        assert said.err == ""
        return [tuple(line.split("\t")) for line in said.out.splitlines() if line]

    return ask


def values(answer: list[tuple[str, ...]]) -> list[str]:
    return [value for _, value, _ in answer]


def test_runs_by_what_they_are_called_each_with_what_it_is(offered, store: Store) -> None:
    answer = offered("snap show ")
    newest_first = list(reversed(store.ids()))
    assert values(answer) == ["latest", "best", "new:er", "old", *newest_first]
    about = {value: said for _, value, said in answer}
    assert about["latest"] == about["best"] == about[newest_first[0]]
    assert about["latest"].startswith("new:er, ok, ") and about["latest"].endswith(", 'x\\x1b[2J.py'")
    assert values(offered("snap show 20260101")) == newest_first
    assert values(offered("snap show o")) == ["old"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("snap run --from old:", ["old:a/", "old:model.pt"]),
        ("snap run --from old:a/", ["old:a/b.txt", "old:a/c/"]),
        ("snap run --from=old:a/b", ["--from=old:a/b.txt"]),
        ("snap bisect old best --output m", ["model.pt"]),
        ("snap tag latest ", ["best"]),
        ("snap run -m pack", ["package."]),
        ("snap run -m package.", ["package.train"]),
        ("snap run --gpus ", ["all", "1", "device="]),
        ("snap completion ", ["bash", "zsh", "fish"]),
        ("snap data ", ["ls", "status", "diff", "verify"]),
        ("snap 'show' \"ol", ["old"]),
        ("snap unknown ", []),
        ("snap run x.py --gp", []),
        ("snap run --from none:", []),
        ("snap show new:", ["new:er"]),
    ],
)
def test_what_may_stand_there(offered, line: str, expected: list[str]) -> None:
    assert values(offered(line)) == expected


def test_bash_gets_what_it_holds_for_the_word(offered) -> None:
    assert values(offered("snap run --from=old:a/b", breaks=":=")) == ["a/b.txt"]
    assert values(offered("snap show new:", breaks=" :=")) == ["er"]


@pytest.mark.parametrize("line", ["snap run tr", "snap run x.py ", "snap which ", "snap run -- bash ", "snap import "])
def test_files_are_left_to_the_shell(offered, line: str) -> None:
    assert [kind for kind, *_ in offered(line)] == ["file"]


def test_nothing_is_written(offered, store: Store) -> None:
    def state() -> list[tuple[Path, int]]:
        return sorted((path, path.stat().st_mtime_ns) for path in store.project.rglob("*"))

    for number in range(4, 24):  # more than the index is to lack
        trained(store, number, {})
    (store.active / store.ids()[0]).touch()  # a run that lost its `snap`, which other commands would finish
    before = state()
    assert offered("snap show ") and offered("snap run --from old:") and offered("snap ls --sort ")
    assert state() == before


def test_what_is_damaged_or_not_there_is_left_out(offered, store: Store) -> None:
    (store.cache / FILE).write_bytes(b"no index")
    (store.folder(store.ids()[1]) / "run.json").write_bytes(b"{")
    assert values(offered("snap show 2026")) == [store.ids()[n] for n in (3, 2, 0)]
    (store.path / "version").write_text("99")
    assert offered("snap run --from old:") == []
    (store.project / "snap.lock").write_text("no lock")
    assert offered("snap lock --upgrade-package ") == []
