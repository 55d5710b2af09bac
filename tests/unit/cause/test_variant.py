"""The run that there is already of what one would be on another lock, or with other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.cause import variant
from snapshot.record.document import Code, Data, Determinism, Exit, Request, Run
from snapshot.run.command import recorded
from snapshot.run.draft import Draft, Options
from tests.unit.record.records import a_run, command, sha256
from tests.unit.share.kits import a_lock

NEW = a_lock()
DATA = {"/workspace/data": sha256("1")}


def data(digit: str) -> tuple[Data, ...]:
    return (Data(path="data", target="/workspace/data", kind="folder", reason="ignored", digest=sha256(digit)),)


GOOD = a_run(0, data=data("1"), request=Request(environment={"A": "1"}))


def on_the_new(number: int = 1, **changes: Any) -> Run:
    platform = msgspec.structs.replace(GOOD.platform, lock=NEW.digest)
    return a_run(number, **{"data": GOOD.data, "request": GOOD.request, "platform": platform, **changes})


def drafted(**changes: Any) -> Draft:
    found = Draft(
        invocation=recorded(GOOD.command),
        options=Options(request=GOOD.request),
        root=Path("/p"),
        also_at=None,
        lock=NEW,
        lock_file=b"",
        code=GOOD.code,
        data=GOOD.data,
        sources=(),
        seen=None,
        identify="content",
    )
    return msgspec.structs.replace(found, **changes)


def test_one_that_somebody_made_is_taken_and_the_first_of_several() -> None:
    runs = [GOOD, on_the_new(2), on_the_new(1)]
    assert variant.known(runs, GOOD, drafted(), DATA) == runs[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"code": Code(digest=sha256("9"), files=1, bytes=9, git=None)},
        {"command": command("train.py", "--lr", "1")},
        {"request": Request()},
        {"determinism": Determinism(mode="warn", seed=0, environment={})},
        {"data": data("2")},
        {"data": ()},
        {"exit": Exit(code=130, signal="SIGINT")},
        {"exit": Exit(code=None)},
        {"exit": None},
        {"started": None},
    ],
)
def test_one_that_is_another_or_did_not_come_to_its_end_is_not(changes: dict[str, Any]) -> None:
    assert variant.known([on_the_new(**changes)], GOOD, drafted(), DATA) is None


def test_what_the_data_are_is_not_known() -> None:
    unknown = {"/workspace/data": None}
    run = on_the_new(data=(msgspec.structs.replace(GOOD.data[0], digest=None),))
    assert variant.known([run], GOOD, drafted(), unknown) is None


def test_nothing_is_another() -> None:
    same = msgspec.structs.replace(GOOD, platform=msgspec.structs.replace(GOOD.platform, lock=NEW.digest))
    assert variant.is_same(same, drafted(), DATA)
    assert not variant.is_same(same, drafted(), {"/workspace/data": sha256("2")})
    assert not variant.is_same(GOOD, drafted(), DATA)


def test_the_record_says_what_it_was_made_for() -> None:
    assert variant.note(GOOD, drafted(), ["data"]) == (
        f"made for `snap bisect`: run {GOOD.id} with the lock {NEW.digest} and other data in `data`"
    )
