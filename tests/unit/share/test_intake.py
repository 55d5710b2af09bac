"""Runs taken in from elsewhere: whole and the same, or not at all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot import digest
from snapshot.errors import IntegrityError, SnapshotError, StoreError, UsageError
from snapshot.record import fsck, gc, labels
from snapshot.record.code import snapshots
from snapshot.record.document import Output, Run, Taken
from snapshot.record.labels import Origin
from snapshot.record.store import Store
from snapshot.share import intake
from snapshot.share.kit.reading import opened
from tests.unit.record.records import edge, run_id, sha256
from tests.unit.record.stores import listed
from tests.unit.share import kits

ORIGIN = Origin(reference="/mnt/kit", time="2026-01-02T00:00:00.000Z")


def take_in(store: Store, kit: Path) -> tuple[Run, bool]:
    with opened(kit, store.project / "scratch") as found:
        return intake.take_in(store, found, ORIGIN)


def refused(store: Store, kit: Path, kind: type[SnapshotError] = IntegrityError) -> str:
    """The words with which it is refused; nothing is left behind."""
    kits.resum(kit)
    with pytest.raises(kind) as caught:
        take_in(store, kit)
    assert store.ids() == []
    assert list(store.runs.glob("*")) == list(store.runs.glob(".*")) == []
    assert labels.paths(store) == []
    return caught.value.message


def change_record(kit: Path, **changes: Any) -> None:
    """Change the record, and its digest in the run's own sums, as a forger does."""
    kits.change_json(kit / "opt/snap/run.json", lambda value: value.update(changes))
    resum_run(kit)


def resum_run(kit: Path) -> None:
    from snapshot.record.sums import write_sums

    write_sums(kit / "opt/snap")


def test_it_is_as_if_it_had_been_made_here(store: Store, run: Run, kit: Path, other: Store) -> None:
    assert take_in(other, kit) == (run, True)
    assert other.find("latest") == run.id
    for name in ("run.json", "snap.lock", "log", "SHA256SUMS", "outputs/out/model.pt", "outputs/loss.json"):
        assert (other.folder(run.id) / name).read_bytes() == (store.folder(run.id) / name).read_bytes()
    assert snapshots.read_file(other.path, run.code.digest, "train.py") == b"print(1)\n"
    assert list(fsck.examine(other)) == []
    assert gc.plan(other).waste == ()
    assert labels.of(other, run.id).origin == ORIGIN


def test_twice_changes_nothing(run: Run, kit: Path, other: Store) -> None:
    take_in(other, kit)
    labels.tag(other, run.id, "mine", "2026-01-03T00:00:00.000Z")
    assert take_in(other, kit) == (run, False)
    assert list(labels.of(other, run.id).tags) == ["mine"]


def test_the_store_that_made_it_keeps_it_as_its_own(store: Store, run: Run, kit: Path) -> None:
    assert take_in(store, kit) == (run, False)
    assert labels.of(store, run.id).origin is None


def test_another_run_of_that_id_is_not_touched(kit: Path, other: Store) -> None:
    mine = kits.kept(other, name="mine")
    with pytest.raises(UsageError, match="has another run"):
        take_in(other, kit)
    assert other.read(mine.id) == mine


def test_links_empty_folders_programs_and_names_that_are_not_utf8(store: Store, tmp_path: Path, other: Store) -> None:
    store.create()
    folder = store.project
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("../elsewhere")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "caf\udce9.txt").write_text("name")
    run = kits.kept(store)
    kit = kits.write(kits.entries(store, run), tmp_path / "kit.tar")
    take_in(other, kit)
    assert snapshots.manifest(other.path, run.code.digest) == snapshots.manifest(store.path, run.code.digest)
    assert list(fsck.examine(other)) == []
    plain = kits.write(kits.entries(store, run), tmp_path / "kit") / "workspace"
    assert (plain / "empty").is_dir()
    assert (plain / "link").is_symlink()
    assert (plain / "run.sh").stat().st_mode & 0o777 == 0o755


def test_lists_of_data_and_records_of_ancestors_come_along(store: Store, tmp_path: Path, other: Store) -> None:
    kits.kept(store, 1)
    data = listed(store, b"snap.data/1\n" + b"0" * 64 + b" 1 a.csv\0")
    run = kits.kept(store, 2, data=(data,), parents=(edge(1), edge(7)))
    kit = kits.write(kits.entries(store, run), tmp_path / "kit")
    take_in(other, kit)
    assert other.ids() == [run.id]
    assert (other.folder(run.id) / "lineage" / f"{run_id(1)}.json").exists()
    assert list(fsck.examine(other)) == []


def test_what_from_had_put_in_the_place_of_code(store: Store, tmp_path: Path, other: Store) -> None:
    kits.kept(store, 1)
    taken = Taken(
        run=run_id(1), path="out/model.pt", target="start.pt",
        sha256=digest.of_bytes(b"weights"),
    )  # fmt: skip
    (store.project / "start.pt").write_text("what the project has there")
    run = kits.kept(store, 2, taken=(taken,))
    kit = kits.write(kits.entries(store, run), tmp_path / "kit")
    assert (kit / "workspace/start.pt").read_bytes() == b"weights"
    take_in(other, kit)
    assert snapshots.read_file(other.path, run.code.digest, "start.pt") == b"what the project has there"
    assert (other.folder(run.id) / "taken/start.pt").read_bytes() == b"weights"
    assert list(fsck.examine(other)) == []
    # It can be handed on, though the run that wrote it is not here.
    again = kits.write(kits.entries(other, run), tmp_path / "again.tar")
    assert again.read_bytes() == kits.write(kits.entries(store, run), tmp_path / "kit.tar").read_bytes()


@pytest.mark.parametrize("target", ["../x", "a/../../x", "/x", "out//x"])
def test_a_place_of_from_that_leads_out(kit: Path, other: Store, target: str) -> None:
    change_record(kit, taken=[{"run": run_id(1), "path": "x", "target": target, "sha256": sha256("a")}])
    kits.resum(kit)
    with pytest.raises((IntegrityError, StoreError)):
        take_in(other, kit)
    assert other.ids() == []


def test_a_record_of_a_newer_version(kit: Path, other: Store) -> None:
    change_record(kit, schema="snap.run/2")
    refused(other, kit, StoreError)


@pytest.mark.parametrize("name", ["../../x", "20260101T000000001-0001/..", "latest", ".hidden", ""])
def test_an_id_that_is_none(kit: Path, other: Store, name: str) -> None:
    change_record(kit, id=name)
    assert "not that of a finished run" in refused(other, kit)


def test_a_run_that_is_not_over(kit: Path, other: Store) -> None:
    change_record(kit, exit=None)
    assert "not that of a finished run" in refused(other, kit)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "out/model.pt/x", "out//x", "./x"])
def test_an_output_that_leads_out_or_into_another(run: Run, kit: Path, other: Store, path: str) -> None:
    bad = Output(path=path, size=1, sha256=sha256("a"), mode=0o644, change="created")
    change_record(kit, outputs=json.loads(msgspec.json.encode((*run.outputs, bad))))
    with pytest.raises((IntegrityError, StoreError)):
        kits.resum(kit)
        take_in(other, kit)
    assert other.ids() == []
    assert not (other.runs / "x").exists()


def test_an_output_below_a_link_that_leads_out(run: Run, kit: Path, other: Store, tmp_path: Path) -> None:
    link = Output(path="a", size=0, sha256=None, mode=0o777, change="created", link=str(tmp_path))
    below = msgspec.structs.replace(run.outputs[0], path="a/b")
    (kit / "opt/snap/outputs/a").mkdir()
    (kit / "opt/snap/outputs/a/b").write_bytes(b"weights")
    change_record(kit, outputs=json.loads(msgspec.json.encode((link, below))))
    assert "no run can have" in refused(other, kit)
    assert not (tmp_path / "b").exists()


def test_a_result_that_is_another_or_larger_than_it_was(kit: Path, other: Store) -> None:
    (kit / "opt/snap/outputs/out/model.pt").write_bytes(b"Weights")
    assert "is not the one that the record names" in refused(other, kit)
    (kit / "opt/snap/outputs/out/model.pt").write_bytes(b"weights" * 1000)
    assert "is larger than it can be" in refused(other, kit)
    (kit / "opt/snap/outputs/out/model.pt").unlink()
    assert "has no `opt/snap/outputs/out/model.pt`" in refused(other, kit)


def test_another_lock(kit: Path, other: Store) -> None:
    from snapshot.lock import document

    (kit / "opt/snap/snap.lock").write_text(document.dumps(kits.a_lock(b"another")))
    resum_run(kit)
    assert "lock is not that of its record" in refused(other, kit)


def test_a_file_that_the_runs_sums_do_not_name(kit: Path, other: Store) -> None:
    (kit / "opt/snap/gpu.csv").write_text("forged\n")
    assert "`gpu.csv` has no digest" in refused(other, kit)


def test_a_log_that_was_altered(kit: Path, other: Store) -> None:
    (kit / "opt/snap/log").write_text("all is well\n")
    assert "`log` is not the file that it was" in refused(other, kit)


def test_code_that_is_other_code(kit: Path, other: Store) -> None:
    (kit / "workspace/train.py").write_text("print(2)\n")
    assert "`train.py` is not what its list says" in refused(other, kit)


def test_a_list_of_code_that_is_another(kit: Path, other: Store) -> None:
    kits.change_json(kit / "opt/snap/code.json", lambda value: value["entries"].pop())
    assert "list of the code is not that of" in refused(other, kit)


@pytest.mark.parametrize(
    "entries",
    [
        [{"path": "../x", "mode": "100644", "sha256": "0" * 64}],
        [{"path": "/x", "mode": "100644", "sha256": "0" * 64}],
        [{"path": "a", "mode": "120000", "target": "/tmp"}, {"path": "a/x", "mode": "100644", "sha256": "0" * 64}],
        [{"path": "a/x", "mode": "100644", "sha256": "0" * 64}],
        [{"path": "a", "mode": "100644", "sha256": "../../../x"}],
        [{"path": "a", "mode": "040000"}, {"path": "a", "mode": "120000", "target": "/tmp"}],
        [{"path": "a", "mode": "120000"}],
    ],
    ids=["up", "absolute", "below a link", "below nothing", "no digest", "twice", "no target"],
)
def test_a_list_of_code_that_leads_out(kit: Path, other: Store, entries: list[dict[str, str]]) -> None:
    kits.change_json(kit / "opt/snap/code.json", lambda value: value.update(entries=entries))
    found = snapshots.loads((kit / "opt/snap/code.json").read_bytes(), where="x")
    record = json.loads((kit / "opt/snap/run.json").read_bytes())
    change_record(kit, code={**record["code"], "digest": snapshots.identity(found.entries)})
    assert "which no code of `snap` has" in refused(other, kit)


def test_a_list_of_data_that_inflates_without_end(store: Store, tmp_path: Path, other: Store) -> None:
    data = listed(store, b"snap.data/1\n" + b"0" * 64 + b" 1 a.csv\0")
    run = kits.kept(store, 2, data=(data,))
    kit = kits.write(kits.entries(store, run), tmp_path / "kit")
    (manifest,) = (kit / "opt/snap/data").iterdir()
    manifest.write_bytes(gzip.compress(bytes(50_000_000)))
    assert "in the archive" in refused(other, kit)


def test_an_ancestor_that_is_another_run(store: Store, tmp_path: Path, other: Store) -> None:
    kits.kept(store, 1)
    run = kits.kept(store, 2, parents=(edge(1),))
    kit = kits.write(kits.entries(store, run), tmp_path / "kit")
    folder = kit / "opt/snap/lineage"
    (folder / f"{run_id(1)}.json").rename(folder / f"{run_id(3)}.json")
    assert "is not the record of that run" in refused(other, kit)
