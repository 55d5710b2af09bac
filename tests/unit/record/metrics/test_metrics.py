"""Which numbers of which outputs are metrics."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.record.document import Metric, Output
from snapshot.record.metrics import reading
from snapshot.record.metrics.naming import distinct
from snapshot.record.metrics.reading import metrics_of, series


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def outputs(folder: Path) -> list[Output]:
    return [
        Output(
            path=path.relative_to(folder).as_posix(), size=path.stat().st_size, sha256="x", mode=0o644, change="created"
        )
        for path in folder.rglob("*")
        if path.is_file()
    ]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path) -> tuple[Metric, ...]:
    return metrics_of(outputs(folder), lambda path: folder / path)


def told(folder: Path) -> dict[str, tuple[float | str, int]]:
    return {metric.name: (metric.value, metric.points) for metric in read(folder)}


def test_the_numbers_of_json_by_dotted_name(folder: Path) -> None:
    value = {"loss": 0.5, "eval": {"accuracy": 1, "by": {"cat": 0.25}}, "name": "x", "best": True, "none": None}
    path = write(folder, "metrics.json", json.dumps(value))
    assert told(folder) == {"loss": (0.5, 1), "eval.accuracy": (1, 1), "eval.by.cat": (0.25, 1)}
    assert series(path, "eval.accuracy") == ((None, 1.0),)


def test_lists_of_numbers_and_of_objects_are_series(folder: Path) -> None:
    history = [{"step": 10, "loss": 3, "lr": {"head": 0.1}}, {"step": 20, "loss": 2}, {"step": 20, "eval_loss": 2.5}]
    path = write(folder, "state.json", json.dumps({"losses": [3, None, 1.5], "log_history": history}))
    assert told(folder) == {
        "losses": (1.5, 2),
        "log_history.loss": (2, 2),
        "log_history.lr.head": (0.1, 1),
        "log_history.eval_loss": (2.5, 1),
    }
    assert series(path, "log_history.loss") == ((10, 3), (20, 2))
    assert series(path, "losses") == ((None, 3), (None, 1.5))
    assert series(path, "nothing") == ()


def test_what_is_no_series_is_left_out(folder: Path) -> None:
    write(folder, "a.json", json.dumps({"matrix": [[1, 2], [3, 4]], "words": ["a"], "mixed": [1, "a"], "empty": []}))
    write(folder, "b.json", json.dumps({"flags": [True, False], "huge": 10**400, "loss": 1}))
    assert told(folder) == {"loss": (1, 1)}


def test_numbers_without_a_name_have_that_of_the_file(folder: Path) -> None:
    write(folder, "accuracy.json", "0.9")
    write(folder, "losses.json", "[3, 2]")
    write(folder, "times.jsonl", "1\n2\n")
    assert told(folder) == {"accuracy": (0.9, 1), "losses": (2, 2), "times": (2, 2)}


def test_json_lines_are_series_with_the_most_exact_step(folder: Path) -> None:
    path = write(folder, "log.jsonl", '{"Epoch": 1, "step": 5, "loss": 3}\n\n{"Epoch": 1, "step": 6, "loss": NaN}\n')
    assert told(folder) == {"loss": ("nan", 2), "Epoch": (1, 2)}
    (_, first), (step, last) = series(path, "loss")
    assert (first, step, math.isnan(last)) == (3, 6, True)


def test_of_a_killed_writer_the_last_line_is_left_out(folder: Path) -> None:
    write(folder, "log.ndjson", '{"loss": 3}\n{"loss": 2}\n{"lo')
    write(folder, "log.csv", "epoch,accuracy\n1,0.5\n2,0.75\n3")
    assert told(folder) == {"loss": (2, 2), "accuracy": (0.75, 2)}


def test_numeric_columns_of_a_table(folder: Path) -> None:
    path = write(folder, "log.csv", "epoch,loss,image,note\r\n1,0.5,cat.png,\r\n2,,dog.png,7\r\n3,inf,1.png,-\r\n")
    write(folder, "more.tsv", "\ufeffa\tb\n1\t2\n")
    write(folder, "europe.csv", "x;y\n1;2,5\n")
    assert told(folder) == {"loss": ("inf", 2), "note": (7, 1), "a": (1, 1), "b": (2, 1), "x": (1, 1)}
    assert series(path, "loss") == ((1, 0.5), (3, math.inf))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.json", '{"loss": 1'),
        ("empty.json", " "),
        ("binary.json", b"\x80\xff\x00"),
        ("deep.json", "[" * 200_000),
        ("middle.jsonl", '{"loss": 1}\n{"lo\n{"loss": 2}\n'),
        ("lists.jsonl", "[1]\n"),
        ("no-header.csv", "1,2\n3,4\n"),
        ("ragged.csv", "a,b\n1,2\n3\n4,5\n"),
        ("wide.csv", "a,b\n1,2\n3,4,5\n"),
        ("binary.csv", b"a,b\n\xff\xfe,1\n"),
        ("nul.csv", b"a,b\n\x00,1\n1\n2,3\n"),
        ("field.csv", "a\n" + "9" * 200_000 + "\n"),
        ("names.json", json.dumps({f"n{i}": i for i in range(10_001)})),
        ("long.json", json.dumps({"n" * 201: 1})),
        ("config.json", '{"hidden_size": 768}'),
        ("model.safetensors.index.json", '{"total_size": 1}'),
        (".ipynb_checkpoints/a.json", '{"loss": 1}'),
        ("notes.txt", "loss,accuracy\n1,2\n"),
        ("events.out.tfevents.1.host", b"damaged"),
    ],
)
def test_what_is_damaged_or_no_metrics_has_none(folder: Path, name: str, content: str | bytes) -> None:
    path = write(folder, name, content)
    assert read(folder) == ()
    assert series(path, "a") in ((), ((None, 1.0),))


def test_a_file_that_is_gone_or_a_link_has_none(folder: Path) -> None:
    gone = Output(path="gone.json", size=3, sha256="x", mode=0o644, change="created")
    link = Output(path="l.json", size=3, sha256=None, mode=0o777, change="created", link="/etc/passwd")
    assert metrics_of([gone, link], lambda path: folder / path) == ()
    assert series(folder / "gone.json", "loss") == ()


def test_large_files_are_not_even_looked_for() -> None:
    def never(path: str) -> Path:
        raise AssertionError(f"{path} was opened")

    size = reading.LARGEST + 1
    large = [
        Output(path=f"{i}.{suffix}", size=size, sha256="x", mode=0o644, change="created")
        for i in range(50)
        for suffix in ("json", "csv", "pt")
    ]
    assert metrics_of(large, never) == ()


def test_the_same_name_in_several_files(folder: Path) -> None:
    for name in ("train.json", "eval.json", "a/trainer.json", "b/trainer.json"):
        write(folder, name, json.dumps({"loss": 1, Path(name).stem: 2}))
    path = write(folder, "log.jsonl", '{"step": 1, "loss": 3}\n')
    assert [(m.path, m.name) for m in read(folder)] == [
        ("a/trainer.json", "a/trainer.json:loss"),
        ("a/trainer.json", "a/trainer.json:trainer"),
        ("b/trainer.json", "b/trainer.json:loss"),
        ("b/trainer.json", "b/trainer.json:trainer"),
        ("eval.json", "eval"),
        ("eval.json", "eval.loss"),
        ("log.jsonl", "log.loss"),
        ("train.json", "train"),
        ("train.json", "train.loss"),
    ]
    assert series(path, "log.loss") == ((1, 3),)
    assert series(folder / "b/trainer.json", "b/trainer.json:loss") == ((None, 1),)


def test_at_most_a_thousand_are_kept_and_those_near_the_top_first(folder: Path) -> None:
    write(folder, "a/b/many.json", json.dumps({f"n{i:04}": i for i in range(2000)}))
    write(folder, "z.json", '{"loss": 1}')
    found = read(folder)
    assert len(found) == reading.MOST and found[-1].name == "loss"
    assert list(found) == sorted(found, key=lambda m: (m.path, m.name))


def test_a_file_for_each_sample_is_not_read_to_the_end() -> None:
    opened = []
    many = [Output(path=f"s/{i}.json", size=2, sha256="x", mode=0o644, change="created") for i in range(5000)]
    assert metrics_of(many, lambda path: opened.append(path) or Path("/nowhere") / path) == ()  # type: ignore[func-returns-value]
    assert len(opened) == reading.MOST_FILES


def test_names_that_no_document_could_hold(folder: Path) -> None:
    write(folder, "m.json", '{"\\ud800": 1}')
    assert [metric.name for metric in read(folder)] == ["?"]


@given(
    st.dictionaries(
        st.text(max_size=5), st.floats() | st.integers() | st.booleans() | st.none() | st.lists(st.floats(), max_size=3)
    )
)
def test_every_number_that_python_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: dict) -> None:
    folder = tmp_path_factory.mktemp("m")
    path = write(folder, "m.json", json.dumps(value))
    for metric in read(folder):
        points = series(path, metric.name)
        assert len(points) == metric.points
        assert str(points[-1][1]) == str(float(metric.value))


@given(st.sets(st.tuples(st.sampled_from(["a.json", "b.csv", "x/a.json", "y/a.json"]), st.sampled_from("lmn"))))
def test_names_are_distinct(found: set[tuple[str, str]]) -> None:
    said = distinct(sorted(found))
    assert len(set(said)) == len(found)


def test_tensorboard_where_it_is_installed(folder: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder / "runs"))
    for step, value in ((1, 0.5), (2, 0.25)):
        summary = Summary(value=[Summary.Value(tag="loss", simple_value=value)])
        writer.add_event(Event(step=step, wall_time=1e9 + step, summary=summary))
    writer.close()
    (metric,) = read(folder)
    assert (metric.name, metric.value, metric.points) == ("loss", 0.25, 2)
    assert series(folder / metric.path, "loss") == ((1, 0.5), (2, 0.25))
    assert reading.times(folder / metric.path, ["loss", "other"]) == {"loss": (1e9 + 1, 1e9 + 2)}


def test_no_other_file_says_when_a_point_was_written(folder: Path) -> None:
    assert reading.times(write(folder, "m.jsonl", '{"loss": 1}\n'), ["loss"]) == {}
    assert reading.times(write(folder, "events.out.tfevents.1", b"damaged" * 9), ["loss"]) == {}
