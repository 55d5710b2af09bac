"""Programs whose output goes to a file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from snapshot.errors import HostError
from snapshot.host.process import SlowError, TalkativeError, run_into


def test_all_of_stdout_is_written_and_the_end_of_stderr_is_kept():
    into = io.BytesIO()
    done = run_into(("sh", "-c", "seq 300000; seq 300000 >&2; exit 7"), into, most=1 << 30, timeout=60)
    assert into.getvalue().count(b"\n") == 300_000
    assert (done.code, done.stdout, done.last_words) == (7, "", "300000")
    assert len(done.stderr) <= 1 << 16


def test_what_prints_too_much_is_ended(tmp_path: Path):
    into = io.BytesIO()
    with pytest.raises(TalkativeError, match="more than 5,000,000 bytes"):
        run_into(("yes",), into, most=5_000_000, timeout=60)
    assert len(into.getvalue()) <= 5_000_000


def test_what_takes_too_long_is_ended():
    with pytest.raises(SlowError):
        run_into(("sleep", "60"), io.BytesIO(), most=1, timeout=0.1)


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(HostError, match="`nothing-like-it`"):
        run_into(("nothing-like-it",), io.BytesIO(), most=1, timeout=1)
