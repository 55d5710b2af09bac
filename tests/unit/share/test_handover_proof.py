"""What a build, or a training, tells of a run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from snapshot.compare.verdict import Compared, Verdict
from snapshot.errors import DifferentError, InterruptError
from snapshot.host.download import Access
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share.handover.document import OK, Row, missing, ok
from snapshot.share.handover.image import Locks
from snapshot.share.handover.proof import Builds, Trainings
from tests.unit.share.engines import FakeEngine


def a_verdict(said: str, *outputs: tuple[str, str]) -> Verdict:
    compared = tuple(Compared(path=path, verdict=verdict, kind="bytes") for path, verdict in outputs)
    return Verdict(first="a", second="b", created="", verdict=said, outputs=compared)


@pytest.mark.parametrize(("verdict", "state", "reason"), [
    (a_verdict("identical", ("x", "identical")), "ok", "identical: run b"),
    (a_verdict("within tolerance", ("x", "within tolerance")), "ok", "within tolerance: run b"),
    (a_verdict("different", ("x\n", "different"), ("y", "identical"), ("z", "not compared")), "changed",
     "different: `x\\n` different, `z` not compared"),
    (a_verdict("different", ("x", "identical")), "changed", "different, it ended otherwise"),
])  # fmt: skip
def test_a_training_is_as_good_as_its_verdict(run: Run, verdict: Verdict, state: str, reason: str) -> None:
    found = Trainings(lambda _: verdict).of(run)
    assert found is not None
    assert (found.state, found.reason) == (state, reason)


def test_a_training_that_can_not_be_is_told_and_one_that_is_interrupted_ends_all(run: Run) -> None:
    def refused(run: Run) -> Verdict:
        raise DifferentError("the data are not what they were", hint="bring them back")

    def interrupted(run: Run) -> Verdict:
        raise InterruptError("interrupted")

    assert Trainings(refused).of(run) == missing(
        "it can't be trained: the data are not what they were", "bring them back"
    )
    with pytest.raises(InterruptError):
        Trainings(interrupted).of(run)
    never = Trainings(interrupted).of(msgspec.structs.replace(run, started=None))
    assert never is not None and never.state == "unknown"


def test_reruns_are_left_out_where_that_is_asked(run: Run) -> None:
    again = msgspec.structs.replace(run, rerun="a")
    assert Trainings(lambda _: a_verdict("identical"), reruns=False).of(again) is None
    found = Trainings(lambda _: a_verdict("identical")).of(again)
    assert found is not None and found.state == OK


def test_what_can_not_be_built_is_told(store: Store, run: Run, tmp_path: Path) -> None:
    builds = Builds(FakeEngine(), Locks(store), tmp_path / "cache", Access(), lambda event: None)
    row = Row(run=run.id, record=ok(), image=ok(), code=ok(), archived=ok(), retrain="yes")
    found = builds.added(store, row).build
    assert found is not None
    assert (found.state, "it can't be built: the base image `base:12` is not on this" in str(found.reason)) == (
        "missing", True,
    )  # fmt: skip
    (store.folder(run.id) / "snap.lock").unlink()
    alone = Builds(FakeEngine(), Locks(store), tmp_path / "cache", Access(), lambda event: None)
    assert alone.of(run).reason == "the lock is gone"
    (store.folder(run.id) / "run.json").write_text("{")
    assert builds.added(store, row) == row
