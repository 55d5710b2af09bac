"""What users type, and what hosts lack, ends in an error that says what to do, never in a traceback."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.scenario import Project

MORTAL = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
"""Root for whom permissions count."""


@pytest.fixture
def project(tmp_path: Path, engine: dict[str, str]) -> Project:
    project = Project(tmp_path / "project", engine)
    project.script("print('never')")
    return project


def mortal(project: Project, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    if os.getuid() != 0:
        pytest.skip("needs root to give up its powers")
    command = [*MORTAL, *project.command(*arguments)]
    return subprocess.run(command, cwd=project.path, env={**project.env, **(env or {})}, capture_output=True, text=True)


def error_of(done: subprocess.CompletedProcess[str], code: int = 125) -> str:
    """The error and its hint; there is nothing but these and what was done before."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and "Usage:" not in done.stderr
    words = [line for line in done.stderr.splitlines() if not line.startswith(("snap: ", "warning: "))]
    assert [line.split(": ")[0] for line in words] == ["error", "hint"], done.stderr
    return "\n".join(words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gpus", "junk"], "`--gpus` does not take `junk`"),
        (["--memory", "junk"], "as in `--memory 8g`"),
        (["--memory", "1k"], "give `--memory` more"),
        (["--cpus", "x"], "as in `--cpus 1.5`"),
        (["--cpus", "9999"], "give `--cpus` a number in that range"),
        (["--shm-size", "x"], "as in `--shm-size 8g`"),
        (["--network", "nope"], "see `docker network ls`"),
        (["--name", "latest"], "a run can't be named `latest`"),
        (["--data", "."], "lies in the project"),
        (["-e", "X Y=1"], "does not begin with the name of a variable"),
    ],
)
def test_options_that_the_engine_would_not_take(project: Project, arguments: list[str], said: str):
    assert said in error_of(project.snap("run", *arguments, "train.py"))
    assert project.snap("ls", "--json").stdout == "[]\n"
    assert project.containers() + project.volumes() == []


@pytest.mark.parametrize("place", ["argument", "environment", "file"])
def test_what_is_not_utf8_is_said(project: Project, place: str):
    (project.path / "bad.env").write_bytes(b"A=1\nB=\xff\n")
    bad = os.fsdecode(b"\xff")
    arguments = {
        "argument": ["train.py", bad],
        "environment": ["--env", f"A={bad}", "train.py"],
        "file": ["--env-file", "bad.env", "train.py"],
    }
    assert "not UTF-8" in error_of(project.snap("run", *arguments[place]))


def test_a_project_whose_path_is_not_utf8(tmp_path: Path, engine: dict[str, str]):
    project = Project(tmp_path / os.fsdecode(b"proj\xe9t"), engine)
    project.script("print(1)")
    assert "the path of the project is not UTF-8" in error_of(project.snap("run", "train.py"))


def test_scripts_that_can_not_start(project: Project):
    project.write("x.sh", "#!/bin/sh\n")
    assert "the folder `nope` does not exist" in error_of(project.snap("run", "nope/x.py"))
    assert "run `chmod +x ./x.sh`" in error_of(project.snap("run", "./x.sh"))
    (project.path / "train.py").chmod(0)
    assert "no permission to read the script `train.py`" in error_of(mortal(project, "run", "train.py"))


def test_streams_that_are_closed_do_not_stop_a_training(project: Project):
    project.script("print('seen'); open('out.txt', 'w').write('x')")
    for closed in (">&-", "2>&-", ">&- 2>&- <&-", "2>/dev/full"):
        (project.path / "out.txt").unlink(missing_ok=True)
        command = ["bash", "-c", f'exec "$@" {closed}', "bash", *project.command("run", "train.py")]
        done = subprocess.run(command, cwd=project.path, env=project.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert project.read("out.txt") == "x"
    assert project.snap("logs").stdout == "seen\n"


def test_a_disk_without_space_for_what_is_shown(project: Project):
    project.script("print('seen')")
    assert project.snap("run", "train.py").returncode == 0
    for arguments in (["ls"], ["show"], ["show", "--json"], ["logs"], ["logs", "--json"]):
        command = ["bash", "-c", 'exec "$@" >/dev/full', "bash", *project.command(*arguments)]
        done = subprocess.run(command, cwd=project.path, env=project.env, capture_output=True, text=True)
        assert done.stderr == "error: can't write the output: no space left on device\n"
        assert done.returncode == 3


def test_a_tag_is_looked_at_before_anything_is_built(project: Project):
    done = project.snap("build", "--tag", "Bad Tag")
    assert "`--tag Bad Tag` is not a name that an image can have" in error_of(done, 2)
    assert not (project.path / "snap.lock").exists()


def test_a_cache_folder_that_can_not_be(project: Project):
    assert project.snap("lock").returncode == 0
    done = project.snap("build", "--no-cache", env={"XDG_CACHE_HOME": "/proc"})
    assert "set `XDG_CACHE_HOME`" in error_of(done, 3)


@pytest.mark.parametrize("host", ["junk", "ssh://nohost", "http://x", "tcp://127.0.0.1:1"])
def test_an_engine_that_is_none(project: Project, host: str):
    assert project.snap("lock").returncode == 0
    for command, code in ((["run", "train.py"], 125), (["build"], 3)):
        said = error_of(project.snap(*command, env={"DOCKER_HOST": host}), code)
        assert f"no Docker engine answers at {host}\nhint: correct or unset `DOCKER_HOST`" in said


def test_no_permission_on_the_socket_of_the_engine(project: Project, tmp_path: Path):
    assert project.snap("lock").returncode == 0
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        (tmp_path / "s").chmod(0)
        for command, code in ((["run", "train.py"], 125), (["build"], 3)):
            said = error_of(mortal(project, *command, env={"DOCKER_HOST": f"unix://{tmp_path}/s"}), code)
            assert said.startswith("error: no permission to talk to the Docker engine\nhint: join the `docker` group")


def test_the_last_line_begins_a_line_and_tells_of_files_that_are_gone(project: Project):
    project.write("old.txt", "")
    project.script("import os; os.remove('old.txt'); open('a', 'w'); print('50%', end='')")
    main, side = pty.openpty()
    done = subprocess.run(
        project.command("run", "train.py"), cwd=project.path, env=project.env, stdin=side, stdout=side, stderr=side
    )
    os.close(side)
    shown = b""
    with suppress(OSError):
        while chunk := os.read(main, 65536):
            shown += chunk
    os.close(main)
    lines = shown.decode().splitlines()
    assert done.returncode == 0
    assert lines[-2].endswith("50%")
    assert lines[-1].startswith("snap: run ") and lines[-1].endswith("1 output: a; 1 file removed")
