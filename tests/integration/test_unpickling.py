"""Pickles that mean harm, loaded where they can do none."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from snapshot.compare import unpickling
from snapshot.compare.outputs import compare
from snapshot.compare.unpickling import ROLE, unpickle_in
from snapshot.compare.verdict import Compared
from snapshot.host.engine import Engine
from tests.integration.scenario import wait_for
from tests.unit.compare.test_outputs import side

BASE = "snapshot-base:bookworm"


class Runs:
    """A pickle that runs `code` when it is loaded, and then is the value of `found`."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code,)


def compared(tmp_path: Path, *values: tuple[Any, Any]) -> list[Compared]:
    """What is said of pairs of pickles, loaded in the base."""
    first, second = (
        side(tmp_path / letter, {f"{at}.pkl": pickle.dumps(pair[which]) for at, pair in enumerate(values)})
        for which, letter in enumerate("ab")
    )
    return list(compare(first, second, unpickle=unpickle_in(BASE)))


def none_is_left(command: Any, engine: dict[str, str]) -> None:
    """No container stays; those of tests that go on beside this one come and go."""
    listed = ("docker", "ps", "-aq", "--filter", f"label=org.snapshot-ml.role={ROLE}")
    wait_for(lambda: command(*listed, env=engine).stdout == "")


def test_pickles_are_compared_in_the_image(here: Engine, command, engine, tmp_path: Path):
    one, other = compared(tmp_path, ({"w": [1.0, 2.0]}, {"w": [1.0, 2.5]}), ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert (one.verdict, one.where, one.absolute) == ("different", "w[1]", 0.5)
    assert other.verdict == "identical"
    none_is_left(command, engine)


HARM = """
import os, socket
print("noise" * 1000)
found = []
for path in ("/snap/pickles/files/0", "/snap/pickles/inside/pickles.py", "/etc/passwd", "/harm"):
    try:
        open(path, "ab").write(b"harm")
        found.append(path)
    except OSError:
        pass
try:
    socket.create_connection(("1.1.1.1", 53), 1)
    found.append("network")
except OSError:
    pass
rights = next(line for line in open("/proc/self/status") if line.startswith("CapEff"))
found += [rights] if int(rights.split()[1], 16) else []
if found or os.path.exists("/var/run/docker.sock"):
    os.write(2, repr(found).encode())
    os._exit(3)
"""


def test_what_a_pickle_runs_reaches_nothing(here: Engine, tmp_path: Path):
    before = pickle.dumps(Runs(HARM))
    (found,) = compared(tmp_path, (Runs(HARM), Runs(HARM + "\n")))
    assert (found.verdict, found.reason) == ("identical", "the same values in other bytes")
    assert (tmp_path / "a/0.pkl").read_bytes() == before


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os._exit(3)", "loading it broke off"),
        ("x = bytearray(1 << 40)", "it can't be loaded: MemoryError"),
        ("x = []\nwhile True: x.append(bytearray(b'x' * (1 << 26)))", "loading it took more memory than there is"),
        ("import os\nwhile True: os.write(3, b'x' * (1 << 20)); os.write(1, b'x')", "printed more than"),
        ("import time; time.sleep(1000)", "did not end in the time"),
    ],
    ids=["exits", "too much", "more and more", "talks", "sleeps"],
)
def test_what_breaks_it_is_not_compared(
    here: Engine, command, engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
):
    monkeypatch.setattr(unpickling, "MEMORY", 200 << 20)
    monkeypatch.setattr(unpickling, "SECONDS", 4 if "sleep" in code else 60)
    (found,) = compared(tmp_path, (Runs(code), 1))
    assert found.verdict == "not compared"
    assert reason in str(found.reason)
    none_is_left(command, engine)
