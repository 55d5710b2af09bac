"""The line that moves: what it says, how wide it is, and that nothing of it stays."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import pyte

from snapshot.cli.line import Amount, Line, cells, cut, laid_out


class Paper(io.StringIO):
    """A terminal of 30 columns."""

    encoding = "utf-8"

    def __init__(self) -> None:
        super().__init__()
        self.screen = pyte.Screen(30, 5)
        self._stream = pyte.Stream(self.screen)

    def write(self, text: str) -> int:
        self._stream.feed(text.replace("\n", "\r\n"))
        return super().write(text)

    @property
    def lines(self) -> list[str]:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n").splitlines()

    def until(self, is_so: Callable[[list[str]], bool]) -> None:
        deadline = time.monotonic() + 30
        while not is_so(self.lines):
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.01)


def moment(*times: float) -> Callable[[], float]:
    return iter(times).__next__


def test_an_amount_has_part_speed_and_time_left() -> None:
    amount = Amount(moment(10.0, 12.0))
    assert amount.words() == ()
    amount.update(0, 4_000_000)
    assert amount.words() == ("0 %", "0 B of 4.0 MB")
    amount.update(1_000_000, 4_000_000)
    assert amount.words() == ("25 %", "1.0 MB of 4.0 MB", "500.0 kB/s", "6 s left")


def test_the_speed_is_that_of_the_last_seconds() -> None:
    amount = Amount(moment(0.0, 100.0, 104.0, 108.0))
    for done in (0, 100, 40_100, 80_100):
        amount.update(done, 100_100)
    assert amount.words()[2:] == ("10.0 kB/s", "2 s left")


def test_without_a_total_only_the_bytes_are_told() -> None:
    amount = Amount(moment(0.0, 1.0))
    amount.update(0, 0)
    assert amount.words() == ()
    amount.update(5_000, 0)
    assert amount.words() == ("5.0 kB",)


def test_what_grows_or_is_taken_back_is_told_as_it_is() -> None:
    amount = Amount(moment(0.0, 1.0, 2.0))
    for done, total in ((10, 10), (10, 20), (5, 20)):
        amount.update(done, total)
    assert amount.words() == ("25 %", "5 B of 20 B")
    assert Amount(moment(0.0)).words() == ()


def test_a_wide_letter_takes_two_columns_and_an_accent_none() -> None:
    assert [cells(text) for text in ("abc", "模型", "e\u0301")] == [3, 4, 1]
    assert cut("模型模型", 5) == "模型…"
    assert cut("abc", 3) == "abc" and cut("abcd", 3) == "ab…" and cut("abc", 0) == ""


def test_a_long_name_is_cut_and_the_figures_stay() -> None:
    long = "reading " + "x" * 200
    line = laid_out(long, ("50 %", "1.0 GB of 2.0 GB", "9.0 MB/s"), 40)
    assert cells(line) == 40 and line.startswith("reading xxx") and line.endswith("…, 50 %")
    assert laid_out("reading x", ("50 %", "1 B of 2 B", "9 B/s"), 40) == "reading x, 50 %, 1 B of 2 B, 9 B/s"
    assert laid_out("reading x", ("50 %",), 9) == "reading x"


def test_nothing_that_a_terminal_obeys_is_drawn() -> None:
    assert laid_out("a\x1b[2J\r\nb\x9b31m", (), 80) == "a\\x1b[2J\\r b\\x9b31m"


def test_it_is_drawn_over_and_taken_away() -> None:
    paper, detail = Paper(), ["first"]
    line = Line(paper, lambda: (detail[0], ()), delay=0, width=30)
    paper.until(lambda lines: bool(lines) and "first, 0 s" in lines[0])
    detail[0] = "second " + "x" * 100
    paper.until(lambda lines: "second" in lines[0])
    assert len(paper.lines) == 1 and len(paper.lines[0]) == 27
    line.above(lambda: print("this stays", file=paper))
    paper.until(lambda lines: len(lines) == 2)
    line.close()
    assert paper.lines == ["this stays"]
    assert (paper.screen.cursor.y, paper.screen.cursor.x, paper.screen.cursor.hidden) == (1, 0, False)


def test_what_is_over_soon_is_not_drawn() -> None:
    paper = Paper()
    Line(paper, lambda: ("quick", ()), width=30).close()
    assert paper.getvalue() == ""


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    class Gone(Paper):
        tried = 0

        def write(self, text: str) -> int:
            self.tried += 1
            raise OSError(5, "Input/output error")

    gone = Gone()
    line = Line(gone, lambda: ("x", ()), delay=0, width=30)
    while gone.tried < 2:
        time.sleep(0.01)
    line.close()


def test_signs_are_those_that_the_terminal_has() -> None:
    class Old(Paper):
        encoding = "iso-8859-1"

    old = Old()
    line = Line(old, lambda: ("x", ()), delay=0, width=30)
    old.until(lambda lines: bool(lines))
    line.close()
    assert old.getvalue().isascii()
