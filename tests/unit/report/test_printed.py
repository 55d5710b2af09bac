"""The log of a run on a terminal."""

from __future__ import annotations

import pytest

from snapshot.report.printed import Printed


def shown(*pieces: bytes, plain: bool = False) -> str:
    printed = Printed(plain=plain)
    return "".join([*map(printed.shown, pieces), printed.end()])


def test_colours_and_bars_are_as_the_training_meant_them() -> None:
    bar = "\r 50%|█████     |\x1b[K\r100%|██████████|\b\tdone\n"
    assert shown(bar.encode()) == bar
    assert shown(b"\x1b[1;31mbad\x1b[0m") == "\x1b[1;31mbad\x1b[0m\x1b[0m"
    assert shown(b"\x1b[31mleft red") == "\x1b[31mleft red\x1b[0m"
    assert shown(b"plain") == "plain"


@pytest.mark.parametrize(
    ("said", "escaped"),
    [
        (b"\x1b[2J", "\\x1b[2J"),
        (b"\x1b[5A", "\\x1b[5A"),
        (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        (b"\x1b[6n", "\\x1b[6n"),
        (b"\x1bc", "\\x1bc"),
        ("\x9b2J".encode(), "\\x9b2J"),
        (b"\x9b2J", "\\x9b2J"),
        ("\u202etxt".encode(), "\\u202etxt"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"\x1b[" + b"1;" * 40 + b"m", "\\x1b[" + "1;" * 40 + "m"),
    ],
)
def test_what_would_rule_the_terminal_is_shown(said: bytes, escaped: str) -> None:
    assert shown(said) == escaped


def test_it_does_not_matter_where_pieces_are_cut() -> None:
    said = "\x1b[32mé模\x1b[0m\x1b[2J\r\n\x1b".encode()
    whole = shown(said)
    assert whole == "\x1b[32mé模\x1b[0m\\x1b[2J\r\n\\x1b\x1b[0m"
    for at in range(len(said)):
        assert shown(said[:at], said[at:]) == whole


def test_plain_is_without_any_escape_sequence() -> None:
    assert shown(b"\x1b[31mred\x1b[0m \x1b[K\r\x1b[2J\n", plain=True) == "red \r\\x1b[2J\n"
