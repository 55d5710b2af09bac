"""The board of `snap verify`, as text."""

from __future__ import annotations

from typing import Any

from snapshot.report.handover import board
from snapshot.share.handover.document import Row, changed, missing, ok, unknown


def row(number: int = 1, **changes: Any) -> Row:
    return Row(**{
        "run": f"run-{number}", "record": ok(), "image": ok(), "code": ok(), "archived": missing("not pushed"),
        "retrain": "here only", "because": ("not pushed",), **changes,
    })  # fmt: skip


def test_a_row_for_each_run_and_a_line_that_says_that_all_is_well() -> None:
    pushed = {"archived": ok("pushed"), "retrain": "yes", "because": (), "tags": ("best",), "data": ok()}
    assert board([row(2, **pushed), row(1, name="first")]).splitlines() == [
        "RUN    NAME   RECORD  IMAGE  CODE  DATA  WEIGHTS  RESULTS  ARCHIVED  HIT BY A BUS?",
        "run-2  best   ok      ok     ok    ok    -        -        yes       yes",
        "run-1  first  ok      ok     ok    -     -        -        no        here only: not pushed",
        "",
        "nothing is wrong: 2 runs",
    ]


def test_what_is_wrong_is_told_below_with_what_to_do() -> None:
    text = board([row(data=changed("`x` changed `a`", "put it back"), build=ok(), archived=unknown("no labels"))])
    assert text.splitlines()[0].split()[-5:] == ["BUILD", "HIT", "BY", "A", "BUS?"]
    assert text.splitlines()[2:] == [
        "", "data changed: `x` changed `a`", "  → put it back", "", "archived unknown: no labels", "",
        "something is wrong with 1 run of 1",
    ]  # fmt: skip


def test_the_same_trouble_of_several_runs_is_told_once() -> None:
    text = board([*(row(n, image=missing("not in the engine", f"`snap build --run {n}`")) for n in range(9)), row(10)])
    assert "image of run-0, run-1, run-2 and 6 more missing: not in the engine\n  → `snap build --run 0`\n" in text
    assert text.endswith("\nsomething is wrong with 9 runs of 10")


def test_very_much_trouble_is_cut_and_says_so() -> None:
    text = board([row(n, data=changed(f"{n}")) for n in range(50)])
    assert "… and 30 more; see `--json`" in text


def test_nothing_in_a_record_can_move_the_cursor() -> None:
    text = board([row(name="\x1b[2J\nx", data=changed("\x1b]0;x\a", "\x1b[1m"))])
    assert all(line.isprintable() for line in text.splitlines())
