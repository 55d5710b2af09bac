"""Names that are others in each run."""

from __future__ import annotations

import pytest

from snapshot.compare.renamed import lasting, pairs


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("runs/20261129T105947123-ab12/model.pt", "runs/*/model.pt"),
        ("outputs/2026-11-29/10-59-47/log.txt", "outputs/*/log.txt"),
        ("model_20261129_105947.pt", "model_*.pt"),
        ("out/2026-11-29T10:59:47.123456.json", "out/*.json"),
        ("ckpt-20261129.pt", "ckpt-*.pt"),
        ("log-1764413987.txt", "log-*.txt"),
        ("runs/Nov29_10-59-47_2bfc4806c660/x", "runs/*/x"),
        ("tb/events.out.tfevents.1795952601.2bfc4806c660.7.0", "tb/events.out.tfevents.*.0"),
        ("tb/events.out.tfevents.1795952601.my.host.7.0.v2", "tb/events.out.tfevents.*.0.v2"),
        ("model-00001-of-00002.safetensors", "model-00001-of-00002.safetensors"),
        ("epoch=3-loss=0.25.ckpt", "epoch=3-loss=0.25.ckpt"),
        ("data/2026.csv", "data/2026.csv"),
        ("seed-20269999.json", "seed-20269999.json"),
        ("step_12345678.pt", "step_12345678.pt"),
    ],
)
def test_only_times_and_places_are_left_out(name: str, left: str):
    assert lasting(name) == left


def test_names_are_paired_where_there_are_as_many_on_both_sides():
    first = ["a-20260101_000000.pt", "a-20260101_000001.pt", "b-20260101.pt", "c.pt"]
    second = ["a-20260202_000000.pt", "a-20260202_000001.pt", "b-20260202.pt", "b-20260203.pt", "d.pt"]
    assert pairs(first, second) == {first[0]: second[0], first[1]: second[1]}
