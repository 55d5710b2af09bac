"""What the user of a terminal sees while something takes its time, and what is left there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from snapshot.record.store import Store
from tests.integration.indexes import Index
from tests.integration.scenario import Project
from tests.terminal import Terminal, terminal
from tests.unit.record.stores import trained

ENDLESS = "we\x1b[31mights.bin"
WHEEL = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@pytest.fixture
def project(engine, tmp_path: Path) -> Project:
    return Project(tmp_path / "project", engine)


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file that nobody reads to its end: sparse, so it takes no room."""
    with (tmp_path / ENDLESS).open("wb") as file:
        file.truncate(1 << 42)
    yield tmp_path


def which(place: Path, *options: str, columns: int = 80, **environment: str):
    command = [sys.executable, "-m", "snapshot", *options, "which", ENDLESS]
    return terminal(command, cwd=place, env={**os.environ, **environment}, columns=columns)


def interrupted(shown: Terminal) -> None:
    shown.type("\x03")
    assert shown.end() == 130
    assert [line for line in shown.lines if line not in ("", "^C")] == ["error: interrupted"]
    assert not shown.screen.cursor.hidden


def test_a_line_with_bytes_speed_and_time_left_that_is_gone_after_ctrl_c(endless: Path):
    with which(endless, columns=100) as shown:
        shown.until(lambda: "/s, " in "".join(shown.lines))
        (line,) = shown.lines
        assert line[0] in WHEEL and line[1:].startswith(" reading we\\x1b[31mights.bin, 0 %, ")
        assert " of 4.4 TB, " in line and line.endswith(" left")
        interrupted(shown)
        assert b"\x1b[31merror: \x1b[0m" in shown.written


def test_the_line_is_never_wider_than_the_window(endless: Path):
    with which(endless, columns=30) as shown:
        shown.until(lambda: "…, 0 %" in "".join(shown.lines))
        shown.resize(60)
        shown.until(lambda: " of 4.4 TB" in "".join(shown.lines))
        shown.resize(20)
        shown.until(lambda: shown.lines[0].endswith("…, 0 %"))
        assert max(map(len, shown.seen)) == 1
        interrupted(shown)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["no-color", "dumb"])
def test_plain_lines_without_any_escape(endless: Path, environment: Mapping[str, str]):
    with which(endless, **environment) as shown:
        shown.until(lambda: bool(shown.lines))
        assert shown.lines == ["snap: reading we\\x1b[31mights.bin"]
        shown.type("\x03")
        assert shown.end() == 130
        assert shown.lines[-1] == "error: interrupted"
        assert b"\x1b" not in shown.written


def test_quiet_says_nothing_of_what_is_done_and_all_of_what_is_wrong(endless: Path):
    with which(endless, "--quiet") as quiet, which(endless) as usual:
        usual.until(lambda: bool(usual.lines))
        quiet.type("\x03")
        assert quiet.end() == 130
    assert [line for line in quiet.lines if line not in ("", "^C")] == ["error: interrupted"]


@pytest.fixture
def slow(project: Project, index: Index) -> Iterator[Index]:
    """An index that keeps the project's one package back until it is `opened`; nobody has it in a cache."""
    index.add("spam", version := f"1.{time.time_ns()}")
    index.opened = threading.Event()
    project.write("requirements.txt", f"spam=={version}")
    project.env |= {"PIP_INDEX_URL": index.url, "PIP_EXTRA_INDEX_URL": ""}
    yield index
    index.opened.set()


def test_from_nothing_to_a_result_nothing_of_the_way_is_left(project: Project, slow: Index):
    project.script("print('training', end='')\nopen('model.pt', 'w').write('x')")
    with terminal(project.command("run", "train.py"), cwd=project.path, env=project.env) as shown:
        shown.until(lambda: bool(shown.lines) and shown.lines[-1][1:].startswith(" locking: spam, "))
        slow.opened.set()
        assert shown.end() == 0
    words = " ".join(shown.lines)
    assert "training" in shown.lines and " snap: run " in words
    assert not set(WHEEL) & set(words) and not shown.screen.cursor.hidden
    with terminal(project.command("run", "train.py"), cwd=project.path, env=project.env) as again:
        assert again.end() == 0
    assert again.lines[0] == "training", "nothing is left of what came before it"


def test_a_fetch_that_is_interrupted_leaves_nothing(project: Project, slow: Index, tmp_path: Path):
    slow.opened.set()
    assert project.snap("lock").returncode == 0
    slow.opened.clear()
    project.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    with terminal(project.command("build"), cwd=project.path, env=project.env) as shown:
        shown.until(lambda: "building the image: fetching packages, " in "".join(shown.lines))
        shown.type("\x03")
        assert shown.end() == 130
    assert [line for line in shown.lines if line not in ("", "^C")] == ["error: interrupted"]


def test_quiet_and_verbose_stand_before_the_script(project: Project):
    project.script("import sys; print(sys.argv[1:])")
    first = project.snap("-v", "run", "-e", "TOKEN=secret", "train.py")
    assert first.returncode == 0, first.stderr
    assert "snap: $ docker run " in first.stderr and "snap: GET engine /" in first.stderr
    assert "'TOKEN=…'" in first.stderr and "secret" not in first.stderr
    quiet = project.snap("run", "-q", "train.py", "-v", "--quiet")
    assert (quiet.stdout, quiet.stderr, quiet.returncode) == ("['-v', '--quiet']\n", "", 0)
    assert project.snap("-q", "lock", "--upgrade").stderr == ""
    assert project.snap("show", "-q", "none").stderr.startswith("error: there is no run `none`")


def test_the_verdict_is_coloured_on_a_terminal_alone(project: Project):
    project.script("open('a', 'w').write('x')")
    assert project.snap("run", "train.py").returncode == 0
    with terminal(project.command("rerun", "latest"), cwd=project.path, env=project.env) as shown:
        assert shown.end() == 0
    assert b"\x1b[32midentical\x1b[0m: " in shown.written
    assert project.snap("rerun", "latest~1").stdout.startswith("identical: ")


def test_a_log_on_a_terminal_colours_and_does_nothing_else(project: Project):
    store = Store(project.path)
    run = trained(store, 0, {})
    said = b"\x1b[32mgreen\x1b[2J\x1b]0;title\x07\r\n" * 10_000 + b"\x1b[31mred"
    (store.folder(run.id) / "log").write_bytes(said)
    with terminal(project.command("logs"), cwd=project.path, env=project.env) as shown:
        assert shown.end() == 0
    assert shown.lines[-2:] == ["green\\x1b[2J\\x1b]0;title\\x07", "red"]
    assert shown.written.endswith(b"\x1b[31mred\x1b[0m")
    assert b"\x1b[2J" not in shown.written and b"\x07" not in shown.written
    piped = subprocess.run(project.command("logs"), cwd=project.path, env=project.env, capture_output=True)
    assert piped.stdout == said
