"""Checks that are made side by side, none of which can hold up or bring down the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Generic, TypeVar

from snapshot.document import Value
from snapshot.errors import HostError, SnapshotError
from snapshot.finding import Finding
from snapshot.host.pip_config import strip_credentials

T = TypeVar("T")


class Check(Value, frozen=True):
    """One subject."""

    name: str
    look: Callable[[], Iterable[Finding]]
    tidies: bool = False
    """Whether it removes in the end what it made: an interrupt waits for that."""


class Asked(threading.Thread, Generic[T]):
    """A question that is being asked; a thread that never ends does not keep the program."""

    def __init__(self, question: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._question = question
        self._answer: list[T] = []
        self._problem: Exception | None = None
        # Up to Python 3.12, a `join` that was interrupted takes the thread for ended.
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            self._answer = [self._question()]
        except Exception as problem:
            self._problem = problem
        finally:
            self.over.set()

    def answer(self, seconds: float) -> T:
        """What came of it; raises what the question raised, and HostError when it takes longer."""
        self.over.wait(max(0.0, seconds))
        if self._problem:
            raise self._problem
        if not self._answer:
            raise HostError("no answer in time", hint="try again; if it stays so, look at the disk and the network")
        return self._answer[0]


def carry_out(checks: Sequence[Check], *, seconds: float) -> tuple[Finding, ...]:
    """What all `checks` find within `seconds` together, in their order."""
    started = time.monotonic()
    asked: list[tuple[Check, Asked[tuple[Finding, ...]]]] = []
    try:
        for check in checks:
            asked.append((check, Asked(partial(_found, check))))
        return tuple(
            finding
            for check, one in asked
            for finding in _told(check.name, one, seconds - (time.monotonic() - started))
        )
    except KeyboardInterrupt:
        for check, one in asked:
            if check.tidies:
                one.over.wait(seconds)
        raise


def _found(check: Check) -> tuple[Finding, ...]:
    return tuple(check.look())


def _told(name: str, asked: Asked[tuple[Finding, ...]], seconds: float) -> tuple[Finding, ...]:
    try:
        return asked.answer(seconds)
    except SnapshotError as problem:
        return (of_error(name, problem),)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        return (error(name, f"the system refused this check: {reason}", "see what is said of disk and file system"),)
    except Exception as problem:
        said = strip_credentials(f"{type(problem).__name__}: {problem}")
        return (error(name, f"this check failed: {said}", "this is a bug of snap; please report it with this line"),)


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check=check, severity="ok", message=message)


def note(check: str, message: str) -> Finding:
    """Nothing to be done."""
    return Finding(check=check, severity="note", message=message)


def warning(check: str, message: str, remedy: str) -> Finding:
    """Worth knowing."""
    return Finding(check=check, severity="warning", message=message, remedy=remedy)


def error(check: str, message: str, remedy: str) -> Finding:
    """In the way."""
    return Finding(check=check, severity="error", message=message, remedy=remedy)


def of_error(check: str, problem: SnapshotError) -> Finding:
    """An expected failure, with the hint that its raiser knew."""
    return Finding(check=check, severity="error", message=problem.message, remedy=problem.hint)
