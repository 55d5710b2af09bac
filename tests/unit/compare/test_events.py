"""TensorBoard's event files."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

from tests.unit.compare.test_outputs import only

NAME = "tb/events.out.tfevents.1795952601.host.7.0"


def record(data: bytes) -> bytes:
    return struct.pack("<QI", len(data), 0) + data + bytes(4)


def events(time: float, *summaries: Any) -> bytes:
    found: Iterable[Any] = [Event(wall_time=time, file_version="brain.Event:2")]
    found = [*found, *(Event(wall_time=time, step=n, summary=s) for n, s in enumerate(summaries))]
    return b"".join(record(event.SerializeToString()) for event in found)


def scalar(tag: str, value: float) -> Any:
    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def test_only_the_time_is_ignored(tmp_path: Path):
    found = only(tmp_path, NAME, events(1.5, scalar("loss", 0.5)), events(2.5, scalar("loss", 0.5)))
    assert (found.verdict, found.kind, found.reason) == ("identical", "events", "ignored: 2 time stamps")
    assert found.values == 1


def test_numbers_are_told_by_event_and_tag(tmp_path: Path):
    found = only(tmp_path, NAME, events(1, scalar("loss", 0.5)), events(2, scalar("loss", 0.75)))
    assert (found.verdict, found.where, found.absolute) == ("different", "event 2, loss", 0.25)
    histograms = [
        Summary(value=[Summary.Value(tag="w", histo=HistogramProto(min=0, max=2, bucket=[1, last]))]) for last in (2, 3)
    ]
    found = only(tmp_path, NAME, *(events(1, histogram) for histogram in histograms))
    assert (found.where, found.first, found.second) == ("event 2, w", "2.0", "3.0")


@pytest.mark.parametrize(
    ("other", "where", "reason"),
    [
        (events(1, scalar("acc", 0.5)), "event 2, loss", "field 1 has another value"),
        (events(1), "event 2", "only the first has the last 1"),
        (events(1, scalar("loss", 0.5), scalar("loss", 0.5)), "event 3", "only the second has the last 1"),
        (events(1, Summary()), "event 2", "other fields"),
    ],
)
def test_what_else_differs_is_different(tmp_path: Path, other: bytes, where: str, reason: str):
    found = only(tmp_path, NAME, events(1, scalar("loss", 0.5)), other)
    assert (found.verdict, found.where, found.reason) == ("different", where, reason)


@pytest.mark.parametrize("bad", [record(b"\xff" * 20), record(b"\x0f"), record(b"\x0a\x7f"), b"\xff" * 12])
def test_what_is_damaged_is_not_compared(tmp_path: Path, bad: bytes):
    found = only(tmp_path, NAME, events(1, scalar("loss", 0.5)), bad)
    assert (found.verdict, found.reason) == ("not compared", "it is no file of events, or damaged")
    cut = only(tmp_path, NAME, events(1, scalar("loss", 0.5))[:-1], events(2, scalar("loss", 0.5))[:-1])
    assert (cut.verdict, cut.reason) == ("not compared", "it ends within an event")
