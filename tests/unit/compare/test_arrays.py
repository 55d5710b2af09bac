"""Arrays in files: safetensors, npy, npz."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snapshot.compare import blocks
from snapshot.compare.elements import of_tensor
from snapshot.compare.outputs import compare
from snapshot.compare.verdict import Compared, Tolerance
from tests.unit.compare.test_outputs import only, side

NAN, INF = float("nan"), float("inf")


def tensors(**arrays: np.ndarray[Any, Any]) -> bytes:
    from safetensors.numpy import save

    return save(arrays)


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(*, pack: Any = np.savez, **arrays: Any) -> bytes:
    file = io.BytesIO()
    pack(file, **arrays)
    return file.getvalue()


def raw(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file that may be wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def test_the_largest_difference_is_told_with_its_place(tmp_path: Path):
    a = np.arange(1 << 20, dtype="f4").reshape(4, -1)
    b = a.copy()
    b[3, 7] += 2
    b[0, 1] += 0.5
    found = only(tmp_path, "m.safetensors", tensors(w=a, same=a), tensors(w=b, same=a))
    assert found == Compared(
        path="m.safetensors", verdict="different", kind="safetensors", values=2 << 20, beyond=2, absolute=2.0,
        relative=0.5, where="w[3, 7]", first="786439.0", second="786441.0",
    )  # fmt: skip


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_npz_is_compared_array_by_array(tmp_path: Path, pack: Any):
    a, b = np.ones((3, 2), order="F"), np.ones((3, 2), order="F")
    b[2, 1] = 1.25
    found = only(tmp_path, "m.npz", npz(pack=pack, x=a, y=[1, 2]), npz(pack=pack, y=[1, 2], x=b))
    assert (found.verdict, found.where, found.absolute, found.values) == ("different", "x[2, 1]", 0.25, 8)
    found = only(tmp_path, "m.npz", npz(pack=pack, x=a, y=[1]), npz(pack=pack, z=[1], x=a))
    assert (found.verdict, found.reason) == ("different", "only the first has it, and 1 more")
    found = only(tmp_path, "m.npz", npz(x=a), npz(pack=np.savez_compressed, x=a))
    assert (found.verdict, found.reason) == ("identical", "the same values in other bytes")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (np.zeros(2, "f4"), np.zeros(2, "f8"), ("different", "the array", "another type")),
        (np.zeros((2, 3)), np.zeros((3, 2)), ("different", "the array", "another shape")),
        (np.array([True, False]), np.array([True, True]), ("different", "[1]", "another value")),
        (np.array(["ab", "c"]), np.array(["ab", "d"]), ("different", "[1]", "another value")),
        (np.array([0.0, 1]), np.array([-0.0, 1]), ("identical", None, "the same values in other bytes")),
        (np.array([NAN, INF, 1]), np.array([NAN, INF, 2]), ("different", "[2]", None)),
        (np.array([1, NAN]), np.array([5, 2.0]), ("different", "[1]", None)),
        (np.array([1, INF]), np.array([1, -INF]), ("different", "[1]", None)),
        (np.array([2**63, 1], "u8"), np.array([2**63 + 1, 1], "u8"), ("different", "[0]", None)),
        (np.array([-(2**63)], "i8"), np.array([2**63 - 1], "i8"), ("different", "[0]", None)),
        (np.array([1 + 2j]), np.array([1 + 3j]), ("different", "[0]", None)),
        (np.array([1, 2], ">f4"), np.array([1, 3], ">f4"), ("different", "[1]", None)),
        (np.array(5), np.array(6), ("different", "the array", None)),
        (np.array([1.5], np.longdouble), np.array([1.25], np.longdouble), ("different", "[0]", None)),
        (np.array([(1, 2.0)], "i4,f8"), np.array([(1, 2.5)], "i4,f8"), ("different", "[0].f1", None)),
        (np.array(["2020"], "M8[D]"), np.array(["2021"], "M8[D]"), ("different", "[0]", "another value")),
    ],
    ids=str,
)  # fmt: skip
def test_what_arrays_may_hold(tmp_path: Path, old: Any, new: Any, expected: tuple[str, str | None, str | None]):
    found = only(tmp_path, "m.npy", npy(old), npy(new), tolerances=(Tolerance(pattern="*.json", atol=9),))
    assert (found.verdict, found.where, found.reason) == expected


def test_what_is_no_letter_is_shown_as_such(tmp_path: Path):
    found = only(tmp_path, "m.npy", npy(np.array(["a"])), npy(np.frombuffer(b"\xff" * 4, "<U1")))
    assert (found.verdict, found.first, found.second) == ("different", "a", "\ufffd")


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2"])
def test_small_floats_are_numbers(tmp_path: Path, dtype: str):
    size = of_tensor(dtype).size
    one, two = {"BF16": (b"\x80\x3f", b"\x00\x40"), "F8_E4M3": (b"\x38", b"\x40"), "F8_E5M2": (b"\x3c", b"\x40")}[dtype]
    header = {"w": {"dtype": dtype, "shape": [2], "data_offsets": [0, 2 * size]}}
    found = only(tmp_path, "m.safetensors", raw(header, one + one), raw(header, one + two))
    assert (found.where, found.first, found.second, found.absolute) == ("w[1]", "1.0", "2.0", 1.0)


def test_bytes_of_a_type_that_is_not_known_are_not_compared_as_numbers(tmp_path: Path):
    header = {"w": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}
    found = only(tmp_path, "m.safetensors", raw(header, b"1"), raw(header, b"2"))
    assert (found.verdict, found.reason) == ("not compared", "w has elements that can't be read: F4")


def entry(dtype: str = "U8", shape: Any = (1,), offsets: Any = (0, 1)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x01",
        raw({}, length=1 << 60),
        raw({"w": entry()}, b"x", length=1000),
        raw(b"[" * 100_000),
        raw(b"\xff{}"),
        raw({"w": entry()}, b"xx"),
        raw({"w": entry()}),
        raw({"w": entry(shape=(2,))}, b"x"),
        raw({"w": entry(shape=(-1,))}, b"x"),
        raw({"w": entry(shape=(1,) * 100)}, b"x"),
        raw({"w": entry(offsets=(1, 0))}, b"x"),
        raw({"w": entry(offsets=(-1, 0))}, b"x"),
        raw({"w": entry(offsets=(0, 1 << 70))}, b"x"),
        raw({"w": entry(), "v": entry()}, b"x"),
        raw({"w": {**entry(), "more": 1}}, b"x"),
        raw({"w": entry(), "__metadata__": {"a": 1}}, b"x"),
        raw({"w": entry(dtype="F32", shape=(1 << 62, 4), offsets=(0, 1))}, b"x"),
    ],
    ids=range(18),
)
def test_a_safetensors_file_that_is_none_is_not_compared(tmp_path: Path, bad: bytes):
    found = only(tmp_path, "m.safetensors", raw({"w": entry()}, b"x"), bad)
    assert found.verdict == "not compared"


def spoiled(**header: Any) -> bytes:
    text = repr({"descr": "<f8", "fortran_order": False, "shape": (1,), **header}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x93NUMPY\x09\x00",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        npy(np.zeros(4))[:-1],
        npy(np.zeros(4)) + b"x",
        spoiled(shape=(-1,)),
        spoiled(shape=(10**30,)),
        spoiled(shape=[1]),
        spoiled(shape=(True,)),
        spoiled(descr="nothing"),
        spoiled(descr=[("a", "<f8", (10**9,))]),
        spoiled(descr="V1000000000000"),
        spoiled(extra=1),
        spoiled(descr="|O"),
        b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000,
    ],
    ids=range(15),
)
def test_an_array_that_is_none_is_not_compared(tmp_path: Path, bad: bytes):
    assert only(tmp_path, "m.npy", npy(np.ones(1)), bad).verdict == "not compared"


def zipped(write: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as zip:
        write(zip)
    return file.getvalue()


def twice(zip: zipfile.ZipFile) -> None:
    with pytest.warns(UserWarning):
        zip.writestr("a.npy", npy([1]))
        zip.writestr("a.npy", npy([2]))


def flipped(data: bytes) -> bytes:
    at = data.index(b"NUMPY") + 200
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "bad",
    [
        b"PK\x03\x04",
        npz(a=[1])[:-30],
        zipped(twice),
        zipped(lambda zip: zip.writestr("a.npy", npy([1])), compression=zipfile.ZIP_LZMA),
        flipped(npz(a=np.arange(100))),
    ],
    ids=["cut", "cut at the end", "twice", "lzma", "flipped"],
)
def test_a_zip_file_that_is_damaged_is_not_compared(tmp_path: Path, bad: bytes):
    assert only(tmp_path, "m.npz", npz(a=np.arange(100)), bad).verdict == "not compared"


def test_a_zip_file_is_not_unpacked_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("snapshot.compare.formats.numpy.LARGEST", 1 << 20)
    bomb = npz(pack=np.savez_compressed, a=np.zeros(1 << 20))
    found = only(tmp_path, "m.npz", npz(a=[1]), bomb)
    assert (found.verdict, found.reason) == ("not compared", "unpacked it has 8,388,736 bytes")


def test_a_file_that_gets_shorter_meanwhile_is_not_compared(tmp_path: Path):
    first, second = (side(tmp_path / letter, {"m.npy": npy([1.0, value])}) for letter, value in (("a", 1), ("b", 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.preadv", lambda *_: 0)
        (found,) = compare(first, second)
    assert (found.verdict, found.reason) == ("not compared", "it ends before its arrays do")


values = hnp.arrays("f8", 40, elements=st.floats(width=64) | st.sampled_from([0.0, -0.0, 1.0, NAN, INF, -INF, 5e-324]))


@settings(deadline=None)
@given(a=values, b=values, rtol=st.sampled_from([0.0, 1e-3, 1.0]), atol=st.sampled_from([0.0, 1e-3, 1e300]))
def test_blocks_say_what_numbers_say_one_by_one(a: Any, b: Any, rtol: float, atol: float):
    from snapshot.compare.tally import Tally

    tolerance = Tolerance(rtol=rtol, atol=atol)
    tally = Tally(tolerance)
    for at, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        tally.number(x, y, lambda at=at: f"{at}")  # type: ignore[misc]
    slow = tally.compared("", "")
    found = blocks.compare(a, b, tolerance)
    if found is None:
        assert slow.absolute == 0.0
        return
    fast = Tally(tolerance)
    fast.numbers(40, found.beyond)
    fast.largest(found.absolute, found.relative, lambda: f"{found.at}", slow.first or "", slow.second or "")
    assert fast.compared("", "") == slow
