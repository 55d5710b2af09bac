"""The engine's words become errors with what to do."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path
from types import FrameType

import pytest

from snapshot.errors import EngineError, HostError
from snapshot.host import process
from snapshot.host.container import (
    Container,
    ImageMissingError,
    check_host,
    refused,
    run_tool,
    run_tool_into,
    said,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'invalid argument "x" for "--cpus" flag: no\n\nUsage:  docker run IMAGE\n\nRun \'docker run --help\'',
            'invalid argument "x" for "--cpus" flag: no',
        ),
        ("docker: Error response from daemon: no.\nSee 'docker run --help'.", "no"),
        ("WARNING: Error loading config file: x\n2026/11/23 06:30:30 noise\ndocker: yes", "yes"),
        ("", "no reason given"),
    ],
)
def test_only_the_reason_is_said(text: str, words: str) -> None:
    assert said(text) == words


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("docker: range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "range of CPUs", "`--cpus`"),
        ("failed to set up container networking: network nope not found", "nope", "docker network ls"),
        ("Minimum memory limit allowed is 6MB", "6MB", "`--memory`"),
        ('could not select device driver "" with capabilities: [[gpu]]', "gpu", "nvidia-container-toolkit"),
        ("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=7", "gpu=7", "docker info"),
        (
            "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.0, please update your driver",
            "cuda>=13.0",
            "upgrade the NVIDIA driver",
        ),
        ("nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1", "load", "nvidia-smi"),
        ("client version 1.51 is too new. Maximum supported API version is 1.41", "too new", "upgrade Docker"),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///x/engine: dial",
            "no permission to talk",
            "`docker` group",
        ),
        (
            "failed to connect to the docker API at unix:///x; check if the path is correct and if the daemon is "
            "running: dial unix /x: connect: permission denied",
            "no permission to talk",
            "`docker` group",
        ),
        ('error during connect: Head "http://junk:2375/_ping": no such host', "no Docker engine answers", "Docker"),
        ("Failed to initialize: unable to resolve docker endpoint: x", "no Docker engine answers", "Docker"),
        ('exec: "./x": permission denied: unknown', "did not start the container", "docker info"),
    ],
)
def test_reasons_and_what_to_do(text: str, message: str, hint: str) -> None:
    error = refused(text)
    assert message in error.message
    assert hint in str(error.hint)


def test_an_image_that_is_not_there_is_told_from_the_rest() -> None:
    assert isinstance(refused("docker: Error response from daemon: No such image: snap:1"), ImageMissingError)


def test_only_an_engine_of_this_host_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("unix:///x.sock", "tcp://127.0.0.1:1", "junk"):
        monkeypatch.setenv("DOCKER_HOST", host)
        check_host()
    for host in ("ssh://nohost", "http://x"):
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(EngineError) as caught:
            check_host()
        assert caught.value.message == f"no Docker engine answers at {host}"
        assert "unset `DOCKER_HOST`" in str(caught.value.hint)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a docker CLI is called with whose `run` does `$DURING`, and does not end: a line for each call."""
    program, calls = tmp_path / "bin/docker", tmp_path / "calls"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\ntest "$1" != run || {{ $DURING; exec sleep 30; }}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return calls


TOOL = Container(image="base", command=("sleep", "30"))


def test_a_tool_that_takes_too_long_is_removed(calls: Path) -> None:
    with pytest.raises(HostError, match="did not answer"):
        run_tool(TOOL, timeout=0.3)
    started, removed = calls.read_text().splitlines()
    assert removed == f"rm --force {started.partition('--name ')[2].split()[0]}"


def test_an_interrupted_tool_is_removed(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    monkeypatch.setenv("DURING", f"kill -ALRM {os.getpid()}")
    try:
        with pytest.raises(KeyboardInterrupt):
            run_tool(TOOL)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert calls.read_text().splitlines()[1].startswith("rm --force snap-tool-")


def test_a_tool_whose_output_goes_to_a_file_is_removed_when_it_is_slow_or_says_too_much(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = io.BytesIO()
    with pytest.raises(process.SlowError):
        run_tool_into(TOOL, into, most=1, timeout=0.3)
    monkeypatch.setenv("DURING", "yes")
    with pytest.raises(process.TalkativeError):
        run_tool_into(TOOL, into, most=1000, timeout=20)
    assert [line.partition(" ")[0] for line in calls.read_text().splitlines()] == ["run", "rm", "run", "rm"]
    assert len(into.getvalue()) <= 1000
