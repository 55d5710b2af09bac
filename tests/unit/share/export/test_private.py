"""What tells of machines and people."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapshot.record.document import Request
from snapshot.share.export.private import Private, of
from tests.unit.record.records import a_run, run_id

ALICE = Private(
    run=run_id(1), folders=("/home/alice/project", "/home/alice", "/srv/lab/p"), hosts=("gpu-box7", "gpu-box7.lab.org"),
    users=("alice", "max"), values=("hunter2hunter2", "1"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x = '/home/alice/project/data'", "folder"),
        ("/srv/lab/p", "folder"),
        ("see /home/bob/notes", "home-folder"),
        ("/Users/bob", "home-folder"),
        ("on gpu-box7:", "host-name"),
        ("http://gpu-box7.lab.org/", "host-name"),
        ("by alice, 2026", "user-name"),
        ("the key is hunter2hunter2.", "environment-value"),
        (f"from {run_id(2)}", "other-run"),
        ("https://me:s3cret@pypi.example/simple", "password-in-url"),
    ],
)
def test_found(text: str, rule: str) -> None:
    assert [one.rule for one in ALICE.find(text)] == [rule]
    assert ALICE.tells(text)


@pytest.mark.parametrize(
    "text",
    [
        *("/workspace/data", "max(1, 2)", "alicea", "/srv/lab/python", "/srv/lab/p2", "my-gpu-box7", "x/home/bob"),
        *("/home/user/data", "/home/jovyan/work", f"run {run_id(1)}", "1", "http://host:8000/@x", "a: b@c"),
    ],
)
def test_not_found(text: str) -> None:
    assert not ALICE.tells(text)


def test_what_is_found_is_told_as_it_stands() -> None:
    text = f"a /home/alice/project/x b {run_id(2)} c https://me:s3cret@host d /home/bob"
    assert [one.text for one in ALICE.find(text)] == [
        *("/home/alice/project", run_id(2), "://me:s3cret", "/home/bob"),
    ]
    assert all(text[one.start :].startswith(one.text) for one in ALICE.find(text))


def test_what_is_known_of_a_run_and_this_machine() -> None:
    run = a_run(project="/home/bob/work/p", request=Request(environment={"TOKEN": "a-long-value", "SEED": "12345678"}))
    found = of(run, Path("/data/p"), {"HOME": "/home/alice", "USER": "alice"}, frozenset({"SEED"}))
    assert found.folders == ("/data/p", "/home/alice", "/home/bob", "/home/bob/work/p")
    assert found.users == ("alice", "bob")
    assert found.values == ("a-long-value",)


def test_roots_home_is_everybodys() -> None:
    found = of(a_run(project="/root"), Path("/root"), {"HOME": "/root", "USER": "root"})
    assert not found.tells("root: /root/.cache")
