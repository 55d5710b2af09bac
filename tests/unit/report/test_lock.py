"""The table of what became different between two locks."""

from __future__ import annotations

from snapshot.compare.change import Change
from snapshot.report.lock import table


def test_the_table() -> None:
    found = (
        Change(name="joblib", old=None, new="1.4.2"),
        Change(name="numpy", old="2.2.6", new="2.4.6", is_ordered=True),
        Change(name="six", old="1.17.0", new=None),
    )
    assert table(found) == (
        "CHANGE  NAME    WAS     IS\n"
        "added   joblib  -       1.4.2\n"
        "up      numpy   2.2.6   2.4.6\n"
        "gone    six     1.17.0  -"
    )  # fmt: skip
    assert table(found, most=2).splitlines()[2:] == ["up      numpy   2.2.6  2.4.6", "… 1 more"]
    assert table(()) == ""
    assert table(found, most=3) == table(found)


def test_a_hostile_name_stays_on_its_line() -> None:
    shown = table([Change(name="a\nb\x1b[31m", old=None, new="1")])
    assert len(shown.splitlines()) == 2 and "\x1b" not in shown
