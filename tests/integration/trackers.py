"""A real MLflow server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

from uv import find_uv_bin

from tests.machine import LOCKS, alone

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@contextmanager
def mlflow_server(command, folder: Path) -> Iterator[str]:
    """The address of a new server on this machine that keeps everything in `folder`."""
    program = mlflow_program(command)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    places = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    with (folder / "log").open("w") as log:
        served = subprocess.Popen(
            [program, "server", *places, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            env={**os.environ, **QUIET}, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
    try:
        until_it_answers(served, f"http://127.0.0.1:{port}/health", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(served.pid, signal.SIGKILL)  # what it has is not kept, and closing takes it seconds
        served.wait()


def mlflow_program(command) -> Path:
    """The server of the version that the client here has: all of MLflow is large, and stays out of this environment."""
    wanted = version("mlflow-skinny")
    folder = LOCKS / f"mlflow-{wanted}"
    with alone("mlflow"):
        if not (folder / "whole").exists():
            uv = find_uv_bin()
            command(uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
            command(uv, "pip", "install", "--quiet", "--python", folder / "bin/python", f"mlflow=={wanted}")
            (folder / "whole").touch()
    return folder / "bin/mlflow"


def until_it_answers(served: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 240  # it takes half a minute, and more on a busy machine
    while True:
        assert served.poll() is None and time.monotonic() < deadline, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
