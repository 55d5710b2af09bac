from __future__ import annotations

from snapshot.record.data.history import Difference, Status
from snapshot.record.document import Data, Edit
from snapshot.report import data as text


def edits(number: int, change: str = "added") -> tuple[Edit, ...]:
    return tuple(Edit(path=f"{at:03}", change=change) for at in range(number))


def test_the_first_edits_are_named_and_the_others_counted():
    lines = text.statuses([Status(path="d", run="R", edits=(*edits(1), *edits(1500, "removed")))]).splitlines()
    assert lines[0] == "d: changed since run R: 1 file added, 1,500 files removed"
    assert lines[1:3] == ["  added    000", "  removed  000"]
    assert (len(lines), lines[-1]) == (22, "  … and 1,481 more; see `--json`")


def test_an_edit_without_a_path_is_of_all_of_it():
    found = text.verified([Status(path="d", run="", edits=(Edit(path="", change="removed"),))])
    assert found.splitlines()[1] == "  removed  (all of it)"


def test_the_run_that_had_it_first_and_the_one_that_had_it_last():
    found = text.statuses([Status(path="d", run="R3", since="R1", same=True)])
    assert found == "d: unchanged since run R1, last used by run R3"


def test_names_and_problems_obey_no_terminal():
    item = Status(path="d\x1b[2J", run="R", edits=(Edit(path="\0\xff", change="added"),), problems=("bad\x1b\nx",))
    said = text.statuses([item])
    assert said.splitlines() == [
        "d\\x1b[2J: changed since run R: 1 file added", "  added    \\xff", "  bad\\x1b\\nx",
    ]  # fmt: skip


def test_what_is_the_same_is_summed_up():
    found = [
        Difference(path="a", before="sha256:1", after="sha256:1", same=True),
        Difference(path="b", before="sha256:1", after=None, same=False),
    ]
    assert text.differences(found).splitlines() == [
        "b: only the first run is known to have had it", "the same: 1 of 2 data",
    ]  # fmt: skip
    assert text.differences([]) == "neither run had data"


def test_what_is_not_known_of_data_is_a_dash():
    row = text.listing([Data(path="d", target="", kind="file", reason="large")]).splitlines()[1]
    assert row.split() == ["d", "file", "-", "-", "-", "-"]
