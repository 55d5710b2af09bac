"""How many hybrids there is room for."""

from __future__ import annotations

from typing import Any

import pytest

from snapshot.cause.jobs import MOST, Jobs, jobs
from snapshot.record.document import Request, Run
from snapshot.record.usage import Usage
from tests.unit.record.records import a_run

GB = 10**9


def used(cores: float, memory: int = GB, **changes: Any) -> Run:
    """A run of 58 seconds."""
    return a_run(usage=Usage(peak_memory=memory, cpu_seconds=58 * cores), **changes)


def room(*runs: Run, is_time: bool = False, cores: int = 16, memory: int = 64 * GB) -> Jobs:
    return jobs(runs, is_time=is_time, cores=cores, memory=memory)


@pytest.mark.parametrize(("cores", "number"), [(0.3, 8), (1.1, 8), (3.9, 4), (6.0, 2), (16.0, 1), (64.0, 1)])
def test_as_many_as_there_are_cores_for(cores: float, number: int) -> None:
    assert room(used(0.5), used(cores)).number == number


def test_as_many_as_there_is_memory_for_and_a_little_more() -> None:
    assert room(used(1, 10 * GB), used(1, 12 * GB)).number == 4
    assert room(used(1, 60 * GB), used(1)).number == 1
    assert room(used(1, 0), used(1, 0), cores=128).number == MOST


def test_the_reason_is_told() -> None:
    assert room(used(1.3), used(2, 2 * GB)).because == "as a run took up to 2.0 of 16 cores, and 2,000 of 64,000 MB"


def test_one_where_they_would_be_in_each_others_way() -> None:
    assert room(used(1), used(1), is_time=True) == Jobs(number=1, because="since time tells them apart")
    assert room(used(1), used(1, request=Request(gpus="1"))) == Jobs(number=1, because="since they ask for GPUs")


def test_one_where_nobody_knows_what_they_used_unless_they_were_too_short_for_that() -> None:
    assert room(used(1), a_run()).number == 1
    short = a_run(started="2026-01-01T00:00:01.000Z", ended="2026-01-01T00:00:01.200Z")
    assert room(short, short).number == MOST
