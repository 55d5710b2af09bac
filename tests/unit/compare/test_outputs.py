"""What is said of the outputs of a run and its rerun."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot import digest
from snapshot.compare.outputs import Side, compare
from snapshot.compare.verdict import Compared, overall
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
