"""Small records, for tests that need runs and not what ran."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from snapshot.record.document import Code, Command, Exit, Output, Parent, Platform, Request, Run
from snapshot.record.store import Store

WELL, CUT_OFF = Exit(code=0), Exit(code=137, signal="SIGKILL")


def run_id(number: int) -> str:
    """The ID of the `number`th run: they sort as the numbers do."""
    return f"20260101T{number:09}-{number:04x}"


def a_run(number: int = 0, **changes: Any) -> Run:
    """The `number`th run: it was asked for and has ended within its minute of the year."""
    minute = f"{datetime(2026, 1, 1) + timedelta(minutes=number):%Y-%m-%dT%H:%M}"
    run = Run(
        id=run_id(number),
        status="finished",
        project="/p",
        command=Command(argv=("train.py",), kind="script", directory="."),
        request=Request(),
        code=Code(digest=sha256("c"), files=1, bytes=9, git=None),
        platform=Platform(
            lock=sha256("d"), image=sha256("e"), reference="snap:1", base="debian:12", base_digest=None,
            base_layers=(), python="3.11.2",
        ),
        container="c",
        write_back=True,
        created=f"{minute}:00.000Z",
        started=f"{minute}:01.000Z",
        ended=f"{minute}:59.000Z",
        exit=WELL,
    )  # fmt: skip
    return msgspec.structs.replace(run, **changes)


def sha256(digit: str) -> str:
    """A digest that is easy to tell from others."""
    return "sha256:" + digit * 64


def command(*argv: str, kind: str = "script", directory: str = ".") -> Command:
    return Command(argv=argv, kind=kind, directory=directory)


def output(path: str, digest: str, *, size: int = 1, change: str = "created") -> Output:
    return Output(path=path, size=size, sha256=digest, mode=0o644, change=change)


def edge(number: int, path: str = "model.pt", **changes: Any) -> Parent:
    """An edge to the `number`th run."""
    found = Parent(
        run=run_id(number), path=path, input=path, sha256=sha256("a"), relation="used", evidence="read"
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def keep(store: Store, *runs: Run) -> None:
    """Write `runs` into a store that is made if it is not there."""
    store.create()
    for run in runs:
        store.folder(run.id).mkdir()
        store.write(run)
