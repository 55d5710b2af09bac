"""The data of an export: where the training looks for them."""

from __future__ import annotations

from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import Data
from snapshot.record.reads import ReadsFile
from snapshot.share.export.data import placed, words
from tests.unit.record.records import a_run, output, sha256

INSIDE = Data(path="data", target="/workspace/data", kind="folder", reason="ignored", digest=sha256("d"))
HOME = Data(path="/home/alice/mnist", target="/home/alice/mnist", kind="folder", reason="argument")
LINKED = Data(path="raw", target="/mnt/raw", kind="folder", reason="link")


def tells(text: str) -> bool:
    return "alice" in text


def test_targets_that_tell_of_somebody_are_others() -> None:
    other = Data(path="/home/alice/b/mnist", target="/home/alice/b/mnist", kind="folder", reason="argument")
    found = placed(a_run(data=(INSIDE, HOME, other)), (), None, tells)
    assert [one.target for one in found] == ["/workspace/data", "/data/mnist", "/data/mnist-2"]
    assert [one.place for one in found] == ["data/workspace/data", "data/data/mnist", "data/data/mnist-2"]


def test_data_behind_a_link_are_in_its_place() -> None:
    link = CodeEntry(path="raw", mode="120000", target="/mnt/raw")
    (one,) = placed(a_run(data=(LINKED,)), (link,), None, tells)
    assert (one.target, one.instead_of) == ("/workspace/raw", "raw")


def test_ignored_data_of_which_nothing_was_opened_are_no_data() -> None:
    run = a_run(data=(INSIDE, HOME))
    assert [one.data for one in placed(run, (), ReadsFile(processes=1), tells)] == [HOME]
    assert len(placed(run, (), ReadsFile(processes=1, data=("data/a.csv",)), tells)) == 2
    assert len(placed(run, (), ReadsFile(processes=1, modules=("h5py",)), tells)) == 2
    assert len(placed(run, (), ReadsFile(processes=1, complete=False), tells)) == 2


def test_commands_name_the_places_of_the_export() -> None:
    found = placed(a_run(data=(HOME,)), (), None, tells)
    argv = ("train.py", "--data=/home/alice/mnist/train", "/home/alice/mnist", "/p/out", "/pp", "lr=1")
    assert words(argv, "/p", found) == (
        *("train.py", "--data=/data/mnist/train", "/data/mnist", "/workspace/out", "/pp", "lr=1"),
    )


def test_data_that_the_run_wrote_to() -> None:
    run = a_run(data=(INSIDE,), outputs=(output("data/cache.bin", sha256("a")),))
    assert [one.is_written(run) for one in placed(run, (), None, tells)] == [True]
    assert [one.is_written(a_run()) for one in placed(run, (), None, tells)] == [False]
