"""Checks side by side: each tells what it found, whatever happens to the others."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

import pytest

from snapshot.doctor.checks import Check, carry_out, note, ok, warning
from snapshot.errors import HostError
from snapshot.finding import Finding


def told(look: Callable[[], Iterable[Finding]], *, seconds: float = 5) -> Finding:
    """The one finding of `look`, beside two checks that are well."""
    well = [Check("before", lambda: [ok("before", "well")]), Check("after", lambda: [ok("after", "well")])]
    first, found, last = carry_out([well[0], Check("it", look), well[1]], seconds=seconds)
    assert (first.check, last.check) == ("before", "after")
    return found


def test_findings_come_in_the_order_of_the_checks() -> None:
    second = threading.Event()

    def slow() -> Iterator[Finding]:
        assert second.wait(5)
        yield note("slow", "a")
        yield warning("slow", "b", "c")

    def quick() -> Iterator[Finding]:
        second.set()
        yield ok("quick", "d")

    found = carry_out([Check("slow", slow), Check("quick", quick)], seconds=5)
    assert [one.message for one in found] == ["a", "b", "d"]


def test_a_failure_that_was_foreseen_keeps_its_hint() -> None:
    def look() -> Iterator[Finding]:
        raise HostError("the disk is gone", hint="look for it")
        yield

    assert told(look) == Finding(check="it", severity="error", message="the disk is gone", remedy="look for it")


@pytest.mark.parametrize("problem", [ValueError("http://me:secret@host"), KeyError("x"), RecursionError()])
def test_a_bug_in_one_is_an_error_that_names_it(problem: Exception) -> None:
    def look() -> Iterator[Finding]:
        yield ok("it", "lost")
        raise problem

    found = told(look)
    assert (found.check, found.severity) == ("it", "error")
    assert type(problem).__name__ in found.message
    assert "secret" not in found.message


def test_what_the_system_refuses_is_no_bug() -> None:
    def look() -> Iterator[Finding]:
        raise PermissionError(13, "Permission denied")
        yield

    assert told(look).message == "the system refused this check: permission denied"


def test_a_check_that_hangs_is_an_error_that_names_it() -> None:
    never = threading.Event()

    def look() -> Iterator[Finding]:
        never.wait(30)
        yield ok("it", "late")

    found = told(look, seconds=0.05)
    never.set()
    assert (found.check, found.severity, found.message) == ("it", "error", "no answer in time")


def test_an_interrupt_waits_for_what_is_to_be_tidied_up_and_for_nothing_else() -> None:
    interrupted, tidied = threading.Event(), threading.Event()

    def trying() -> Iterator[Finding]:
        interrupted.wait(30)
        time.sleep(0.1)
        tidied.set()
        yield ok("trying", "never told")

    def endless() -> Iterator[Finding]:
        threading.Event().wait(60)
        yield ok("endless", "never told")

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    def pressing() -> Iterator[Finding]:
        os.kill(os.getpid(), signal.SIGALRM)
        yield ok("pressing", "never told")

    checks = [Check("trying", trying, tidies=True), Check("endless", endless), Check("pressing", pressing)]
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            carry_out(checks, seconds=30)
        assert tidied.is_set()
        assert time.monotonic() - started < 20
    finally:
        signal.signal(signal.SIGALRM, before)
