"""What no run needs goes, and nothing else."""

from __future__ import annotations

import os
import random
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import StoreError
from snapshot.project.tree import scan
from snapshot.record import fsck, gc, labels
from snapshot.record.code import packs, snapshots, survey, trees
from snapshot.record.store import Store
from tests.unit.record.records import a_run, keep, run_id
from tests.unit.record.stores import listed, trained
from tests.unit.record.stores import packs as pack_files


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "project").mkdir()
    return Store(tmp_path / "project")


def swept(store: Store) -> list[str]:
    """Remove what can go, and tell the kinds of it."""
    with store.lock_exclusive():
        plan = gc.plan(store)
        gc.carry_out(store, plan)
        assert gc.plan(store).waste == ()
    assert [fault.finding for fault in fsck.examine(store)] == []
    return sorted({item.kind for item in plan.waste})


def big(seed: int) -> str:
    return random.Random(seed).randbytes(20_000).hex()


def test_what_runs_need_stays(store: Store):
    trained(store, 1, {"x": b"1"}, {"train.py": "a\n"})
    trained(store, 2, {"x": b"1"}, {"train.py": "b\n"})
    assert swept(store) == []
    assert len(pack_files(store)) == 2


def test_code_that_only_a_removed_run_had_goes(store: Store):
    first = trained(store, 1, {}, {"train.py": "a\n"})
    second = trained(store, 2, {}, {"train.py": "b\n"})
    trees.checkout(store.path, first.code.digest)
    trees.checkout(store.path, second.code.digest)
    store.remove(first.id)
    assert swept(store) == ["code", "contents", "tree"]
    assert snapshots.listed(store.path) == (second.code.digest,)
    assert snapshots.verify(store.path, second.code.digest) == ()
    assert [path.name for path in (store.path / trees.FOLDER).iterdir()] == [second.code.digest[7:]]


def test_code_that_two_runs_had_stays_for_the_one_that_is_left(store: Store):
    first, second = (trained(store, n, {}) for n in (1, 2))
    store.remove(first.id)
    assert swept(store) == []
    assert snapshots.read_file(store.path, second.code.digest, "train.py") == b"print(1)\n"


def test_a_pack_of_which_little_is_needed_is_made_smaller(store: Store):
    first = trained(store, 1, {}, {"train.py": "a\n", "big.py": big(1), "tool.sh": "#!/bin/sh\n"})
    (store.project / "big.py").unlink()
    second = trained(store, 2, {}, {"train.py": "a\n"})
    (before,) = pack_files(store)
    size = before.stat().st_size
    store.remove(first.id)
    assert swept(store) == ["code", "contents"]
    (after,) = pack_files(store)
    assert after.stat().st_size < size / 4
    assert snapshots.verify(store.path, second.code.digest) == ()
    assert survey.survey(store.path)[0].whole


def test_a_pack_of_many_small_files_that_are_all_needed_is_left_alone(store: Store):
    trained(store, 1, {}, {f"f{n}.py": f"{n}\n" for n in range(50)})
    before = pack_files(store)
    assert swept(store) == []
    assert pack_files(store) == before


def test_the_next_run_of_code_that_went_keeps_it_anew(store: Store):
    first = trained(store, 1, {}, {"train.py": "a\n"})
    store.remove(first.id)
    swept(store)
    second = trained(store, 2, {}, {"train.py": "a\n"})
    assert second.code.digest == first.code.digest
    assert snapshots.verify(store.path, second.code.digest) == ()


def test_lists_of_data_go_with_the_last_run_that_names_them(store: Store):
    store.create()
    mine, other = listed(store, b"snap.data/1\nx"), listed(store, b"snap.data/1\ny")
    first = trained(store, 1, {}, data=(mine, other))
    trained(store, 2, {}, data=(mine,))
    assert swept(store) == []
    store.remove(first.id)
    assert swept(store) == ["data"]
    assert [path.name[:-3] for path in (store.path / "data").iterdir()] == [str(mine.digest)[7:]]


def test_while_a_run_goes_on_its_code_and_all_lists_of_data_stay(store: Store):
    taken = trained(store, 1, {}, {"train.py": "a\n"})
    store.remove(taken.id)
    keep(store, msgspec.structs.replace(a_run(2, exit=None, status="running"), code=taken.code))
    listed(store, b"snap.data/1\nnot in a record yet")
    with store.claim(run_id(2)) as claim:
        assert swept(store) == []
        claim.finished()
    store.write(msgspec.structs.replace(store.read(run_id(2)), exit=taken.exit, status="finished"))
    assert swept(store) == ["data"]


def test_nothing_goes_while_a_record_can_not_be_read(store: Store):
    first = trained(store, 1, {}, {"train.py": "a\n"})
    trained(store, 2, {}, {"train.py": "b\n"})
    (store.folder(first.id) / "run.json").write_bytes(b"{")
    with pytest.raises(StoreError, match=f"what run `{first.id}` needs") as caught:
        gc.plan(store)
    assert caught.value.hint is not None and f"snap rm {first.id}" in caught.value.hint


def test_nothing_goes_while_a_list_of_code_can_not_be_read(store: Store):
    run = trained(store, 1, {})
    (store.path / "code" / f"{run.code.digest[7:]}.json").write_bytes(b"{")
    with pytest.raises(StoreError, match="is not known"):
        gc.plan(store)


def test_a_damaged_pack_stays_for_it_may_be_mended(store: Store):
    first = trained(store, 1, {}, {"train.py": "a\n"})
    (pack,) = pack_files(store)
    pack.write_bytes(pack.read_bytes().replace(b"a\n", b"b\n"))
    store.remove(first.id)
    gc.carry_out(store, gc.plan(store))
    assert pack_files(store) == [pack]


def test_what_only_a_damaged_pack_is_thought_to_have_is_not_taken_from_a_good_one(store: Store):
    # Two processes that keep the same at once leave it in two packs.
    run = trained(store, 1, {}, {"train.py": "a\n", "b.py": "b\n"})
    (pack,) = pack_files(store)
    with packs.Writer(store.path) as writer:
        for member in packs.members(pack):
            if member.name == b"train.py":
                writer.add(member.name, member.executable, member.sha256, b"a\n")
        writer.finish()
    damaged = min(pack_files(store))
    content = damaged.read_bytes()
    damaged.write_bytes(content.replace(b"a\n", b"x\n"))
    gc.carry_out(store, gc.plan(store))
    damaged.write_bytes(content)
    assert snapshots.verify(store.path, run.code.digest) == ()


@pytest.mark.parametrize("seed", range(6))
def test_what_is_left_of_a_pack_may_be_another_pack_which_goes(store: Store, seed: int):
    # As after a crash between the two steps of making a pack smaller; the order of packs depends on their content.
    first = trained(store, 1, {}, {"train.py": "a\n", "big.py": big(seed)})
    (store.project / "big.py").unlink()
    second = trained(store, 2, {}, {"train.py": "a\n"})
    (pack,) = pack_files(store)
    whole = pack.read_bytes()
    store.remove(first.id)
    swept(store)
    pack.write_bytes(whole)
    assert len(pack_files(store)) == 2
    swept(store)
    assert snapshots.verify(store.path, second.code.digest) == ()


def test_leftovers_and_labels_of_runs_that_are_gone_go_when_they_are_old(store: Store, tmp_path: Path):
    run = trained(store, 1, {})
    labels.tag(store, run.id, "best", "now")
    (store.path / "labels" / "20250101T000000000-0000.json").write_bytes(b"{}")
    young = store.runs / ".removed-x"
    young.mkdir()
    assert swept(store) == ["leftover"]
    assert young.exists()
    assert labels.tagged(store, "best") == run.id


def test_links_that_lead_out_of_the_store_are_removed_and_not_what_they_lead_to(store: Store, tmp_path: Path):
    trained(store, 1, {})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("x")
    folder = store.path / trees.FOLDER
    folder.mkdir(parents=True)
    (folder / ("0" * 64)).symlink_to(tmp_path / "mine")
    assert swept(store) == ["tree"]
    assert (tmp_path / "mine" / "x").read_text() == "x"


def test_the_plan_says_what_the_disk_gets_back(store: Store):
    first = trained(store, 1, {}, {"train.py": "a\n", "big.py": big(1)})
    store.remove(first.id)
    before = size(store)
    plan = gc.plan(store)
    gc.carry_out(store, plan)
    assert plan.bytes == before - size(store)


def size(store: Store) -> int:
    return sum(path.stat().st_size for path in (store.path / "code").rglob("*") if path.is_file())


def test_a_scan_of_the_code_is_not_older_than_what_is_kept(store: Store):
    # The cache of the last snapshot outlives the snapshot: it must not be believed then.
    run = trained(store, 1, {}, {"train.py": "a\n"})
    os.utime(store.project / "train.py", ns=(1, 1))
    store.remove(run.id)
    swept(store)
    taken = snapshots.take(store.path, store.project, scan(store.project))
    assert snapshots.verify(store.path, taken.digest) == ()
