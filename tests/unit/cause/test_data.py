"""Data apart into files, and mixed."""

from __future__ import annotations

import pytest

from snapshot.cause.data import MOST_FILES, DataSets, Mixed
from snapshot.record.document import Data, Edit


def data(digest: str | None, path: str = "images", kind: str = "folder") -> Data:
    return Data(path=path, target=f"/workspace/{path}", kind=kind, reason="ignored", digest=digest)


def made(old: list[Data], new: list[Data], files: int = 2) -> DataSets:
    edits = tuple(Edit(path=f"{number}.png", change="changed") for number in range(files))
    return DataSets(old, new, lambda one, other: edits)


def texts(sets: DataSets) -> dict[str, str]:
    return {candidate.key: candidate.text for candidate in sets.candidates()}


def test_each_file_of_a_folder() -> None:
    sets = made([data("1")], [data("2")])
    assert texts(sets) == {
        "data /workspace/images/0.png": "images/0.png (changed)",
        "data /workspace/images/1.png": "images/1.png (changed)",
    }
    assert list(sets.mixed(())) == [Mixed(data=data("1"))]
    assert list(sets.mixed(texts(sets))) == [Mixed(data=data("2"))]
    assert list(sets.mixed({"data /workspace/images/1.png"})) == [
        Mixed(data=data("1"), other=data("2"), paths=("1.png",))
    ]


@pytest.mark.parametrize(
    ("old", "new", "files"),
    [
        (data("1"), data("2"), MOST_FILES + 1),
        (data("1", kind="file"), data("2", kind="file"), 0),
        (data("1", kind="file"), data("2"), 1),
        (data(None), data("2"), 1),
    ],
)
def test_what_can_not_be_taken_apart_is_swapped_whole(old: Data, new: Data, files: int) -> None:
    sets = made([old], [new], files)
    assert texts(sets) == {"data /workspace/images": "images (changed)"}
    assert [list(sets.mixed(chosen)) for chosen in ((), texts(sets))] == [[Mixed(data=old)], [Mixed(data=new)]]


def test_data_that_only_one_of_them_had() -> None:
    one, other, same = data("1", "a"), data("1", "b"), data("3", "c")
    sets = made([one, same], [other, same])
    assert texts(sets) == {"data /workspace/a": "a (removed)", "data /workspace/b": "b (added)"}
    assert list(sets.mixed({"data /workspace/b"})) == [Mixed(data=one), Mixed(data=other), Mixed(data=same)]
    assert list(sets.mixed({"data /workspace/a"})) == [Mixed(data=same)]
