from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import HostError, StoreError, UsageError
from snapshot.record.document import Run, loads
from snapshot.record.store import Store, new_id
from tests.unit.record import records


def a_run(run_id: str, name: str | None = None) -> Run:
    return records.a_run(id=run_id, name=name, exit=None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.create()
    return store


def keep(store: Store, *runs: Run) -> None:
    for run in runs:
        store.folder(run.id).mkdir()
        store.write(run)


def test_a_store_explains_itself_and_keeps_out_of_git(store: Store):
    assert "runs/ID/run.json" in (store.path / "README").read_text()
    assert (store.path / ".gitignore").read_text() == "*\n"


def test_a_record_comes_back_as_it_was_written(store: Store):
    run = a_run("20260101T000000000-aaaa")
    keep(store, run)
    assert store.read(run.id) == run


def test_runs_are_found_by_id_prefix_suffix_name_and_age(store: Store):
    old, new = a_run("20260101T000000000-aaaa", "base"), a_run("20260102T000000000-abbb")
    keep(store, old, new)
    for text in ("20260101T000000000-aaaa", "20260101", "aa", "base", "latest~1"):
        assert store.find(text) == old.id
    for text in ("latest", "latest~0", "ab", "20260102"):
        assert store.find(text) == new.id


def test_the_latest_run_is_none_that_was_trained_to_find_something_out(store: Store):
    mine, trial = a_run("20260101T000000000-aaaa"), a_run("20260102T000000000-bbbb")
    damaged = a_run("20260103T000000000-cccc")
    keep(store, mine, msgspec.structs.replace(trial, trial="bisect"), damaged)
    (store.folder(damaged.id) / "run.json").write_text("{")
    assert [store.find("latest"), store.find("latest~1"), store.find("bbbb")] == [damaged.id, mine.id, trial.id]
    with pytest.raises(UsageError, match="has 3 runs"):
        store.find("latest~2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026", "fits 2 runs"),
        ("zz", "no run `zz`"),
        ("latest~2", "has 2 runs"),
        ("latest~" + "9" * 5000, "no run"),
        ("", "no run"),
        (os.fsdecode(b"\xff"), "no run"),
    ],
)
def test_what_fits_no_run_or_several_says_so(store: Store, text: str, said: str):
    keep(store, a_run("20260101T000000000-aaaa"), a_run("20260102T000000000-bbbb"))
    with pytest.raises(UsageError, match=said):
        store.find(text)


def test_a_name_means_its_newest_run(store: Store):
    keep(store, a_run("20260101T000000000-aaaa", "n"), a_run("20260102T000000000-bbbb", "n"))
    assert store.find("n") == "20260102T000000000-bbbb"


def test_a_damaged_record_hides_no_other(store: Store):
    good, bad = a_run("20260101T000000000-aaaa"), a_run("20260102T000000000-bbbb")
    keep(store, good, bad)
    (store.folder(bad.id) / "run.json").write_bytes(b'{"schema": "snap.run/1", ')
    assert [run.id for run in store.all()] == [good.id]
    assert store.damaged() == [bad.id]
    with pytest.raises(StoreError, match=r"run.json is damaged"):
        store.read(bad.id)


@pytest.mark.parametrize(
    ("change", "said"),
    [((b"snap.run/1", b"snap.run/9"), "snap.run/9"), ((b'"status"', b'"statusx"'), "unknown key `statusx`")],
)
def test_a_record_that_is_not_ours_to_read_says_why(change: tuple[bytes, bytes], said: str):
    from snapshot.document import encode_json

    with pytest.raises(StoreError, match=said):
        loads(encode_json(a_run("x")).replace(*change), where="run.json")


def test_a_store_of_a_newer_version_is_not_touched(store: Store):
    (store.path / "version").write_text("2\n")
    with pytest.raises(StoreError) as caught:
        store.create()
    assert "upgrade" in (caught.value.hint or "")


def test_a_claim_is_held_by_one_and_free_when_its_process_is_killed(store: Store):
    script = (
        "import sys, time; from pathlib import Path; from snapshot.record.store import Store\n"
        f"claim = Store(Path({str(store.project)!r})).claim('r1'); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    assert store.unfinished() == ["r1"]
    assert list(store.abandoned()) == []
    child.send_signal(signal.SIGKILL)
    child.wait()
    ((run_id, claim),) = store.abandoned()
    assert run_id == "r1"
    with claim:
        assert list(Store(store.project).abandoned()) == []
        claim.finished()
    assert store.unfinished() == []


def test_removing_leaves_nothing(store: Store):
    run = a_run("20260101T000000000-aaaa")
    keep(store, run)
    store.remove(run.id)
    store.remove(run.id)
    assert store.ids() == []
    assert list(store.runs.iterdir()) == []


def test_where_nothing_can_be_written_the_error_says_what_to_do():
    with pytest.raises(HostError) as caught:
        Store(Path("/sys")).create()
    assert "/sys/.snap" in caught.value.message


def test_ids_sort_by_time_and_differ():
    first, second = new_id("2026-11-23T04:30:00.123Z"), new_id("2026-11-23T04:30:00.124Z")
    assert first.startswith("20261123T043000123-")
    assert first < second
    assert len({new_id("2026-11-23T04:30:00.123Z") for _ in range(1000)}) == 1000


def test_the_clock_of_the_file_system_is_not_behind_what_was_changed_before(store: Store, tmp_path: Path):
    (tmp_path / "before").write_text("x")
    time.sleep(0.02)
    moment = store.clock()
    time.sleep(0.02)
    (tmp_path / "after").write_text("x")
    assert os.stat(tmp_path / "before").st_ctime_ns < moment <= os.stat(tmp_path / "after").st_ctime_ns


def test_a_store_of_a_newer_version_is_not_read_either(store: Store):
    (store.path / "version").write_bytes(b"2\xff\x1b\n")
    with pytest.raises(StoreError, match=r"version 2\\ufffd\\x1b, and this program knows 1") as caught:
        store.exists()
    assert "upgrade" in (caught.value.hint or "")


def test_an_id_is_found_though_no_other_record_can_be_read(store: Store):
    keep(store, a_run("20260101T000000000-aaaa"), a_run("20260102T000000000-bbbb"))
    for path in store.runs.glob("*/run.json"):
        path.write_bytes(b"{")
    assert store.find("20260101T000000000-aaaa") == store.find("aaaa") == store.find("latest~1")


def test_who_holds_the_lock_alone_waits_for_all_others_and_they_for_it(store: Store):
    script = (
        "import sys; from pathlib import Path; from snapshot.record.store import Store\n"
        f"store = Store(Path({str(store.project)!r}))\n"
        "with store.lock_shared(): print('held', flush=True); sys.stdin.read()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None and child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with store.lock_shared():
        pass
    with store.lock_exclusive(child.stdin.close):
        assert child.wait() == 0


def test_a_lock_in_a_folder_that_is_not_there_hinders_nobody_who_adds(tmp_path: Path):
    with Store(tmp_path / "none").lock_shared():
        pass
    with pytest.raises(OSError), Store(tmp_path / "none").lock_exclusive():
        pass
