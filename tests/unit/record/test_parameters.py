"""What the arguments of a command say by name."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.record.parameters import parameters


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", {}),
        ("--lr 0.1 --epochs=3 -b 32 -j8 -lr 1", {"lr": "0.1 1", "epochs": "3", "b": "32", "j": "8"}),
        ("--amp --no-cuda --no_bias --no", {"amp": "true", "cuda": "false", "bias": "false", "no": "true"}),
        ("--no-of-layers 3 --no-cuda=x", {"no-of-layers": "3", "no-cuda": "x"}),
        ("--shift -0.1 --floor -1e-5 --low -inf", {"shift": "-0.1", "floor": "-1e-5", "low": "-inf"}),
        ("--layers 64 64 10 data.csv", {"layers": "64 64 10", "arg1": "data.csv"}),
        ("--lr 0.1 data.csv", {"lr": "0.1", "arg1": "data.csv"}),
        ("--tag a --tag b c", {"tag": "a b", "arg1": "c"}),
        ("-v -v", {"v": "true true"}),
        ("a.yaml b.yaml --x 1", {"arg1": "a.yaml", "arg2": "b.yaml", "x": "1"}),
        ("model.lr=0.1 +x=1 ++y.z=2 db/engine=sql", {"model.lr": "0.1", "x": "1", "y.z": "2", "db/engine": "sql"}),
        ("-m lr=0.1,0.2 --options a.b=1 c=2", {"m": "true", "lr": "0.1,0.2", "options": "true", "a.b": "1", "c": "2"}),
        ("--resume runs/epoch=1.ckpt", {"resume": "runs/epoch=1.ckpt"}),
        ("/mnt/x=1/data ~db 3", {"arg1": "/mnt/x=1/data", "arg2": "~db", "arg3": "3"}),
        ("--a 1 -- --b 2 c=3", {"a": "1", "arg1": "--b", "arg2": "2", "arg3": "c=3"}),
        ("--flag -- x", {"flag": "true", "arg1": "x"}),
        ("- -- --", {"arg1": "-", "arg2": "--"}),
        ("--x= --=y", {"x": "", "arg1": "--=y"}),
        ("--x '' --text 'two words'", {"x": "", "text": "two words"}),
    ],
)
def test_named(typed: str, found: dict[str, str]) -> None:
    assert parameters(shlex.split(typed)) == found


def test_bytes_that_are_no_text_can_be_recorded() -> None:
    (value,) = parameters(["--name", "caf\udce9"]).values()
    assert value == "\0café"


NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda n: n[:2] != "no" and n not in ("inf", "nan", "infinity")
)
NUMBER = st.floats(allow_nan=False).map(repr) | st.integers().map(str)


@given(st.dictionaries(NAME, NUMBER), st.booleans())
def test_named_numbers_are_what_they_were(options: dict[str, str], equals: bool) -> None:
    words = [[f"--{k}={v}"] if equals else [f"--{k}", v] for k, v in options.items()]
    assert parameters([word for pair in words for word in pair]) == options


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_no_word_is_lost_and_nothing_raises(arguments: list[str]) -> None:
    found = parameters(arguments)
    said = " ".join([*found, *found.values()])
    for word in arguments:
        for part in word.lstrip("-+").split("="):
            assert part in said or part.removeprefix("no-") in said or part.removeprefix("no_") in said or _short(part)


def _short(word: str) -> bool:
    return len(word) > 1 and word[0].isalpha()
