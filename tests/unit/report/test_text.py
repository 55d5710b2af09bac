from __future__ import annotations

from datetime import UTC, datetime

from snapshot.report import text


def test_nothing_that_a_terminal_obeys_gets_through():
    assert text.harmless("a\x1b[31mred\x07\r\n") == "a\\x1b[31mred\\x07\\r\n"
    assert text.harmless("naïve 模型") == "naïve 模型"


def test_a_table_lines_up_and_keeps_a_hostile_cell_on_its_line():
    assert text.table(("A", "B"), [("1", "x\ny"), ("long", "z")]) == "A     B\n1     x\\ny\nlong  z"


def test_sizes_durations_and_ages_are_for_people():
    assert [text.size(n) for n in (0, 999, 1500, 2_500_000, 3 * 10**9, 4 * 10**15)] == [
        *("0 B", "999 B", "1.5 kB", "2.5 MB", "3.0 GB", "4000.0 TB")
    ]
    assert [text.duration(s) for s in (None, 0.25, 59.9, 61, 3661)] == [
        "-",
        "0.2 s",
        "59.9 s",
        "1 min 01 s",
        "1 h 01 min",
    ]
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert text.ago("2026-01-01T23:59:30Z", now) == "just now"
    assert text.ago("2026-01-01T22:00:00Z", now) == "2 h ago"
    assert text.ago("2026-01-05T00:00:00Z", now) == "in 3 d"
