"""What `--verbose` tells of the outside, and what it must not."""

from __future__ import annotations

import pytest

from snapshot.host import process, trail


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a listener hears."""
    heard: list[str] = []
    monkeypatch.setattr(trail, "_listeners", [])
    trail.listen(heard.append)
    return heard


def test_a_program_is_told_and_how_it_ended(told: list[str]) -> None:
    process.run(["sh", "-c", "exit 3"])
    assert told[0] == "$ sh -c 'exit 3'"
    assert told[1].startswith("`sh` ended with 3 after ")


def test_secrets_are_left_out(told: list[str]) -> None:
    trail.program(["docker", "run", "--env", "TOKEN=a\nb", "-e", "HOME", "https://me:secret@host/x"])
    trail.answered("GET https://me:secret@host/x", 200, 0.5)
    assert told == [
        "$ docker run --env 'TOKEN=…' -e HOME https://host/x",
        "GET https://host/x: 200 after 0.50 s",
    ]


def test_a_command_line_of_pages_is_cut(told: list[str]) -> None:
    trail.program(["echo", "x" * 10_000])
    assert len(told[0]) < 2_100 and told[0].endswith("…")


def test_lines_of_a_program_are_heard_while_it_runs_and_kept() -> None:
    heard: list[str] = []
    done = process.run(["sh", "-c", "echo out; printf 'one\\ntwo\\377' >&2; cat >&2"], stdin=b"!", hear=heard.append)
    assert (done.code, done.stdout, done.stderr) == (0, "out\n", "one\ntwo\ufffd!")
    assert heard == ["one", "two\ufffd!"]


def test_credentials_are_left_out_also_where_the_line_is_cut(told: list[str]) -> None:
    trail.program(["curl", "x" * 1_970, "https://me:secretsecretsecret@host/x"])
    assert "secret" not in told[0]


def test_who_asks_twice_hears_of_it_once(told: list[str]) -> None:
    trail.listen(told.append)
    trail.program(["true"])
    assert told == ["$ true"]
