"""What differs between two runs, what is the same, and what nobody knows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from snapshot.compare.data import MOST
from snapshot.compare.results import Number
from snapshot.compare.runs import RunDifference, Side, difference
from snapshot.document import encode_json
from snapshot.errors import StoreError
from snapshot.host.machine import Machine
from snapshot.host.nvml import Device, Gpus
from snapshot.lock.document import Cuda, Lock
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.document import (
    Code,
    Command,
    Data,
    Edit,
    Exit,
    Given,
    Host,
    Metric,
    Output,
    Parent,
    Request,
    Run,
    Taken,
)
from tests.unit.compare.test_lock import lock, os_package
from tests.unit.record.records import a_run

Told = dict[str, dict[str, tuple[str | None, str | None]]]


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def side(stack: Lock | None = None, code: tuple[CodeEntry, ...] | None = None, **changes: Any) -> Side:
    return Side(run=a_run(**changes), lock=stack, code=code)


def sections(found: RunDifference) -> Told:
    return {s.name: {c.name: (c.old, c.new) for c in s.changes} for s in found.sections}


def equal(found: RunDifference) -> dict[str, int | None]:
    return {e.name: e.number for e in found.equal}


def unknown(found: RunDifference) -> list[tuple[str, str]]:
    return [(u.name, u.reason) for u in found.unknown]


def test_a_run_is_the_same_as_itself_whenever_it_was() -> None:
    again = side(lock(), id="20260102T000000000-0001", created="2026-01-02T00:00:00.000Z", name="again", container="d")
    found = difference(side(lock()), again)
    assert found.same and found.sections == () and found.unknown == ()
    assert equal(found) == {
        "command": None,
        "base": None,
        "Python": None,
        "OS package": 2,
        "outcome": None,
        "code file": 1,
    }


def test_arguments_options_and_environment() -> None:
    old = side(parameters={"lr": "0.1", "seed": "1"}, request=Request(environment={"A": "1", "B": "2"}))
    new = side(
        parameters={"lr": "0.2", "seed": "1", "amp": "true"},
        request=Request(environment={"A": "1"}, memory="8g", gpus="all"),
        command=Command(argv=("train2.py",), kind="script", directory="sub"),
    )
    found = difference(old, new)
    assert sections(found) == {
        "command": {"script": ("train.py", "train2.py"), "directory": (".", "sub")},
        "arguments": {"lr": ("0.1", "0.2"), "amp": (None, "true")},
        "options": {"--memory": (None, "8g"), "--gpus": (None, "all")},
        "environment": {"B": ("2", None)},
    }
    assert equal(found)["argument"] == 1 and equal(found)["environment variable"] == 1
    assert not found.same


def test_arguments_of_records_that_have_no_parameters() -> None:
    old, new = (
        side(command=Command(argv=("pkg.train", "--lr", lr), kind="module", directory=".")) for lr in ("1", "2")
    )
    assert sections(difference(old, new)) == {"arguments": {"lr": ("1", "2")}}
    old, new = (side(command=Command(argv=("bash", "-c", c), kind="command", directory=".")) for c in ("a", "b"))
    assert sections(difference(old, new)) == {"arguments": {"c": ("a", "b")}}
    nothing = side(command=Command(argv=(), kind="script", directory="."))
    assert sections(difference(side(), nothing)) == {"command": {"script": ("train.py", "")}}


def test_the_stack_is_compared_by_the_locks() -> None:
    cuda = Cuda(runtime="13.0", because="x", driver_minimum="580")
    old = side(lock(("numpy", "1.0"), ("six", "1"), cuda=cuda))
    new = side(lock(("numpy", "2.0"), ("six", "1"), ("torch", "2"), cuda=cuda, os_packages=(os_package("git", "2"),)))
    found = difference(old, new)
    assert sections(found) == {
        "packages": {"numpy": ("1.0", "2.0"), "torch": (None, "2")},
        "OS packages": {"git (OS)": (None, "2")},
    }
    assert {key: equal(found).get(key, 0) for key in ("package", "OS package", "CUDA", "driver that CUDA needs")} == {
        "package": 1,
        "OS package": 2,
        "CUDA": None,
        "driver that CUDA needs": None,
    }


def test_without_a_lock_the_records_say_what_they_know() -> None:
    platform = msgspec.structs.replace(a_run().platform, lock="other", python="3.12.1")
    found = difference(side(lock()), side(platform=platform))
    assert sections(found) == {"platform": {"Python": ("3.11.2", "3.12.1")}}
    assert unknown(found) == [("packages", "the lock of 20260101T000000000-0000 can't be read")]


def host(**changes: Any) -> Host:
    machine = Machine(
        hostname="h", system="Debian", kernel="6", architecture="x86_64", cpu="C", cpu_flags=("avx",), cores=2, memory=1
    )
    devices = tuple(Device(index=i, name=f"GPU {i}", uuid=None, compute_capability=None, memory=None) for i in range(2))
    return Host(
        machine=msgspec.structs.replace(machine, **changes),
        engine="27.1",
        store="overlay2",
        gpus=Gpus(driver="580.1", cuda="13.0", devices=devices),
        user="0:0",
    )


def test_the_machine_and_its_gpus() -> None:
    old = side(host=host(), gpus=Given(way="cdi", devices=("0",)))
    same = difference(old, old)
    assert [e.name for e in same.equal if e.name in ("driver", "devices", "host", "kernel")] == [
        *("driver", "devices", "host")
    ]
    new = side(host=host(kernel="7", cpu_flags=("avx", "avx2")), gpus=Given(way="cdi", devices=("1", "0:1")))
    assert sections(difference(old, new)) == {
        "GPUs": {"devices": ("0 GPU 0", "1 GPU 1, 0:1 GPU 0")},
        "host": {"kernel": ("6", "7"), "CPU flags": ("avx", "avx avx2")},
    }


def entry(path: str, letter: str) -> CodeEntry:
    return CodeEntry(path=path, mode="100644", size=1, sha256=letter * 64)


def test_code_file_by_file() -> None:
    old, new = (
        Side(
            run=a_run(code=Code(digest=digest(letter), files=2, bytes=2, git=None)),
            lock=None,
            code=(entry("a.py", letter), entry("b.py", "c")),
        )
        for letter in "ab"
    )
    found = difference(old, new)
    assert [(c.word, c.path) for c in found.code] == [("changed", "a.py")]
    assert equal(found)["code file"] == 1 and not found.same
    lost = difference(old, msgspec.structs.replace(new, code=None))
    assert not lost.same and lost.code == ()
    assert unknown(lost) == [("code", "that of 20260101T000000000-0000 can't be read")]


def data(path: str, letter: str | None, **changes: Any) -> Data:
    made = Data(
        path=path,
        target=path,
        kind="folder",
        reason="ignored",
        digest=letter and digest(letter),
        identified="content" if letter else None,
    )
    return msgspec.structs.replace(made, **changes)


def edits(old: str, new: str) -> Iterator[Edit]:
    if new == digest("x"):
        raise StoreError("the manifest is lost")
    yield Edit(path="1.png", change="changed")


def test_data_by_their_digests_and_files() -> None:
    old = (data("/mnt/a", "a"), data("changed", "b"), data("lost", "b"), data("removed", "c"), data("same", "d"))
    new = (data("/srv/a", "a"), data("added", "e"), data("changed", "f"), data("lost", "x"), data("same", "d"))
    found = difference(side(data=old), side(data=new), edits)
    assert [(d.word, d.path, [e.path for e in d.files], d.unknown) for d in found.data] == [
        ("moved", "/srv/a", [], None),
        ("added", "added", [], None),
        ("changed", "changed", ["1.png"], None),
        ("changed", "lost", [], "the manifest is lost"),
        ("removed", "removed", [], None),
    ]
    assert equal(found)["data path"] == 1 and not found.same


def test_of_millions_of_files_the_first_are_named() -> None:
    def endless(old: str, new: str) -> Iterator[Edit]:
        for number in itertools.count():
            yield Edit(path=str(number), change="added")

    (found,) = difference(side(data=(data("d", "a"),)), side(data=(data("d", "b"),)), endless).data
    assert len(found.files) == MOST and not found.complete


def test_data_of_which_nobody_knows_whether_they_are_the_same() -> None:
    edited = data("edited", "a", edits=(Edit(path="x", change="added"),))
    old = (data("none", None), data("ways", "a"), edited)
    new = (data("none", "b"), data("ways", "c", identified="mtime"), edited)
    found = difference(side(data=old), side(data=new), edits)
    assert found.same and found.data == ()
    assert unknown(found) == [
        ("edited", "edited while the first and the second ran"),
        ("none", "not identified"),
        ("ways", "identified by content and by mtime"),
    ]


def metric(name: str, value: float | str) -> Metric:
    return Metric(name=name, value=value, points=1, path="m.json")


def test_numbers_side_by_side() -> None:
    old = (metric("acc", 0.5), metric("gone", 1), metric("loss", 0), metric("nan", "nan"), metric("same", 2))
    new = (metric("acc", 0.75), metric("came", 1), metric("loss", -1), metric("nan", 1), metric("same", 2.0))
    found = difference(side(metrics=old), side(metrics=new))
    assert found.results == (
        Number(name="acc", old=0.5, new=0.75, difference=0.25, relative=0.5),
        Number(name="came", old=None, new=1),
        Number(name="gone", old=1, new=None),
        Number(name="loss", old=0, new=-1, difference=-1),
        Number(name="nan", old="nan", new=1),
    )
    assert equal(found)["metric"] == 1


@pytest.mark.parametrize(("old", "new"), [(-1e308, 1e308), (5e-324, 1e308)])
def test_what_no_float_can_hold_is_left_out(old: float, new: float) -> None:
    (found,) = difference(side(metrics=(metric("x", old),)), side(metrics=(metric("x", new),))).results
    assert None in (found.difference, found.relative)
    assert b"inf" not in encode_json(found)


def output(path: str, letter: str) -> Output:
    return Output(path=path, size=1, sha256=digest(letter), mode=0o644, change="created")


def test_outcome_inputs_and_outputs() -> None:
    link = Output(path="link", size=1, sha256=None, mode=0o777, change="created", link="a.pt")
    old = side(outputs=(output("a.pt", "a"), output("b.pt", "b"), link), deleted=("x",))
    taken = Taken(run="r", path="w.pt", target="w.pt", sha256=digest("e"))
    parent = Parent(run="r", path="w.pt", input="w.pt", sha256=digest("e"), relation="fine-tuned-from", evidence="from")
    new = side(
        outputs=(output("a.pt", "c"), output("b.pt", "b"), output("x", "d")),
        exit=Exit(code=137, signal="SIGKILL", out_of_memory=True),
        taken=(taken,),
        parents=(parent,),
    )
    assert sections(difference(old, new)) == {
        "inputs": {"w.pt": (None, digest("e"))},
        "outcome": {"exit code": ("0", "137"), "memory": (None, "ran out"), "signal": (None, "SIGKILL")},
        "outputs": {"a.pt": (digest("a"), digest("c")), "link": ("-> a.pt", None), "x": ("deleted", digest("d"))},
    }


def test_a_run_that_has_not_ended() -> None:
    running: Run = a_run(exit=None, status="running")
    found = difference(Side(run=running, lock=None, code=None), side())
    assert sections(found) == {"outcome": {"status": ("running", None), "exit code": (None, "0")}}
