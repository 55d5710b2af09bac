"""Folders for work under way: gone afterwards, also those of processes that were killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.host.files import scratch

OTHER = """
import sys, time
from pathlib import Path
from snapshot.host.files import scratch
with scratch(Path(sys.argv[1]), "other-") as folder:
    (folder / "sub").mkdir()
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_gone_afterwards_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(ValueError), scratch(tmp_path / "builds", "git-") as folder:
        (folder / "below").mkdir()
        (folder / "below").chmod(0o500)
        raise ValueError
    assert not folder.exists() and folder.name.startswith("git-")


def test_what_a_killed_process_left_is_removed_and_nobody_elses(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OTHER, str(tmp_path / "builds")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "ready\n"
        (theirs,) = tmp_path.glob("builds/other-*")
        with scratch(tmp_path / "builds") as mine:
            assert theirs.is_dir() and mine.is_dir()
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert theirs.is_dir()
        with scratch(tmp_path / "builds"):
            assert not theirs.exists()
