"""What is said of the outputs of a run and its rerun."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot import digest
from snapshot.compare.outputs import Side, compare
from snapshot.compare.verdict import Compared, Tolerance, overall
from snapshot.record.document import Exit, Output


def side(folder: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Side:
    """A run that wrote `files`."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    outputs = [
        Output(path=path, size=len(data), sha256=digest.of_bytes(data), mode=0o644, change="created")
        for path, data in files.items()
    ]
    outputs += [
        Output(path=path, size=0, sha256=None, mode=0o777, change="created", link=link)
        for path, link in (links or {}).items()
    ]
    return Side(outputs=tuple(outputs), folder=folder)


def verdicts(found: tuple[Compared, ...]) -> dict[str, str]:
    return {one.path: one.verdict for one in found}


def test_every_output_of_either_is_told(tmp_path: Path):
    first = side(tmp_path / "a", {"same": b"1", "gone": b"2", "other": b"\0003"}, {"link": "same", "turned": "x"})
    second = side(tmp_path / "b", {"same": b"1", "new": b"4", "other": b"\0005"}, {"link": "other", "turned": "x"})
    assert verdicts(compare(first, second)) == {
        "gone": "missing",
        "link": "different",
        "new": "extra",
        "other": "different",
        "same": "identical",
        "turned": "identical",
    }


def test_what_the_records_say_to_be_equal_is_not_read(tmp_path: Path):
    first, second = (side(tmp_path / name, {"model": b"1"}) for name in "ab")
    (tmp_path / "a/model").unlink()
    assert verdicts(compare(first, second)) == {"model": "identical"}


@pytest.mark.parametrize(
    ("found", "ends", "expected"),
    [
        ((), (0, 0), "identical"),
        (("identical",), (0, 0), "identical"),
        (("identical", "within tolerance"), (0, 0), "within tolerance"),
        (("identical", "not compared"), (0, 0), "different"),
        (("missing", "identical"), (0, 0), "different"),
        (("extra",), (0, 0), "different"),
        (("identical",), (0, 1), "different"),
        (("identical",), (3, 3), "identical"),
        (("identical",), (0, None), "different"),
    ],
)
def test_the_worst_decides(found: tuple[str, ...], ends: tuple[int | None, int | None], expected: str):
    compared = [Compared(path="x", verdict=one, kind="bytes") for one in found]
    assert overall(compared, *(Exit(code=code) for code in ends)) == expected


def only(tmp_path: Path, name: str, old: bytes | str, new: bytes | str, **options: Any) -> Compared:
    """What is said of one output."""
    contents = [data.encode() if isinstance(data, str) else data for data in (old, new)]
    first, second = (side(tmp_path / letter, {name: data}) for letter, data in zip("ab", contents, strict=True))
    (found,) = compare(first, second, **options)
    return found


def test_json_is_compared_number_by_number(tmp_path: Path):
    found = only(tmp_path, "m.json", '{"loss": [1, 2.0, 3], "n": 4}', '{"n": 4, "loss": [1, 2.5, 2]}')
    assert found == Compared(
        path="m.json", verdict="different", kind="json", values=4, beyond=2, absolute=1.0, relative=1 / 3,
        where="$.loss[2]", first="3", second="2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2,\n "a": 1}', ("identical", None, "the same values in other bytes")),
        ("[NaN]", "[NaN ]", ("identical", None, "the same values in other bytes")),
        ("[NaN, 1]", "[0.5, 1]", ("different", "$[0]", None)),
        ("[Infinity]", "[-Infinity]", ("different", "$[0]", None)),
        ("[1, 2]", "[1, 2, 3]", ("different", "$", "another number of elements")),
        ('{"a": 1}', '{"a": null}', ("different", "$.a", "another value")),
        ('{"a": 1}', '{"a": true}', ("different", "$.a", "another value")),
        ('{"a b": "x"}', '{"a b": "y"}', ("different", '$["a b"]', "another value")),
        ('{"a": 1}', '{"b": 1}', ("different", "$.a", "only the first has it, and 1 more")),
        ('{"train_time": 1, "l": 2}', '{"train_time": 3, "l": 2}', ("identical", None, "ignored: `train_time`")),
        ('{"at": "/tmp/a1/x"}', '{"at": "/tmp/b2/x"}', ("identical", None, "ignored: 1 path")),
        ('{"id": "x 1"}', '{"id": "x 2"}', ("different", "$.id", "another value")),
        ("[1", "[2", ("not compared", None, "the first is no JSON: expecting ',' delimiter, line 1")),
        ("[" * 100_000, "[", ("not compared", None, "the first is nested too deep")),
        ("1" * 5000, "1", ("not compared", None, "the first has an integer of thousands of digits")),
        (f"[{10**400}]", f"[{10**400 + 1}]", ("different", "$[0]", None)),
        (f"[{10**400}]", "[1.5]", ("different", "$[0]", None)),
        ('{"a": 1, "a": 2}', '{"a": 2}', ("not compared", None, "it has a key twice in one object")),
        (b"\xff", "1", ("not compared", None, "it is not UTF-8")),
    ],
)  # fmt: skip
def test_what_json_may_hold(tmp_path: Path, old: str, new: str, expected: tuple[str, str | None, str | None]):
    found = only(tmp_path, "m.json", old, new)
    assert (found.verdict, found.where, found.reason) == expected


def test_notebooks_are_compared_by_sources_and_outputs(tmp_path: Path):
    def written(number: float, **editors: Any) -> str:
        output = {"output_type": "stream", "text": [f"loss {number}\n"], **({"metadata": editors} if editors else {})}
        cell = {"cell_type": "code", "source": ["1"], "outputs": [output], "metadata": editors, "id": str(editors)}
        return json.dumps({"cells": [cell], "nbformat": 4, "metadata": editors})

    same = only(tmp_path, "a.ipynb", written(0.5), written(0.5, vscode={"id": 7}))
    assert (same.verdict, same.kind, same.reason) == ("identical", "notebook", "ignored: 1 metadata")
    other = only(tmp_path, "a.ipynb", written(0.5), written(0.25))
    assert (other.verdict, other.where) == ("different", "$.cells[0].outputs[0].text[0]")
    damaged = only(tmp_path, "a.ipynb", '{"cells": [5, {"outputs": 6}]}', '{"cells": [5, {"outputs": 7}]}')
    assert (damaged.verdict, damaged.where) == ("different", "$.cells[1].outputs")


def test_json_lines_and_tables_tell_line_row_and_column(tmp_path: Path):
    found = only(tmp_path, "m.jsonl", '{"l": 1}\n\n{"l": 2}\n', '{"l": 1}\n{"l": 3}\n')
    assert (found.where, found.absolute, found.values) == ("line 2: $.l", 1.0, 2)
    found = only(tmp_path, "m.csv", "step,loss,fit_time\n1,0.5,3\n2,nan,4\n", "step,loss,fit_time\n1,0.5,7\n2,0.25,8\n")
    assert (found.where, found.absolute, found.first, found.second) == ("row 3, column loss", "nan", "nan", "0.25")
    assert found.reason == "ignored: `fit_time` 2 times"
    found = only(tmp_path, "m.tsv", "1\tx\n", "1\tx\n2\ty\n")
    assert (found.where, found.reason) == ("row 2", "only the second has the last 1")


def test_text_is_compared_but_for_times_and_paths(tmp_path: Path):
    old = "2026-11-29 10:00:00 epoch 1 loss 0.50\nwrote /tmp/ab/x\ntook 3.5 s\n"
    new = "2026-11-30 11:00:00 epoch 1 loss 0.51\nwrote /tmp/cd/x\ntook 4 s\n"
    found = only(tmp_path, "train.log", old, new, tolerances=(Tolerance(pattern="*.log", rtol=0.1),))
    assert (found.verdict, found.kind, found.where, found.values) == ("within tolerance", "text", "line 1", 2)
    assert found.reason == "ignored: 1 duration, 1 path, 1 time stamp"
    assert only(tmp_path, "train.log", old, new).verdict == "different"
    found = only(tmp_path, "notes.txt", "a\nb\n", "a\nc\n")
    assert (found.verdict, found.where, found.first, found.second) == ("different", "line 2", "b", "c")


@pytest.mark.parametrize(
    ("old", "new", "where", "reason"),
    [
        (b"\0a", b"\0b", "byte 1", "other bytes"),
        (b"\0" * 3_000_000 + b"x", b"\0" * 3_000_000, "byte 3,000,000", "the second ends there"),
        (b"\0", b"\0" * 5, "byte 1", "the first ends there"),
    ],
)
def test_of_what_is_not_known_the_first_byte_is_told(tmp_path: Path, old: bytes, new: bytes, where: str, reason: str):
    found = only(tmp_path, "db.sqlite", old, new)
    assert (found.verdict, found.kind, found.where, found.reason) == ("different", "bytes", where, reason)


def test_the_last_tolerance_that_fits_counts(tmp_path: Path):
    wide, narrow = Tolerance(pattern="out/", atol=1.0), Tolerance(pattern="*.json", atol=0.1)
    assert only(tmp_path, "out/m.json", "1", "1.5", tolerances=(narrow, wide)).verdict == "within tolerance"
    assert only(tmp_path, "out/m.json", "1", "1.5", tolerances=(wide, narrow)).verdict == "different"
    assert only(tmp_path, "m.json", "1", "1.5", tolerances=(wide,)).verdict == "different"


@pytest.mark.parametrize("spoil", ["gone", "link", "folder", "longer", "pipe"])
def test_what_the_store_does_not_have_is_not_compared(tmp_path: Path, spoil: str):
    first, second = (side(tmp_path / letter, {"out/m.txt": letter.encode()}) for letter in "ab")
    path = tmp_path / "b/out/m.txt"
    path.unlink()
    if spoil == "link":
        path.symlink_to(tmp_path / "a/out/m.txt")
    elif spoil == "folder":
        path.parent.rmdir()
        path.parent.symlink_to(tmp_path / "a/out")
    elif spoil == "longer":
        path.write_text("longer")
    elif spoil == "pipe":
        os.mkfifo(path)
    (found,) = compare(first, second)
    assert found.verdict == "not compared"


def test_outputs_that_are_called_after_the_moment_are_found_again(tmp_path: Path):
    first = side(
        tmp_path / "a",
        {"runs/20260101_000000/m.json": b"1", "n-2026-01-01.txt": b"x"},
        {"last": "runs/20260101_000000"},
    )
    second = side(
        tmp_path / "b",
        {"runs/20260202_111111/m.json": b"2", "n-2026-02-02.txt": b"x"},
        {"last": "runs/20260202_111111"},
    )
    found = compare(first, second, tolerances=(Tolerance(pattern="m.json", atol=1),))
    assert [(one.path, one.verdict, one.reason) for one in found] == [
        ("last", "identical", "ignored: a time in where it leads"),
        ("n-2026-01-01.txt", "identical", "the rerun calls it n-2026-02-02.txt"),
        ("runs/20260101_000000/m.json", "within tolerance", "the rerun calls it runs/20260202_111111/m.json"),
    ]


def test_what_gzip_packed_is_compared_by_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    old, new = (gzip.compress(b"a,b\n1,2\n" + last, mtime=at) for at, last in ((1, b"3,4\n"), (2, b"3,5\n")))
    found = only(tmp_path, "m.csv.gz", old, new)
    assert (found.verdict, found.kind, found.where) == ("different", "csv", "row 3, column b")
    found = only(tmp_path, "m.csv.gz", old, gzip.compress(gzip.decompress(old), mtime=3))
    assert (found.verdict, found.reason) == ("identical", "the same values in other bytes")
    assert only(tmp_path, "m.csv.gz", old, new[:-5]).reason == "it can't be unpacked"
    monkeypatch.setattr("snapshot.compare.pair.LARGEST", 1000)
    bomb = gzip.compress(bytes(1 << 20))
    assert only(tmp_path, "m.csv.gz", old, bomb).reason == f"unpacked it has more than {32 * len(bomb):,} bytes"


def test_what_only_one_run_removed_is_different(tmp_path: Path):
    first, second = (side(tmp_path / letter, {"kept": b"x"}) for letter in "ab")
    first, second = (
        msgspec.structs.replace(one, deleted=paths)
        for one, paths in ((first, ("both", "old")), (second, ("both", "kept")))
    )
    found = compare(first, second)
    assert [(one.path, one.verdict, one.reason) for one in found] == [
        ("kept", "identical", None),
        ("old", "different", "only the first removed it"),
    ]
