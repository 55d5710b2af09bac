"""The store after kill -9 at many moments, on a full disk, on a read-only one. No engine is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapshot.record import fsck, labels
from snapshot.record.store import Store
from tests.integration.scenario import Project
from tests.unit.record.records import run_id
from tests.unit.record.stores import packs, trained

MOMENTS = 176
"""With those of whole runs in test_crash.py 200."""
STORES = 2
"""At once, each with its part of the moments."""

KILLED = """
    # Children that keep, tag, note, remove and sweep until they are killed; after each kill everything is checked.
    import os, random, signal, sys, time
    from pathlib import Path
    from snapshot.record import fsck, gc, labels
    from snapshot.record.index import Index
    from snapshot.record.share import share
    from snapshot.record.store import Store
    from tests.unit.record.records import run_id
    from tests.unit.record.stores import trained

    store, chance = Store(Path(sys.argv[1])), random.Random(20261129 + int(sys.argv[3]))

    def keep(number):
        # What is small outlives the run that came first, so its pack is made smaller.
        code = {"own.py": random.Random(number).randbytes(20_000).hex(), "shared.py": f"{number // 3}\\n"}
        with store.lock_shared():
            return trained(store, number, {"model.pt": bytes([number % 4 + 1]) * 5000}, code)

    def work(first, tell=None, times=1000):
        for number in range(first, first + times):
            run = keep(number)
            index = Index(store, worth_writing=1)
            index.refresh()
            share(store, index, run)
            index.close()
            labels.tag(store, run.id, "newest", str(number).zfill(9))
            labels.add_note(store, run_id(0), f"{number}", "now")
            store.remove(run_id(number - 2))
            with store.lock_exclusive():
                plan = gc.plan(store)
                if tell and plan.shrunk:
                    os.write(tell, b".")
                began = time.monotonic()
                gc.carry_out(store, plan)
        return time.monotonic() - began

    keep(0)
    labels.add_note(store, run_id(0), "kept", "then")
    began = time.monotonic()
    sweep = work(99, times=6)
    whole = time.monotonic() - began
    for moment in range(int(sys.argv[2])):
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                work(999 * (moment + 1), tell)
            finally:
                os._exit(1)
        if moment % 2:
            os.read(told, 1)  # a pack is about to be made smaller
        time.sleep((sweep if moment % 2 else whole / 3) * chance.random())
        os.close(told)
        os.close(tell)
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the child failed by itself"
        # A run that was killed while it was written down has no record; `snap` removes it, as nobody holds it.
        for left in store.ids():
            if not store.has_record(left) or not (store.folder(left) / "SHA256SUMS").exists():
                store.remove(left)
        wrong = [f.finding.message for f in fsck.examine(store) if f.finding.severity == "error"]
        assert not wrong, (moment, wrong)
        assert labels.of(store, run_id(0)).notes[0].text == "kept"
        assert store.read(run_id(0)).outputs[0].size == 5000
    print("whole")
"""


def test_kill_9_at_many_moments_leaves_the_store_whole(tmp_path: Path):
    root = Path(__file__).parents[2]
    several = []
    for number in range(STORES):
        store = tmp_path / str(number)
        store.mkdir()
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(store), str(MOMENTS // STORES), str(number)]
        several.append(
            subprocess.Popen(
                command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
    for process in several:
        said, why = process.communicate()
        assert said == "whole\n", why


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> Path:
    """Take what room there is."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    return ballast


def test_a_full_disk_while_the_store_is_used_loses_nothing(small_disk: Path):
    project = Project(small_disk / "project", os.environ)
    store = Store(project.path)
    code = {"big.py": "x = 1\n" * 60_000, "train.py": "a\n"}
    first = trained(store, 1, {"model.pt": b"w"}, code)
    (project.path / "big.py").unlink()
    for number in range(2, 25):  # so many that the index would be written down
        trained(store, number, {"model.pt": b"w"}, {"train.py": "a\n"})
    labels.tag(store, run_id(2), "best", "then")
    ballast = fill(small_disk)
    # The index does not get its room, and is made in memory.
    assert run_id(1) in project.snap("ls").stdout
    assert not (project.path / ".snap/cache/index.sqlite-journal").exists()
    for arguments in (["tag", "latest", "other"], ["note", "latest", "x" * 9000]):
        refused = project.snap(*arguments)
        assert refused.returncode == 3, refused.stderr
        assert "error: no space left on the disk" in refused.stderr
    assert labels.every(store) == {run_id(2): labels.Labels(tags={"best": "then"})}
    # Removing needs no room, but for the new pack, which is smaller than what was freed before.
    assert project.snap("rm", first.id).returncode == 0
    swept = project.snap("gc")
    assert swept.returncode in (0, 3), swept.stderr
    assert [fault.finding for fault in fsck.examine(store)] == []
    ballast.unlink()
    assert project.snap("gc").returncode == 0
    assert packs(store)[0].stat().st_size < 10_000
    assert project.snap("fsck").returncode == 0


def test_a_read_only_store_is_read_and_refuses_to_be_changed(tmp_path: Path):
    if os.getuid() != 0:
        pytest.skip("needs root to mount a read-only file system")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    try:
        project = Project(place / "project", os.environ)
        store = Store(project.path)
        trained(store, 1, {"model.pt": b"w"}, name="first")
        assert project.snap("ls").returncode == 0
        for number in range(2, 25):  # the index does not know them yet
            trained(store, number, {"model.pt": b"w"})
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        listing = project.snap("ls")
        assert run_id(1) in listing.stdout and run_id(2) in listing.stdout
        for arguments in (["show", "first"], ["logs", "latest"], ["fsck"], ["gc", "--dry-run"]):
            done = project.snap(*arguments)
            assert done.returncode == 0, (arguments, done.stderr)
        for arguments in (
            ["tag", "latest", "x"],
            ["note", "latest", "x"],
            ["gc"],
            ["fsck", "--repair"],
            ["rm", "latest"],
        ):
            done = project.snap(*arguments)
            assert done.returncode == 3, (arguments, done.stderr)
            assert "read-only file system" in done.stderr
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_processes_that_keep_and_sweep_at_once_lose_nothing(tmp_path: Path):
    root = Path(__file__).parents[2]
    script = """
        import sys
        from pathlib import Path
        from snapshot.record import gc
        from snapshot.record.index import Index
        from snapshot.record.store import Store
        from tests.unit.record.records import run_id
        from tests.unit.record.stores import trained
        first = int(sys.argv[2])
        store = Store(Path(sys.argv[1]))
        for number in range(first, first + 8):
            with store.lock_shared():
                trained(store, number, {"x": b"1"}, {f"code-{first}.py": f"{number % 3}\\n"})
            Index(store).refresh()
            if number % 2:
                store.remove(run_id(number))
                with store.lock_exclusive():
                    gc.carry_out(store, gc.plan(store))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    several = [subprocess.Popen([*command, str(first)], cwd=root, env=environment) for first in (100, 200, 300)]
    assert [process.wait() for process in several] == [0] * 3
    store = Store(tmp_path)
    assert [fault.finding for fault in fsck.examine(store)] == []
    assert len(store.ids()) == 12
