"""Signals to `snap` become signals to all trainings that go on."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator

import pytest

from snapshot.host.engine import Engine
from snapshot.run.signals import Signals, Training


class Heard(Engine):
    """An engine in whose place a list hears of signals."""

    def __init__(self) -> None:
        self.said: queue.Queue[tuple[str, str]] = queue.Queue()

    def kill(self, name: str, signal: str) -> bool:
        self.said.put((name, signal))
        return True

    def next(self, count: int) -> list[tuple[str, str]]:
        return sorted(self.said.get(timeout=20) for _ in range(count))


@pytest.fixture
def engine() -> Iterator[Heard]:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield Heard()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def training(name: str, engine: Engine) -> Training:
    return Training(name, engine, os.getpid())


def test_all_hear_of_it_and_the_second_time_they_are_ended(engine: Heard, capfd: pytest.CaptureFixture[str]) -> None:
    with Signals() as signals, signals.reaching(training("a", engine)), signals.reaching(training("b", engine)):
        signals.check()
        signal.raise_signal(signal.SIGINT)
        assert engine.next(2) == [("a", "SIGINT"), ("b", "SIGINT")]
        signal.raise_signal(signal.SIGINT)
        assert engine.next(2) == [("a", "SIGKILL"), ("b", "SIGKILL")]
        with pytest.raises(KeyboardInterrupt):
            signals.check()
    assert capfd.readouterr().err == "snap: ending the training\n"


def test_one_that_is_over_hears_nothing_and_one_that_begins_later_what_was_said(engine: Heard) -> None:
    with Signals() as signals:
        with signals.reaching(training("a", engine)):
            pass
        signal.raise_signal(signal.SIGTERM)
        with signals.reaching(training("b", engine)):
            assert engine.next(1) == [("b", "SIGTERM")]
        with pytest.raises(KeyboardInterrupt):
            signals.check()


def test_what_the_caller_ignores_stays_ignored(engine: Heard) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Signals() as signals, signals.reaching(training("a", engine)):
            signal.raise_signal(signal.SIGINT)
            signals.check()
        assert engine.said.empty()
    finally:
        signal.signal(signal.SIGINT, before)
