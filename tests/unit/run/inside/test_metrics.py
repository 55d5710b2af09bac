"""`snapshot.log`, as a training calls it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import snapshot
from tests.unit.run.inside.conftest import Inside


class Scalar:
    """What NumPy's and the frameworks' scalars have in common."""

    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        if isinstance(self.value, list):
            raise ValueError("only an array of size 1 can be converted")
        return self.value


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of metrics of a run that has just begun."""
    file = tmp_path / "snap-metrics.jsonl"
    monkeypatch.setenv("SNAP_METRICS", str(file))
    monkeypatch.setenv("SNAP_RUN", f"test-{os.urandom(8).hex()}")
    return file


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_outside_a_run_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SNAP_METRICS", raising=False)
    monkeypatch.chdir(tmp_path)
    snapshot.log(step=1, loss=object())
    assert list(tmp_path.iterdir()) == []


def test_each_call_is_a_line(run: Path):
    snapshot.log(step=1, loss=0.5, accuracy=Scalar(0.25))
    snapshot.log(done=True, count=Scalar(3))
    assert run.read_text() == '{"step": 1, "loss": 0.5, "accuracy": 0.25}\n{"done": true, "count": 3}\n'


def test_what_is_no_finite_number_is_written_as_python_reads_it(run: Path):
    snapshot.log(loss=float("nan"), best=float("-inf"))
    assert str(lines(run)) == "[{'loss': nan, 'best': -inf}]"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0.5", "`loss` is no number but a str: '0.5'"),
        (None, "`loss` is no number but a NoneType: None"),
        (1j, "`loss` is no number but a complex: 1j"),
        ([1, 2], "`loss` is no number but a list: [1, 2]"),
    ],
)
def test_what_is_no_number_is_refused_and_nothing_is_written(run: Path, value: object, said: str):
    with pytest.raises(TypeError) as raised:
        snapshot.log(step=1, loss=value)
    assert str(raised.value) == said
    assert not run.exists()


def test_an_array_of_several_elements_is_refused(run: Path):
    with pytest.raises(TypeError, match=r"`loss` is no number but a \S+\.Scalar: <.*"):
        snapshot.log(loss=Scalar([1, 2]))


def test_what_an_earlier_run_left_goes_with_the_first_line(run: Path, monkeypatch: pytest.MonkeyPatch):
    snapshot.log(loss=1)
    monkeypatch.setenv("SNAP_RUN", f"test-{os.urandom(8).hex()}")
    snapshot.log(loss=2)
    snapshot.log(loss=3)
    assert lines(run) == [{"loss": 2}, {"loss": 3}]


def test_lines_of_several_processes_are_whole(inside: Inside):
    file = inside.workspace / "snap-metrics.jsonl"
    file.write_text('{"loss": "of an earlier run"}\n')
    program = """
        import multiprocessing, snapshot
        def work(rank):
            for step in range(100):
                snapshot.log(step=step, rank=rank, loss=1 / 3)
        if __name__ == "__main__":
            workers = [multiprocessing.Process(target=work, args=(rank,)) for rank in range(4)]
            for worker in workers: worker.start()
            for worker in workers: worker.join()
    """
    inside.run(program, env={"SNAP_METRICS": str(file), "SNAP_RUN": f"test-{os.urandom(8).hex()}"})
    assert len(lines(file)) == 400
    assert sorted((line["rank"], line["step"]) for line in lines(file)) == [
        (r, s) for r in range(4) for s in range(100)
    ]
