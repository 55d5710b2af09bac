"""What a run prints, as it comes in pieces."""

from __future__ import annotations

from snapshot.ui.log import LONGEST, MOST, Lines, News


def test_lines_come_once_and_the_last_one_as_it_grows() -> None:
    lines = Lines()
    assert lines.take() is None
    lines.feed(b"one\ntw")
    assert lines.take() == News(reset=True, text="one\n", open="tw")
    assert lines.take() is None
    lines.feed(b"o\nthree")
    assert lines.take() == News(text="two\n", open="three")


def test_letters_and_ends_of_lines_may_be_cut_in_two() -> None:
    lines = Lines()
    for piece in (b"\xc3", b"\xa9\r", b"\nnext \xff \x1b[3", b"1mred\x1b]0;title\r", b"\n"):
        lines.feed(piece)
    assert lines.take() == News(reset=True, text="é\nnext \\xff red\\x1b]0;title\n", open="")


def test_what_a_carriage_return_overwrites_is_not_kept() -> None:
    lines = Lines()
    for number in range(100_000):
        lines.feed(b"\r%d %%" % number)
    assert lines.take() == News(reset=True, text="", open="99999 %")
    lines.feed(b"\rdone\n")
    assert lines.take() == News(text="done\n", open="")


def test_however_much_is_printed_only_the_end_is_kept() -> None:
    lines = Lines()
    lines.feed(b"".join(b"line %d\n" % number for number in range(100_000)))
    found = lines.take()
    assert found and found.reset and len(found.text) <= MOST
    assert found.text.startswith("…\nline ") and found.text.endswith("\nline 99999\n")


def test_a_line_without_end_is_broken() -> None:
    lines = Lines()
    for _ in range(3):
        lines.feed(b"x" * LONGEST)
    found = lines.take()
    assert found and found.text == ("x" * LONGEST + "\n") * 2 and found.open == "x" * LONGEST
