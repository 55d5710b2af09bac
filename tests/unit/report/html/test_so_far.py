"""What a run that goes on has written: read as it is at one moment, whatever it does to its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snapshot.record.document import Data, Run
from snapshot.record.metrics import reading
from snapshot.record.store import Store
from snapshot.report.html.so_far import CHANGE, seen, so_far
from tests.unit.record.records import a_run, keep

GOING = {"exit": None, "status": "running", "ended": None}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def run(store: Store) -> Run:
    run = a_run(1, **GOING)
    keep(store, run)
    return run


@pytest.fixture
def outputs(store: Store, run: Run) -> Path:
    (store.folder(run.id) / "outputs").mkdir()
    return store.folder(run.id) / "outputs"


def test_metrics_and_files_are_those_of_now(store: Store, run: Run, outputs: Path) -> None:
    (outputs / "logs").mkdir()
    (outputs / "logs/m.csv").write_text("step,loss\n1,0.5\n2,0.25\n3,0.")
    (outputs / "model.pt").write_bytes(b"x" * 1000)
    with so_far(store, run) as (found, folder):
        assert {(one.path, one.size, one.change) for one in found.outputs} == {
            ("logs/m.csv", 27, CHANGE), ("model.pt", 1000, CHANGE),
        }  # fmt: skip
        assert [(metric.name, metric.value, metric.points) for metric in found.metrics] == [("loss", 0.0, 3)]
        assert (folder / "logs/m.csv").read_bytes() == (outputs / "logs/m.csv").read_bytes()
    assert not folder.exists()


def test_a_run_that_has_ended_is_its_record(store: Store) -> None:
    ended = a_run(2)
    keep(store, ended)
    with so_far(store, ended) as (found, folder):
        assert found is ended and folder == store.folder(ended.id) / "outputs"


def test_what_is_written_to_data_folders_is_seen_too(store: Store) -> None:
    data = Data(path="data", target="/workspace/data", kind="folder", reason="ignored")
    run = a_run(1, data=(data,), **GOING)
    keep(store, run)
    written = store.folder(run.id) / "overlay/0/written"
    written.mkdir(parents=True)
    (written / "m.json").write_text('{"loss": 1}')
    with so_far(store, run) as (found, _):
        assert [one.path for one in found.outputs] == ["data/m.json"]
        assert [metric.name for metric in found.metrics] == ["loss"]


def test_links_pipes_and_devices_are_not_followed(store: Store, run: Run, outputs: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"secret": 1}')
    (outputs / "link.json").symlink_to(tmp_path / "secret.json")
    (outputs / "folder").symlink_to(tmp_path)
    os.mkfifo(outputs / "pipe.json")
    (outputs / "m.json").write_text('{"loss": 1}')
    with so_far(store, run) as (found, _):
        assert [one.path for one in found.outputs] == ["m.json"]
        assert [metric.name for metric in found.metrics] == ["loss"]


def test_however_much_there_is_a_part_is_looked_at(store: Store, run: Run, outputs: Path) -> None:
    for number in range(20):
        (outputs / f"{number}.json").write_text("{}")
        (outputs / f"folder{number}").mkdir()
    assert len(list(seen(store, run, most=7))) == 7
    for path in outputs.glob("*.json"):
        path.unlink()
    (outputs / "folder9/m.json").write_text("{}")
    assert list(seen(store, run, most=7)) == []


def test_a_file_that_is_too_large_to_be_read_is_not_copied(store: Store, run: Run, outputs: Path) -> None:
    with (outputs / "huge.csv").open("w") as file:
        file.truncate(reading.LARGEST + 1)
    with so_far(store, run) as (found, folder):
        assert [one.path for one in found.outputs] == ["huge.csv"] and not found.metrics
        assert not (folder / "huge.csv").exists()


def test_names_that_are_no_text_are_those_of_records(store: Store, run: Run, outputs: Path) -> None:
    Path(os.fsdecode(os.fsencode(outputs) + b"/m\xff.json")).write_text('{"loss": 1}')
    with so_far(store, run) as (found, _):
        assert [one.path for one in found.outputs] == ["\0m\xff.json"]
        assert [metric.name for metric in found.metrics] == ["loss"]


def test_nothing_written_is_nothing(store: Store, run: Run) -> None:
    with so_far(store, run) as (found, _):
        assert found.outputs == () and found.metrics == ()
