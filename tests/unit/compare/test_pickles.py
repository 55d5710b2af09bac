"""Pickles: what the script says of them, and what the host makes of that."""

from __future__ import annotations

import ast
import collections
import datetime
import gzip
import json
import os
import pickle
import random
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from snapshot.compare.outputs import compare
from snapshot.compare.tally import clip
from snapshot.compare.unpickling import SCRIPTS
from snapshot.compare.verdict import Compared, Tolerance
from snapshot.errors import HostError
from tests.unit.compare.test_arrays import npy
from tests.unit.compare.test_outputs import only, side


def here(files: Sequence[Path], into: BinaryIO) -> None:
    """What a container would do; these are our own pickles."""
    script = [sys.executable, SCRIPTS / "pickles.py"]
    done = subprocess.run([*script, *files], stdout=subprocess.PIPE, check=True, env={"PYTHONDONTWRITEBYTECODE": "1"})
    into.write(done.stdout)


def compared(tmp_path: Path, old: Any, new: Any, **options: Any) -> Compared:
    return only(tmp_path, "m.pkl", pickle.dumps(old), pickle.dumps(new), unpickle=here, **options)


class Own:
    """A class that only this process has."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


Pair = collections.namedtuple("Pair", "a b")


def test_without_a_container_nothing_is_loaded(tmp_path: Path):
    found = only(tmp_path, "m.pkl", pickle.dumps(1), pickle.dumps(2))
    assert (found.verdict, found.kind) == ("not compared", "pickle")
    assert found.reason == "it holds a pickle, which only an image of the run may load"


def test_a_state_is_compared_tensor_by_tensor(tmp_path: Path):
    old = {"model": {"layer1.weight": np.ones((2, 3), "f4")}, "epoch": 3, "losses": [0.5] * 100}
    new = {"model": {"layer1.weight": np.ones((2, 3), "f4")}, "epoch": 3, "losses": [0.5] * 100}
    new["model"]["layer1.weight"][1, 2] = 1.5  # type: ignore[index]
    found = compared(tmp_path, old, new)
    assert (found.verdict, found.values, found.beyond, found.absolute) == ("different", 107, 1, 0.5)
    assert (found.where, found.first, found.second) == ("model.layer1.weight[1, 2]", "1.0", "1.5")
    found = compared(tmp_path, old, new, tolerances=(Tolerance(rtol=0.5),))
    assert found.verdict == "within tolerance"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ("identical", None)),
        ({"a": 1}, {"a": 1, "b": 2}, ("different", "b")),
        ({"a": 1}, {"a": True}, ("different", "a")),
        ([1, 2, 3], [1, 2], ("different", "[2]")),
        ([1, [2, "x"]], [1, [2, "y"]], ("different", "[1][1]")),
        ({3: "x", (1, "y"): 2}, {3: "x", (1, "y"): 3}, ("different", "[(1, 'y')]")),
        ({"a.b": 1}, {"a": {"b": 1}}, ("different", "a")),
        (float("nan"), float("nan"), ("identical", None)),
        (1.5, float("nan"), ("different", "the object")),
        (10**400, 10**400 + 1, ("different", "the object")),
        (b"abc", b"abd", ("different", "[2]")),
        ({1, 2, "x"}, {1, 2, "y"}, ("different", "elements[0]")),
        (Own(w=1, v=[1]), Own(w=1, v=[2]), ("different", "v[0]")),
        (Own(w=1), Own(v=1), ("different", "w")),
        (Pair(1, 2), Pair(1, 3), ("different", "[1]")),
        (1 + 2j, 1 + 3j, ("different", "imag")),
        (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), ("different", "arguments[0][3]")),
        (random.Random(1), random.Random(2), ("different", "state[1][547]")),
        (np.float32(1), np.float32(2), ("different", "the array")),
        (np.array(["a", None], object), np.array(["b", None], object), ("different", "[0]")),
        (np.array([(1, 2.0)], "i4,f8"), np.array([(1, 3.0)], "i4,f8"), ("different", "f1[0]")),
        ({"timestamp": 1.0, "l": 1}, {"timestamp": 2.0, "l": 1}, ("identical", None)),
        (collections.OrderedDict(a=1), {"a": 1}, ("different", "the object")),
        (len, max, ("different", "the object")),
    ],
    ids=range(24),
)
def test_what_pickles_may_hold(tmp_path: Path, old: Any, new: Any, expected: tuple[str, str | None]):
    found = only(tmp_path, "m.pkl", pickle.dumps(old, 2), pickle.dumps(new), unpickle=here)
    assert (found.verdict, found.where) == expected


def test_several_pickles_in_a_file_are_all_compared(tmp_path: Path):
    old, new = (pickle.dumps(1) + pickle.dumps(last) for last in (2, 3))
    assert only(tmp_path, "m.pkl", old, new, unpickle=here).where == "[1]"


def test_arrays_of_objects_are_pickles_too(tmp_path: Path):
    old, new = (npy(np.array([last, None], object), allow_pickle=True) for last in (1, 2))
    found = only(tmp_path, "m.npy", old, new, unpickle=here)
    assert (found.verdict, found.kind, found.where) == ("different", "npy", "[0]")


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(400):
        found = [found]
    return found


def bomb() -> list[Any]:
    found: list[Any] = [1]
    for _ in range(40):
        found = [found, found]
    return found


def test_what_is_within_itself_is_compared_by_where_it_leads(tmp_path: Path):
    def cycle(*values: int) -> list[Any]:
        found: list[Any] = [*values]
        found.append({"above": found})
        return found

    old, new = ([cycle(1), value] for value in (2, 3))
    assert compared(tmp_path, old, new).where == "[1]"
    assert compared(tmp_path, [cycle(1), [cycle(1)]], [cycle(1), [cycle(1)[1]["above"]], 3]).where == "[2]"


@pytest.mark.parametrize(
    ("make", "reason"),
    [(deep, f"{clip('[0]' * 151)}: it is nested too deep"), (bomb, "it holds more than 200,000 values")],
)
def test_what_has_no_end_is_not_told_without_end(tmp_path: Path, make: Any, reason: str):
    old, new = (pickle.dumps(make(), protocol) for protocol in (2, 4))
    found = only(tmp_path, "m.pkl", old, new, unpickle=here)
    assert found.verdict == "not compared"
    assert found.reason == reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "it is empty"),
        (b"\x80\x04nothing", "it can't be loaded: UnpicklingError"),
        (b"PK\x03\x04", "it can't be loaded: BadZipFile"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + b"x", "there is no `torch` in the image"),
        (b"\x1f\x8b\x08", "it can't be loaded: EOFError"),
        (b"\x78\x01", "there is no `joblib` in the image"),
        (pickle.dumps(1) + b"rest", "it can't be loaded"),
    ],
    ids=["empty", "damaged", "zip", "old torch", "gzip", "zlib", "rest"],
)
def test_what_can_not_be_loaded_is_not_compared(tmp_path: Path, bad: bytes, reason: str):
    found = only(tmp_path, "m.pt", pickle.dumps(1), bad, unpickle=here)
    assert found.verdict == "not compared"
    assert (found.reason or "").startswith(reason)


def frame(said: object, data: bytes = b"") -> bytes:
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    return struct.pack("<Q", len(text)) + text + data


def leaf(**said: Any) -> dict[str, Any]:
    return {"at": "w", "thing": "x", **said}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff" * 8,
        frame(b"[]"),
        frame(b"[" * 10_000),
        frame({"leaves": [leaf(more=1)]}),
        frame({"leaves": [leaf(value="1"), leaf(value="1")]}),
        frame({"leaves": [leaf(value="x", number=True)]}),
        frame({"leaves": [leaf(dtype="F32", shape=[2], start=0)]}, b"1234"),
        frame({"leaves": [leaf(dtype="F32", shape=[1], start=-4)]}, b"1234"),
        frame({"leaves": [leaf(dtype="F32", shape=[1], start=1)]}, b"1234"),
        frame({"leaves": [leaf(dtype="F32", shape=[-1], start=0)]}, b"1234"),
        frame({"leaves": [leaf(dtype="F32", shape=[1 << 62, 1 << 62], start=0)]}, b"1234"),
        frame({"leaves": [leaf(dtype="<U999999999", shape=[1], start=0)]}, b"1234"),
        frame({"leaves": [leaf(dtype="|O", shape=[1], start=0)]}, b"1234"),
        frame({"leaves": [leaf(unknown="it can't be")]}),
        frame({"problem": "no"}),
    ],
    ids=range(16),
)
def test_what_the_container_says_is_not_trusted(tmp_path: Path, said: bytes):
    whole = frame({"leaves": [leaf(value="2", number=True)]})

    def lie(_: Sequence[Path], into: BinaryIO) -> None:
        into.write(whole + said)

    assert only(tmp_path, "m.pkl", b"\x80a", b"\x80b", unpickle=lie).verdict in ("not compared", "different")
    assert only(tmp_path, "m.pkl", b"\x80a", b"\x80b", unpickle=lie).verdict != "identical"


def test_one_that_breaks_the_container_does_not_decide_on_others(tmp_path: Path):
    class Ends:
        def __reduce__(self) -> tuple[Any, ...]:
            return os._exit, (3,)

    sides = [
        side(tmp_path / letter, {"a.pkl": pickle.dumps([Ends(), value]), "b.pkl": pickle.dumps(value)})
        for letter, value in (("a", 1), ("b", 2))
    ]

    def breaking(files: Sequence[Path], into: BinaryIO) -> None:
        script = [sys.executable, SCRIPTS / "pickles.py"]
        done = subprocess.run([*script, *files], stdout=subprocess.PIPE, check=False)
        into.write(done.stdout)
        if done.returncode:
            raise HostError("loading it broke off")

    found = compare(*sides, unpickle=breaking)
    assert [(one.path, one.verdict, one.reason) for one in found] == [
        ("a.pkl", "not compared", "loading it broke off"),
        ("b.pkl", "different", None),
    ]


def test_what_is_packed_is_compared_by_what_is_in_it(tmp_path: Path):
    old, new = (gzip.compress(pickle.dumps(value), mtime=at) for at, value in ((1, [1, 2]), (2, [1, 3])))
    found = only(tmp_path, "m.pkl.gz", old, new, unpickle=here)
    assert (found.verdict, found.kind, found.where) == ("different", "pickle", "[1]")


def test_a_container_that_can_not_start_says_why(tmp_path: Path):
    def refuse(_: Sequence[Path], into: BinaryIO) -> None:
        raise HostError("there is no engine")

    found = only(tmp_path, "m.pkl", b"\x80a", b"\x80b", unpickle=refuse)
    assert (found.verdict, found.reason) == ("not compared", "there is no engine")


def test_the_script_runs_on_the_oldest_python():
    for file in SCRIPTS.glob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 8))
