"""What trains again in the image of an export."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from snapshot.project.names import to_text
from snapshot.share.export.inside import retrain


def data(target: Path, **changes: Any) -> dict[str, Any]:
    return {"target": str(target), "kind": "folder", "bytes": None, "manifest": None, "written": False, **changes}


def problems(*found: dict[str, Any]) -> list[str]:
    return [text for text in retrain.problems({"data": found}) if "no folder for the results" not in text]


def test_data_must_be_there_and_have_their_sizes(tmp_path: Path) -> None:
    folder, one = tmp_path / "d", tmp_path / "one.csv"
    entries = b"".join(b"0" * 64 + b" %d %b\0" % (size, name) for name, size in ((b"a.csv", 3), (b"b\xff.csv", 0)))
    (tmp_path / "list.gz").write_bytes(gzip.compress(b"snap.data/1\n" + entries))
    listed = data(folder, manifest=str(tmp_path / "list.gz"))
    assert "are missing" in problems(listed)[0]
    folder.mkdir()
    assert "`a.csv` is missing" in problems(listed)[0]
    (folder / "a.csv").write_text("12")
    assert "`a.csv` has another size" in problems(listed)[0]
    (folder / "a.csv").write_text("123")
    (folder / os.fsdecode(b"b\xff.csv")).write_text("")
    assert problems(listed) == []
    one.write_text("12")
    assert "another size" in problems(data(one, kind="file", bytes=3))[0]
    assert problems(data(one, kind="file", bytes=2), data(folder)) == []


def test_names_are_read_as_they_were_written() -> None:
    for name in ("a.csv", "é.csv", os.fsdecode(b"b\xff.csv")):
        assert retrain.name(to_text(name)) == name


def test_the_environment_is_that_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/lib")
    monkeypatch.setenv("TOKEN", "given")
    found = retrain.environment({"environment": {"SEED": "7"}, "import_roots": ["src"]})
    assert (found["SEED"], found["TOKEN"]) == ("7", "given")
    assert found["PYTHONPATH"] == "/lib:/workspace/src"


def test_results_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(retrain, "RESULTS", str(tmp_path))
    (tmp_path / "same").write_bytes(b"")
    (tmp_path / "other").write_bytes(b"x")
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    outputs = [{"path": path, "sha256": empty} for path in ("same", "other", "gone")]
    retrain.compare({"outputs": [*outputs, {"path": "link", "sha256": None}]})
    assert capsys.readouterr().out.splitlines() == [
        *("differs: other", "differs: gone", "1 of 3 results are the same, bit for bit"),
    ]


def test_what_is_mounted_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrain, "CODE", str(tmp_path))
    (tmp_path / "data/deep").mkdir(parents=True)
    (tmp_path / "data/deep/a").write_text("")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/b").write_text("")
    (tmp_path / "link").symlink_to("out")
    assert sorted(retrain.seen({str(tmp_path / "data")})) == ["link", "out/b"]
