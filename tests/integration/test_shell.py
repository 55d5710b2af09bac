"""`snap shell`: in the image, with the project itself, and nothing of it is kept."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.scenario import Project, wait_for

ROLE = "label=org.snapshot-ml.role=shell"


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project asks for no packages, so that the image is the base."""
    project = Project(tmp_path_factory.mktemp("shell") / "project", engine)
    project.write("sub/a.txt", "a\n")
    return project


class Terminal:
    """What somebody types at a terminal, and sees."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.screen, end = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            project.command(*arguments), cwd=project.path, env={**project.env, "TERM": "xterm"},
            stdin=end, stdout=end, stderr=end, start_new_session=True,
        )  # fmt: skip
        os.close(end)

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def wait(self, text: str) -> None:
        """Until `text` has appeared."""
        deadline = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.screen], [], [], 0.5)[0]:
                self.seen += os.read(self.screen, 65536).decode(errors="replace")

    def end(self) -> int:
        """The exit code, once it is over."""
        while True:
            try:
                if not os.read(self.screen, 65536):
                    break
            except OSError:
                break
        return self.process.wait(60)

    def close(self) -> None:
        os.close(self.screen)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGHUP)
            self.process.wait()


@pytest.fixture
def terminal(project: Project) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal(project, *arguments))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def shells(project: Project) -> set[str]:
    return set(project.docker("ps", "--all", "--quiet", "--filter", ROLE))


def test_what_is_piped_in_is_executed_in_the_image_and_the_project(project: Project) -> None:
    done = subprocess.run(
        project.command("shell", "--env", "WORD=x"),
        cwd=project.path / "sub",
        env=project.env,
        input="pwd; cat a.txt; id -u; echo $WORD; echo b > b.txt; cat /etc/os-release; import-nothing; exit 7\n",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout.startswith(f"/workspace/sub\na\n{os.getuid()}\nx\n")
    assert "bookworm" in done.stdout
    assert "import-nothing: command not found" in done.stderr
    assert "nothing is recorded" in done.stderr
    assert project.read("sub/b.txt") == "b\n"
    assert not list(project.path.glob(".snap/runs/*"))


def test_a_command_has_what_a_run_would_have(project: Project, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("outside\n")
    code = (
        "import os, pathlib, snapshot; snapshot.log(loss=1)\n"
        f"print(pathlib.Path({str(tmp_path / 'data.txt')!r}).read_text(), os.path.exists('snap-metrics.jsonl'))\n"
        "print(os.statvfs('/dev/shm').f_blocks * os.statvfs('/dev/shm').f_frsize > 1 << 30, 'SNAP_RUN' in os.environ)"
    )
    done = project.snap("shell", "--data", str(tmp_path), "--offline", "--", "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "outside\n False\nTrue False\n"


def test_failures_around_it_are_told_from_its_own(project: Project) -> None:
    assert project.snap("shell", "--", "sh", "-c", "exit 3").returncode == 3
    assert project.snap("shell", "--network", "no-such-net").returncode == 125
    assert project.snap("shell", "--data", "/no/such").returncode == 125


def test_at_a_terminal_it_is_a_shell_with_a_prompt(project: Project, terminal: Callable[..., Terminal]) -> None:
    before = shells(project)
    shell = terminal("shell")
    shell.wait("(snap) /workspace")
    # What was typed is echoed before it runs, and only what runs can be interrupted.
    shell.type("sh -c 'echo sleep''ing; exec sleep 100'\n")
    shell.wait("sleeping")
    shell.type("\x03")
    shell.wait("^C")
    shell.type("echo $((6 * 7)) $TERM; exit 5\n")
    shell.wait("42 xterm")
    assert shell.end() == 5
    assert shells(project) == before


def test_a_terminal_that_is_closed_ends_it(project: Project, terminal: Callable[..., Terminal]) -> None:
    before = shells(project)
    shell = terminal("shell")
    shell.wait("(snap) ")
    assert shells(project) > before
    os.killpg(shell.process.pid, signal.SIGHUP)
    shell.process.wait(60)
    wait_for(lambda: shells(project) == before)


def test_the_next_one_tidies_up_after_one_whose_snap_was_killed(project: Project) -> None:
    killed = project.start("shell", "--", "sh", "-c", "touch begun; until [ -e end ]; do sleep 0.05; done")
    wait_for((project.path / "begun").exists)
    (left,) = project.docker("ps", "-q", "--filter", ROLE, "--filter", f"label=org.snapshot-ml.process={killed.pid}")
    killed.kill()
    killed.wait(60)
    assert project.snap("shell", "--", "true").returncode == 0
    assert left in project.docker("ps", "-q"), "it may still be typed in"
    project.write("end", "")
    project.docker("wait", left)
    killed.communicate(timeout=60)  # `docker run`, which it has left
    assert project.snap("shell", "--", "true").returncode == 0
    assert left not in project.docker("ps", "-aq")
