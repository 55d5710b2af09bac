"""A project folder and the commands typed in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snapshot.lock.document import Lock
from tests.machine import alone


class Project:
    """A new project; `snap` is run as a user would, with the environment of an engine."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.path = path
        self.env = {key: value for key, value in env.items() if key != "PYTHONDONTWRITEBYTECODE"}
        path.mkdir(parents=True)
        self.write("requirements.txt", "")

    def write(self, name: str, text: str) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)

    def script(self, text: str) -> None:
        self.write("train.py", textwrap.dedent(text))

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def files(self) -> list[str]:
        """All files of the project but for its own."""
        found = (p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_symlink() or not p.is_dir())
        return sorted(p for p in found if not p.startswith(".snap/") and p not in ("snap.lock", "requirements.txt"))

    def command(self, *arguments: str, become: int | None = None) -> list[str]:
        other = ["setpriv", f"--reuid={become}", f"--regid={become}", "--clear-groups"] if become else []
        return [*other, sys.executable, "-m", "snapshot", *arguments]

    def snap(
        self, *arguments: str, cwd: str = ".", become: int | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments, become=become),
            cwd=self.path / cwd,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.path,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def record(self, run: str = "latest") -> dict[str, Any]:
        done = self.snap("show", run, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def docker(self, *arguments: str) -> list[str]:
        return subprocess.run(
            ["docker", *arguments], env=self.env, capture_output=True, text=True, check=True
        ).stdout.split()

    def containers(self) -> list[str]:
        """The containers of this project's runs that the engine still has."""
        return self.docker("ps", "-aq", "--filter", f"label=org.snapshot-ml.run.store={self.path / '.snap'}")

    def volumes(self) -> list[str]:
        """The volumes of this project's runs that the engine still has."""
        ids = [p.name.lower() for p in (self.path / ".snap/runs").glob("*")]
        return [v for v in self.docker("volume", "ls", "-q") if any(i in v for i in ids)]


class Gate:
    """Where a training waits until the test opens it, so that nothing depends on which of the two is quicker."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.place = folder / "open"
        self.options = ("--data", str(folder))
        """What `snap run` needs for it."""
        self.wait = f"while not os.path.exists({str(self.place)!r}): time.sleep(0.02)"
        """The line of the training; it takes `import os, time`."""

    def open(self) -> None:
        """Let the training go on."""
        self.place.touch()


@contextmanager
def open_to(user: int, env: Mapping[str, str], home: Path) -> Iterator[dict[str, str]]:
    """Let somebody who is not root reach an engine and what is in the folder of `home`, for as long as it takes.

    Gives what she has in her environment; `home` is made for her.
    """
    with alone("permissions"):  # or the one that ends first would take them from the other
        yield from _open_to(user, env, home)


def _open_to(user: int, env: Mapping[str, str], home: Path) -> Iterator[dict[str, str]]:
    home.mkdir()
    os.chown(home, user, user)
    sock = Path(env["DOCKER_HOST"].removeprefix("unix://"))
    program = Path(env["PATH"].split(":")[0])
    before = {path: path.stat().st_mode & 0o7777 for path in (sock, *sock.parents, program, *home.parents)}
    try:
        sock.chmod(0o666)
        for path, mode in before.items():
            if path != sock:
                path.chmod(mode | 0o055)
        yield {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    finally:
        for path, mode in before.items():
            path.chmod(mode)


def complete(record: dict[str, Any]) -> None:
    """Every part of a record that a later rerun or comparison needs is there."""
    assert record["status"] == "finished"
    assert record["exit"]["code"] == 0
    assert record["code"]["digest"].startswith("sha256:")
    for key in ("lock", "image", "reference", "base", "base_layers", "python"):
        assert record["platform"][key], key
    for key in ("hostname", "system", "kernel", "architecture", "cpu", "cpu_flags", "cores", "memory"):
        assert record["host"]["machine"][key], key
    assert record["host"]["engine"]
    assert record["started"] < record["ended"]
    assert record["usage"]["peak_memory"] > 10_000_000
    assert record["usage"]["cpu_seconds"] > 0.1


def no_image(lock: Lock) -> str:
    """For locking where there are no OS packages: no image is to be built."""
    raise AssertionError(f"an image with {len(lock.os_packages)} OS packages was to be built")


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def bring_base(source: Mapping[str, str], target: Mapping[str, str]) -> None:
    """Copy the bookworm base, with the tag that tells its content, from one engine to another."""
    image, *names = subprocess.run(
        ["docker", "image", "inspect", "-f", "{{.Id}}{{range .RepoTags}} {{.}}{{end}}", "snapshot-base:bookworm"],
        env=source,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert image
    bases = [name for name in names if name.startswith("snapshot-base:")]
    with subprocess.Popen(["docker", "save", *bases], env=source, stdout=subprocess.PIPE) as save:
        subprocess.run(["docker", "load", "-q"], env=target, stdin=save.stdout, check=True, capture_output=True)
