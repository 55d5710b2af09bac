"""Options of `snap run` that the engine would refuse are refused here, in words of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snapshot.cli.request import request
from snapshot.errors import UsageError

NOTHING: dict[str, Any] = {
    "offline": False,
    "network": None,
    "env": (),
    "env_file": (),
    "gpus": None,
    "shm_size": None,
    "memory": None,
    "cpus": None,
}


def asked(caller: dict[str, str] | None = None, **given: Any) -> Any:
    return request({**NOTHING, **given}, caller or {})


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *[
            ("gpus", t)
            for t in (
                "all",
                "2",
                "device=0",
                "device=GPU-1a2b",
                '"device=0,1"',
                "all,capabilities=utility",
                "device=0,1",
            )
        ],
        *[(o, t) for o in ("memory", "shm_size") for t in ("8g", "8G", "512m", "1.5gb", "8GiB", "100000000", "64 mb")],
        *[("cpus", t) for t in ("1", "1.5", ".5", "0.01")],
    ],
)
def test_what_docker_takes_is_passed_on_as_it_is(option: str, text: str) -> None:
    assert getattr(asked(**{option: text}), option) == text


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *[("gpus", t) for t in ("", "junk", "-1", "1.5", "devices=0", "all,junk")],
        *[(o, t) for o in ("memory", "shm_size") for t in ("", "lots", "-1", "8x", "8 gig", "g")],
        *[("cpus", t) for t in ("", "x", "0", "-1", "1/2", "nan", "inf", "1e1")],
    ],
)
def test_what_docker_does_not_take_is_refused_with_the_form(option: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(**{option: text})
    flag = "--" + option.replace("_", "-")
    assert caught.value.message == f"`{flag}` does not take `{text}`"
    assert caught.value.hint is not None and flag in caught.value.hint.replace("write `all`", flag)


def test_the_environment_and_its_files() -> None:
    assert asked({"HERE": "x"}, env=("A=1", "B=", "C=a=b", "HERE")).environment == {
        "A": "1",
        "B": "",
        "C": "a=b",
        "HERE": "x",
    }


@pytest.mark.parametrize("item", ["=1", "X Y=1", "", "A\nB=1", " A=1", "NOT_SET", "A=\udcff"])
def test_a_variable_that_can_not_be_is_refused(item: str) -> None:
    with pytest.raises(UsageError):
        asked(env=(item,))


def test_a_file_of_variables_from_another_system(tmp_path: Path) -> None:
    path = tmp_path / "a.env"
    path.write_bytes("\ufeffA=1\r\n# no\r\n\r\nB=zwei Wörter\x0bund mehr\r\nHERE\nGONE\n".encode())
    assert asked({"HERE": "x"}, env_file=(str(path),), env=("A=2",)).environment == {
        "A": "2",
        "B": "zwei Wörter\x0bund mehr",
        "HERE": "x",
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"A=1\nB=\xff\n", "a.env:2: not UTF-8"),
        (b"A=1\nA B=2\n", "a.env:2: `A B=2` is not `NAME=VALUE`"),
        (b"A=\0\n", "a.env:1: `A=\\x00` is not `NAME=VALUE`"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "a.env"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        asked(env_file=(str(path),))
    assert caught.value.message.endswith(said)


def test_offline_and_a_network_contradict_each_other() -> None:
    assert asked(offline=True).network == "none"
    with pytest.raises(UsageError):
        asked(offline=True, network="host")
