"""`snap noise`, typed where nothing can be run; and Ctrl-C as a command sees it that somebody else handles."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.cli.interrupts import Interrupts
from snapshot.record.document import Exit
from snapshot.record.store import Store
from tests.unit.record.records import a_run, keep, run_id


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (Exit(code=137, signal="SIGKILL"), "was cut off (SIGKILL): it has no result to measure noise of"),
        (Exit(code=1, out_of_memory=True), "was cut off (out of memory)"),
        (Exit(code=None, error="gone"), "was cut off (end unknown)"),
        (None, "is not finished"),
    ],
)
def test_a_run_without_an_end_of_its_own_is_refused(tmp_path: Path, end: Exit | None, said: str) -> None:
    (tmp_path / "snap.toml").write_text("")
    keep(Store(tmp_path), a_run(1, exit=end))
    done = subprocess.run(
        [sys.executable, "-m", "snapshot", "noise", run_id(1)], cwd=tmp_path, text=True, capture_output=True,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere"}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not (tmp_path / ".snap/runs" / run_id(1) / "noise.json").exists()


def test_an_interrupt_that_somebody_else_handles_is_seen_once() -> None:
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with Interrupts() as interrupts:
            interrupts.check()
            os.kill(os.getpid(), signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                interrupts.check()
            interrupts.check()
    finally:
        signal.signal(signal.SIGINT, before)
    assert signal.set_wakeup_fd(-1) == -1


def test_other_signals_are_no_interrupts() -> None:
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGWINCH)
            interrupts.check()
    finally:
        signal.signal(signal.SIGWINCH, before)
