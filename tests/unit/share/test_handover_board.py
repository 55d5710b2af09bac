"""Each thing that can be wrong with a run is seen in its row, and hides nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from snapshot.host.download import Access
from snapshot.project.tree import scan
from snapshot.record import labels
from snapshot.record.code import snapshots
from snapshot.record.data.identity import Identifier
from snapshot.record.data.walk import look
from snapshot.record.document import Code, Data, Parent, Run, Taken
from snapshot.record.labels import Origin, Pushed
from snapshot.record.store import Store
from snapshot.record.sums import write_sums
from snapshot.share.handover.board import Asked, kept, rows
from snapshot.share.handover.document import Row
from tests.unit.record.records import a_run, keep, run_id, sha256
from tests.unit.record.stores import packs
from tests.unit.share import kits
from tests.unit.share.engines import FakeEngine, an_image

FIRST, SECOND = run_id(1), run_id(2)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run with data, and one that began with what it wrote."""
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / ".gitignore").write_text("data/\n")
    store = Store(project)
    store.create()
    for name in ("a.csv", "b.csv"):
        (project / "data" / name).write_text(name)
    first = kits.kept(store, 1)
    (model,) = (output for output in first.outputs if output.path == "out/model.pt")
    rewritten(store, msgspec.structs.replace(first, data=(identified(store, "data"),)))
    taken = Taken(run=FIRST, path="out/model.pt", target="w.pt", sha256=model.sha256 or "")
    parent = Parent(
        run=FIRST, path="out/model.pt", input="w.pt", sha256=taken.sha256, relation="used", evidence="from"
    )  # fmt: skip
    kits.kept(store, 2, taken=(taken,), parents=(parent,))
    return store


def rewritten(store: Store, run: Run) -> Run:
    store.write(run)
    write_sums(store.folder(run.id))
    return run


def identified(store: Store, path: str) -> Data:
    found = Identifier(store.path, None).identify(look(store.project / path))
    kind = "folder" if (store.project / path).is_dir() else "file"
    return Data(
        path=path, target=f"/workspace/{path}", kind=kind, reason="ignored", digest=found.digest, identified="content"
    )  # fmt: skip


def board(store: Store, *run_ids: str, engine: FakeEngine | None = None) -> dict[str, Row]:
    engine = engine or FakeEngine(an_image("snap:1", sha256("e")))
    asked = Asked(store=store, engine=engine, cache=None, access=Access())
    return {row.run: row for row in rows(asked, run_ids or kept(store))}


def states(row: Row) -> str:
    """The states in the order of the table, by their first letter."""
    found = {**dict.fromkeys(("data", "weights", "results")), **row.standings}
    names = ("record", "image", "code", "data", "weights", "results", "archived")
    return "".join(standing.state[0] if (standing := found[name]) else "-" for name in names)


def test_a_store_as_it_was_left_is_fine(store: Store) -> None:
    found = board(store)
    assert list(found) == [SECOND, FIRST]
    assert {run: states(row) for run, row in found.items()} == {FIRST: "oooo-om", SECOND: "ooo-oom"}
    assert [(row.retrain, row.because, row.wrong) for row in found.values()] == [("here only", ("not pushed",), {})] * 2


def flip(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(content)


def drop_contents(store: Store) -> None:
    for pack in packs(store):
        pack.unlink()


def damage_pack(store: Store) -> None:
    (pack,) = packs(store)
    pack.write_bytes(pack.read_bytes().replace(b"print(1)", b"print(2)"))


DAMAGE: dict[str, tuple[Callable[[Store], object], str, str, str]] = {
    # what is done, how the first run stands then, what its row says, and how the second one stands
    "output": (lambda s: flip(s.folder(FIRST) / "outputs/loss.json"), "oooo-cm", "`loss.json` is not what", "ooo-oom"),
    "output is gone": (lambda s: (s.folder(FIRST) / "outputs/loss.json").unlink(), "oooo-mm", "is gone", "ooo-oom"),
    "output of both": (lambda s: flip(s.folder(FIRST) / "outputs/out/model.pt"), "oooo-cm", "model.pt", "ooo-com"),
    "log": (lambda s: flip(s.folder(FIRST) / "log"), "cooo-om", "`log` is not the file that it was", "ooo-oom"),
    "lock": (lambda s: (s.folder(FIRST) / "snap.lock").unlink(), "mooo-om", "`snap.lock` is gone", "ooo-oom"),
    "record": (lambda s: flip(s.folder(FIRST) / "run.json", 0), "cuu---m", "is damaged", "ooo-oom"),
    "record is gone": (lambda s: (s.folder(FIRST) / "run.json").unlink(), "muu---m", "the record is gone", "ooo-oom"),
    "record of another": (
        lambda s: (s.folder(FIRST) / "run.json").write_bytes((s.folder(SECOND) / "run.json").read_bytes()),
        "cuu---m", f"the record is that of run {SECOND}", "ooo-oom",
    ),
    "labels": (
        lambda s: labels.tag(s, FIRST, "best", "") or flip(s.path / f"labels/{FIRST}.json", 0),
        "oooo-ou", "its labels can't be read", "ooo-oom",
    ),
    "data": (lambda s: (s.project / "data/a.csv").write_text("z"), "oooc-om", "`data` changed `a.csv`", "ooo-oom"),
    "data, more of it": (
        lambda s: [(s.project / "data/c.csv").touch(), (s.project / "data/a.csv").unlink()],
        "oooc-om", "`data` added `c.csv`; removed `a.csv`", "ooo-oom",
    ),
    "data are gone": (lambda s: (s.project / "data").rename(s.project / "d"), "ooom-om", "is not there", "ooo-oom"),
    "list of changed data": (
        lambda s: [(s.project / "data/c").touch(), *(p.write_bytes(b"") for p in (s.path / "data").glob("*.gz"))],
        "oooc-om", "which files can't be told", "ooo-oom",
    ),
    "pack": (damage_pack, "ooco-om", "`train.py` can't be had: the pack ", "ooc-oom"),
    "packs are gone": (drop_contents, "oomo-om", "`train.py` are gone", "oom-oom"),
    "list of code": (
        lambda s: [flip(path, 0) for path in (s.path / "code").glob("*.json")], "ooco-om", "can't be read", "ooc-oom",
    ),
    "list of code is gone": (
        lambda s: [path.unlink() for path in (s.path / "code").glob("*.json")], "oomo-om", "the list of", "oom-oom",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen_and_named(store: Store, name: str) -> None:
    spoil, first, said, second = DAMAGE[name]
    spoil(store)
    found = board(store)
    assert {run: states(row) for run, row in found.items()} == {FIRST: first, SECOND: second}
    reasons = [standing.reason or "" for standing in found[FIRST].wrong.values()]
    assert len(reasons) == 1
    assert said in reasons[0]
    assert all(standing.hint for standing in found[FIRST].wrong.values())


def test_nothing_is_written_into_the_project(store: Store) -> None:
    (store.project / "data/a.csv").write_text("z")
    before = {path: path.lstat().st_mtime_ns for path in store.project.rglob("*")}
    board(store)
    assert {path: path.lstat().st_mtime_ns for path in store.project.rglob("*")} == before


def test_data_without_a_digest_and_places_that_can_not_be_are_not_known(store: Store) -> None:
    run = store.read(FIRST)
    for changed, said in (
        ({"digest": None}, "was not identified"),
        ({"identified": "smell"}, "this version does not know"),
        ({"digest": "sha256:../../x"}, "this version does not know"),
        ({"path": "a\0b"}, "a place that can't be"),
    ):
        (data,) = run.data
        rewritten(store, msgspec.structs.replace(run, data=(msgspec.structs.replace(data, **changed),)))
        found = board(store, FIRST)[FIRST]
        assert (found.retrain, found.because) == ("unknown", ("data unknown",))
        assert said in str(found.data and found.data.reason)


def test_a_file_alone_is_data_too(store: Store) -> None:
    (store.project / "big.bin").write_bytes(b"1")
    run = store.read(FIRST)
    rewritten(store, msgspec.structs.replace(run, data=(identified(store, "big.bin"),)))
    assert states(board(store, FIRST)[FIRST]) == "oooo-om"
    (store.project / "big.bin").write_bytes(b"2")
    found = board(store, FIRST)[FIRST]
    assert found.data is not None
    assert found.data.reason == "`big.bin` is not what it was"


def test_weights_that_the_code_or_the_data_have_are_not_lost(store: Store) -> None:
    weights = kits.OUTPUTS["out/model.pt"]
    (parent,) = store.read(SECOND).parents
    (store.project / "data/w.pt").write_bytes(weights)
    in_data = msgspec.structs.replace(parent, input="data/w.pt", evidence="read")
    kits.kept(store, 3, parents=(in_data,), data=(identified(store, "data"),))
    (store.project / "in-code.pt").write_bytes(weights)
    code = snapshots.take(store.path, store.project, scan(store.project))
    in_code = msgspec.structs.replace(parent, input="in-code.pt", evidence="visible")
    own = Code(digest=code.digest, files=code.files, bytes=code.bytes, git=None)
    rewritten(store, msgspec.structs.replace(kits.kept(store, 4), parents=(in_code,), code=own))
    store.remove(FIRST)
    found = board(store)
    assert [found[run].weights for run in (run_id(3), run_id(4))] != [None, None]
    assert {run: row.weights.state for run, row in found.items() if row.weights} == {
        SECOND: "missing", run_id(3): "ok", run_id(4): "ok",
    }  # fmt: skip
    assert found[SECOND].because == ("weights missing",)
    beside = store.folder(SECOND) / "taken/w.pt"
    beside.parent.mkdir()
    beside.write_bytes(weights)
    assert states(board(store)[SECOND]) == "ooo-oom"


@pytest.mark.parametrize("changes", [{"run": "../../etc"}, {"path": "../../../../etc/passwd"}, {"run": run_id(9)}])
def test_ids_and_paths_of_a_record_lead_nowhere(store: Store, changes: dict[str, str]) -> None:
    run = store.read(SECOND)
    (parent,), (taken,) = run.parents, run.taken
    for field, one in (("parents", parent), ("taken", taken)):
        other = {"parents": (), "taken": (), field: (msgspec.structs.replace(one, **changes),)}
        rewritten(store, msgspec.structs.replace(run, **other))
        found = board(store, SECOND)[SECOND]
        assert found.weights is not None
        assert (found.weights.state, "is gone" in str(found.weights.reason)) == ("missing", True)


def test_a_fifo_in_the_place_of_an_output_is_not_waited_for(store: Store) -> None:
    path = store.folder(FIRST) / "outputs/out/model.pt"
    path.unlink()
    os.mkfifo(path)
    assert {run: states(row) for run, row in board(store).items()} == {FIRST: "oooo-cm", SECOND: "ooo-com"}


def test_a_registry_that_has_it_makes_up_for_what_is_lost_here(store: Store) -> None:
    labels.add_pushed(store, SECOND, Pushed(reference="r.example/a:1", digest=sha256("f"), time=""))
    labels.set_origin(store, FIRST, Origin(reference="r.example/a:2@" + sha256("f"), time=""))
    drop_contents(store)
    found = board(store, engine=FakeEngine())
    assert [(row.retrain, row.because) for row in found.values()] == [("yes", ()), ("here only", ("data not pushed",))]
    assert [row.archived.reason for row in found.values()] == [
        f"pushed to r.example/a:1@{sha256('f')}", f"pulled from r.example/a:2@{sha256('f')}",
    ]  # fmt: skip
    labels.set_origin(store, FIRST, Origin(reference="/mnt/kit", time=""))
    assert board(store)[FIRST].archived.state == "missing"


def test_runs_that_go_on_are_left_out_and_told_of_when_they_are_named(store: Store) -> None:
    keep(store, a_run(3, exit=None, status="running", code=store.read(FIRST).code))
    (store.runs / "20260101T000000004-0004").mkdir()
    with store.claim(run_id(3)):
        assert kept(store) == [SECOND, FIRST]
        found = board(store, run_id(3))[run_id(3)]
    assert (found.record.state, found.record.reason) == ("unknown", "the run is not finished")


def test_an_engine_that_is_silent_is_asked_once_for_all_runs(store: Store) -> None:
    engine = FakeEngine(silent=True)
    assert {row.image.state for row in board(store, engine=engine).values()} == {"unknown"}
    assert engine.asked == 1


def test_a_record_from_elsewhere_has_no_folder_of_this_host_looked_at(store: Store) -> None:
    run = store.read(FIRST)
    (data,) = run.data
    labels.set_origin(store, FIRST, Origin(reference="/mnt/kit", time=""))
    for changes in ({"path": str(store.project / "data")}, {"at": str(store.project / "data")}, {"reason": "option"}):
        rewritten(store, msgspec.structs.replace(run, data=(msgspec.structs.replace(data, **changes),)))
        found = board(store, FIRST)[FIRST].data
        assert found is not None
        assert (found.state, "nobody has said" in str(found.reason)) == ("unknown", True)
    rewritten(store, run)
    assert states(board(store, FIRST)[FIRST]) == "oooo-om"
