"""Arguments apart, and mixed."""

from __future__ import annotations

import pytest

from snapshot.cause.arguments import Arguments


def texts(old: str, new: str) -> dict[str, str]:
    return {candidate.key: candidate.text for candidate in Arguments(old.split(), new.split()).candidates()}


def test_each_option_is_one_with_its_value() -> None:
    old, new = "train.py data --lr 0.1 --wd=0", "train.py data --lr 0.2 --wd=1 --amp"
    found = Arguments(old.split(), new.split())
    assert {candidate.key: candidate.text for candidate in found.candidates()} == {
        "argument --lr": "--lr 0.1 → --lr 0.2",
        "argument --wd": "--wd=0 → --wd=1",
        "argument --amp": "nothing → --amp",
    }
    assert found.mixed({"argument --lr"}) == ("train.py", "data", "--lr", "0.2", "--wd=0")
    assert found.mixed({"argument --amp"}) == ("train.py", "data", "--lr", "0.1", "--wd=0", "--amp")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("train.py a b", "train.py c b"),
        ("train.py --x 1 --x 2", "train.py --x 1 --x 3"),
        ("train.py lr=0.1 model.depth=3", "train.py model.depth=4 lr=0.1"),
        ("train.py", "train.py -v -- --not-an-option"),
        ("train.py --betas 0.9 0.99", "train.py --betas 0.8 0.9 0.99"),
        ("train.py -a -b", "train.py"),
    ],
)
def test_none_is_the_first_and_all_is_the_second(old: str, new: str) -> None:
    found = Arguments(old.split(), new.split())
    keys = [candidate.key for candidate in found.candidates()]
    assert len(set(keys)) == len(keys) > 0
    assert found.mixed(()) == tuple(old.split())
    assert found.mixed(keys) == tuple(new.split())


def test_equal_ones_have_no_candidates() -> None:
    assert texts("train.py --lr 1", "train.py --lr 1") == {}
