"""Start the container, pass signals on, wait for its end.

`docker run` is a child in a process group of its own: Ctrl-C in the terminal reaches `snap` alone, which passes it on
once; the second one ends the training. When `snap` is killed the child and the training go on.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Literal

from snapshot.errors import EngineError, HostError
from snapshot.host import process
from snapshot.host.container import Container, refused
from snapshot.host.engine import Engine, State
from snapshot.record.usage import Usage
from snapshot.run.signals import Signals, Training
from snapshot.run.usage import Sampler

_POLL = 0.02
Output = Literal["both", "stderr", "none"]


def launch(
    container: Container,
    engine: Engine,
    *,
    keep: tuple[int, ...],
    output: Output,
    started: Callable[[State], None],
    meanwhile: Callable[[], None],
    beside: Callable[[Callable[[], bool]], None],
    signals: Signals | None = None,
) -> Usage | None:
    """Run `container` to its end with the caller's terminal as its output.

    `output` says where what it prints goes: to stdout and stderr, all to stderr, or nowhere.

    `meanwhile` is called while the engine starts the container, `started` once its process runs. `beside` may take its
    time while the training goes on; what it is given says whether that is over, and that it should come to an end.
    `signals` are those that somebody else takes; without, they are taken here, which only the main thread can do.
    File descriptors `keep` stay open in the child. Returns what the training used; how it ended is for the engine to
    say. Raises EngineError when the engine refused, with the training not started.
    """
    child = process.start(
        container.arguments(),
        stdout={"both": None, "stderr": 2, "none": process.DEVNULL}[output],
        stderr=process.PIPE,
        stdin=0 if container.stdin else None,
        own_group=not container.stdin,
        keep=keep,
    )
    assert child.stderr is not None
    relay = _Relay(child.stderr.fileno(), is_shown=output != "none")
    training = Training(container.name or "", engine, child.pid)
    watcher = _Watcher(container.name or "", engine, started, relay)
    with nullcontext(signals) if signals else Signals() as taken, taken.reaching(training):
        meanwhile()
        watcher.start()
        beside(lambda: child.poll() is not None)
        child.wait()
        with suppress(EngineError):  # the engine died: finishing the run will say so
            _wait_until_over(container.name or "", engine)
    relay.join()
    usage = watcher.stop()
    if not watcher.has_started:
        raise refused(relay.held.decode(errors="replace"))
    relay.release()
    return usage


def _wait_until_over(name: str, engine: Engine) -> None:
    """`docker run` can end before the training does: when nobody reads its output any more, or somebody killed it."""
    period = _POLL
    while (state := engine.container(name)) is not None and state.has_started and not state.is_over:
        time.sleep(period)
        period = min(0.5, period * 2)


class _Relay(threading.Thread):
    """Passes the training's stderr through, once it is known that the training runs: before, it is the docker CLI's."""

    def __init__(self, source: int, *, is_shown: bool) -> None:
        super().__init__(daemon=True)
        self._source, self._is_shown = source, is_shown
        self._lock = threading.Lock()
        self._passing = False
        self.held = b""
        self.start()

    def run(self) -> None:
        while chunk := os.read(self._source, 65536):
            with self._lock:
                if self._passing:
                    self._show(chunk)
                else:
                    self.held += chunk

    def release(self) -> None:
        """Show what was held back, and hold nothing back from now on."""
        with self._lock:
            self._show(self.held)
            self.held, self._passing = b"", True

    def _show(self, data: bytes) -> None:
        if self._is_shown:
            _write(data)


class _Watcher(threading.Thread):
    """Notes the container's start and samples what it uses."""

    def __init__(self, name: str, engine: Engine, started: Callable[[State], None], relay: _Relay) -> None:
        super().__init__(daemon=True)
        self._name, self._engine, self._tell, self._relay = name, engine, started, relay
        self._over = threading.Event()
        self._sampler: Sampler | None = None
        self.has_started = False

    def run(self) -> None:
        while not self._look() and not self._over.wait(_POLL):
            pass

    def stop(self) -> Usage | None:
        """What the training used; None when it was over before it could be looked at."""
        self._over.set()
        self.join()
        if not self.has_started:
            self._look()
        return self._sampler.stop() if self._sampler else None

    def _look(self) -> bool:
        """Whether there is nothing more to wait for."""
        try:
            state = self._engine.container(self._name)
        except EngineError:
            return True
        if state is None or not state.has_started:
            return False
        self.has_started = True
        self._relay.release()
        if state.pid:
            self._sampler = Sampler(state.pid)
        with suppress(HostError):  # a full disk: the end of the run will say so
            self._tell(state)
        return True


def _write(data: bytes) -> None:
    with suppress(OSError):  # the terminal is gone; the engine's log has it all
        while data:
            data = data[os.write(2, data) :]
