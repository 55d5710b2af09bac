"""What others are not told of a run."""

from __future__ import annotations

import pytest

from snapshot.record import summary
from snapshot.record.document import Request
from snapshot.record.parameters import parameters
from snapshot.report import private
from tests.unit.record.records import a_run, command

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "words",
    [("--api-key", SECRET), (f"--api_key={SECRET}",), (f"model.token={SECRET}",), ("--db-password", SECRET),
     ("--header", "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"), ("ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8",)],
)  # fmt: skip
def test_an_argument_that_looks_like_a_secret_is_told_nowhere(words: tuple[str, ...]) -> None:
    argv = ("train.py", "--lr", "0.1", *words)
    run = private.told(a_run(1, command=command(*argv), parameters=parameters(argv[1:])))
    for told in (run, private.told(summary.of(a_run(1, command=command(*argv), parameters=parameters(argv[1:]))))):
        assert words[-1].rpartition("=")[2] not in repr(told)
        assert told.command.argv[:3] == ("train.py", "--lr", "0.1") and told.parameters["lr"] == "0.1"
    assert "not shown" in run.command.argv[-1]


@pytest.mark.parametrize(
    "words",
    [("--max-tokens", "200000"), ("--token", "1234567"), ("--pad-token", "<|padding|>"), ("--key-dim", "sixtyfour"),
     ("--author", "somebody-else"), ("--secret",), ("--monkey", "bonobo-bonobo"), ("--data", "s3://bucket/some/where")],
)  # fmt: skip
def test_what_only_sounds_like_one_is_told(words: tuple[str, ...]) -> None:
    run = a_run(1, command=command("train.py", *words), parameters=parameters(words))
    assert private.told(run) == run


def test_variables_are_held_back_by_wider_names() -> None:
    run = private.told(a_run(1, request=Request(environment={"AUTH": SECRET, "LEVEL": "3"})))
    assert SECRET not in repr(run) and run.request.environment["LEVEL"] == "3"
