"""What is ignored when two texts are compared, and what never is."""

from __future__ import annotations

import pytest

from snapshot.compare.volatile import is_time, read


@pytest.mark.parametrize(
    ("text", "left", "mark"),
    [
        ("2026-11-29 10:59:47,123 INFO start", " INFO start", "time stamp"),
        ("[2026-11-29T10:59:47.123456+00:00] x", "[] x", "time stamp"),
        ("10:59:47 x", " x", "time stamp"),
        ("[2026-11-29] x", "[] x", "time stamp"),
        ("Sun Nov 29 10:59:47 2026", "", "time stamp"),
        ("saved to out/20261129_105947/m.pt", "saved to out//m.pt", "time stamp"),
        ("wrote outputs/2026-11-29/10-59-47", "wrote outputs/", "time stamp"),
        ("training took 12.3s", "training ", "duration"),
        ("finished in 3 min 20 s", "", "duration"),
        ("time: 0.52", "", "duration"),
        ("Epoch time (s): 12.1, ok", ", ok", "duration"),
        ("epoch done (12.3s)", "epoch done ()", "duration"),
        ("100%|####| 50/50 [00:12<00:00, 4.1it/s]", "100%|####| 50/50 ]", "duration"),
        ("CPU times: user 4 μs, sys: 1e+03 ns, total: 5 μs\nWall time: 8.11 μs", "\n", "duration"),
        ("CPU times: user 1min 2s, sys: 3.1 s, total: 1min 5s", "", "duration"),
        ("413.2 samples/s", "", "speed"),
        ("wrote /tmp/tmpab12cd/x.pt", "wrote ", "path"),
        ("<Net object at 0x7f3a5c001d90>", "<Net object at >", "path"),
        ("run 20261129T105947123-ab12 here", "run  here", "path"),
    ],
)
def test_what_says_of_itself_that_it_is_of_the_moment_is_told_apart(text: str, left: str, mark: str):
    found = read(text)
    numbers = iter([t for t, m in zip(found.texts, found.marks, strict=True) if m == "number"])
    marks = [*found.marks, None]
    said = "".join(w + (next(numbers) if m == "number" else "") for w, m in zip(found.words, marks, strict=True))
    assert said == left
    assert {m for m in found.marks if m != "number"} == {mark}


@pytest.mark.parametrize(
    "text",
    [
        "loss: 0.25",
        "median survival time: 14.2",
        "rmse: 3.2s",
        "rmse = 3.2 s",
        "error of arrival time 12.5",
        "eta: 0.3",
        "ratio 3:45",
        "speed error 0.5 m/s",
        "best day 2026-11-29 of all",
        "mask 0x1f 0xdeadbeef",
        "timesteps: 300",
        "time_constant=0.5",
        "epoch 3/10 - loss 0.1 - accuracy 0.9",
        "version 1.2.3",
        "/data/tmp/x7",
    ],
)
def test_what_may_be_a_result_counts(text: str):
    assert set(read(text).marks) <= {"number"}


def test_numbers_are_found_as_they_are_written():
    found = read("a=-1.5e-3, b=[2, .5] nan -inf resnet50 1.2.3 5% 007")
    assert found.texts == ("-1.5e-3", "2", ".5", "nan", "-inf", "5", "007")


@pytest.mark.parametrize(
    "key",
    ["timestamp", "_runtime", "train_runtime", "train_samples_per_second", "mean_fit_time", "perf/epoch_time",
     "elapsed_seconds", "created_at", "wall-time", "time_elapsed", "train_seconds", "fit/epoch_sec", "step_time_ms"],
)  # fmt: skip
def test_keys_that_are_plainly_time(key: str):
    assert is_time(key)


@pytest.mark.parametrize(
    "key",
    ["time", "total_time", "duration", "survival_time", "loss", "timesteps", "total", "start_time", "it", "latency",
     "time_error", "step", "test_loss", "runtime_error", "steps_per_epoch", "elapsed_ratio", "survival_seconds",
     "train_seconds_error", "audio_seconds"],
)  # fmt: skip
def test_keys_that_may_be_results(key: str):
    assert not is_time(key)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["time: ", "1 s ", "[1:", "1", "2026-", "/tmp/", "jan ", "time" + " " * 99, "took 1 s,", ".1"]
)
def test_no_line_takes_long(piece: str):
    read(piece * (100_000 // len(piece)))
    read(piece + " " * 100_000)
