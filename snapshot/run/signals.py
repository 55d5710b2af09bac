"""Signals to `snap` become signals to the trainings that go on.

Python hands signals to its main thread alone, and a training may go on in any: so whoever has several at a time enters
one `Signals` in the main thread, and each training joins it for as long as it runs.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self

from snapshot.host.engine import Engine

_POLL = 0.02
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGWINCH, signal.SIGHUP)


class Training:
    """What a signal is sent to: a container, and the `docker run` that started it."""

    def __init__(self, container: str, engine: Engine, child: int) -> None:
        self._container, self._engine, self._child = container, engine, child

    def send(self, name: str) -> None:
        """Send a signal, however long that takes; to be heard of no more."""
        threading.Thread(target=self._send, args=(name,), daemon=True).start()

    def resized(self) -> None:
        """Tell the one that draws on the terminal."""
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGWINCH)

    def _send(self, name: str) -> None:
        """The container may be just starting: try until it takes the signal, or `docker run` has ended."""
        while not self._engine.kill(self._container, name):
            time.sleep(_POLL)
            try:
                os.kill(self._child, 0)
            except ProcessLookupError:
                return


class Signals:
    """While it is entered, in the main thread, signals are passed on; the second Ctrl-C ends the trainings.

    A terminal that is closed ends them only where they are not to `outlive` it.
    """

    def __init__(self, *, outlive: bool = True) -> None:
        self._outlive = outlive
        self._trainings: list[Training] = []
        self._interrupts = 0
        self._last: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _PASSED_ON:
            # What the caller ignores (`nohup`, a shell's background job) stays ignored.
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *unused: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @contextmanager
    def reaching(self, training: Training) -> Iterator[None]:
        """While it is entered, in any thread, signals reach `training`; one that was to end the others comes first."""
        self._trainings.append(training)
        if self._last is not None:
            training.send(self._name(self._last))
        try:
            yield
        finally:
            self._trainings.remove(training)

    def check(self) -> None:
        """Raise KeyboardInterrupt if one was passed on: what the trainings came to says nothing then."""
        if self._last is not None:
            raise KeyboardInterrupt

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGWINCH:
            for training in list(self._trainings):
                training.resized()
            return
        if number == signal.SIGHUP and self._outlive:
            # The terminal is gone, the training need not be: the next command finishes the record.
            os._exit(125)
        self._last = number
        if number == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts == 2:
                with suppress(OSError):
                    os.write(2, b"snap: ending the training\n")  # a stream may be in the middle of its own writing
        for training in list(self._trainings):
            training.send(self._name(number))

    def _name(self, number: int) -> str:
        return "SIGKILL" if self._interrupts > 1 else signal.Signals(number).name
