"""Containers, started through the docker CLI.

`docker run` brings terminal handling and streaming with it, and it needs no import: that of the SDK (100 ms) overlaps
with the engine's own work instead of preceding it. Everything else is asked through the SDK, see `engine`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import BinaryIO

import msgspec

from snapshot.document import Value
from snapshot.errors import EngineError
from snapshot.host import process

START_HINT = 'start Docker, or bring up a private engine: `scripts/engine start; eval "$(scripts/engine env)"`'
UPGRADE_HINT = 'upgrade Docker, or bring up a private engine: `scripts/engine start; eval "$(scripts/engine env)"`'


class Mount(Value, kw_only=True, frozen=True):
    """One mount of a container."""

    target: str
    source: str | None = None
    """A path of the host; None for a volume of its own or a tmpfs."""
    kind: str = "bind"
    """`bind`, `volume` or `tmpfs`."""
    read_only: bool = False
    volume_options: tuple[tuple[str, str], ...] = ()
    """Options of the `local` volume driver: type, device and o, as mount(8) has them."""

    def argument(self) -> str:
        """The value of `--mount`: a CSV record, so values with commas or quotes are quoted as RFC 4180 says."""
        fields = [f"type={self.kind}", f"target={self.target}"]
        if self.source is not None:
            fields.append(f"source={self.source}")
        if self.read_only:
            fields.append("readonly")
        if self.volume_options:
            fields.append("volume-driver=local")
            fields += [f"volume-opt={key}={value}" for key, value in self.volume_options]
        return ",".join('"' + part.replace('"', '""') + '"' if set(part) & set(',"\n') else part for part in fields)


class Container(Value, kw_only=True, frozen=True):
    """What `docker run` is asked for."""

    image: str
    command: tuple[str, ...]
    name: str | None = None
    user: str | None = None
    workdir: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    network: str | None = None
    terminal: bool = False
    stdin: bool = False
    remove: bool = False
    options: tuple[str, ...] = ()
    """Further options of `docker run`, as it spells them."""
    entrypoint: str = ""

    def arguments(self) -> list[str]:
        """The command line: never pulls, runs under the engine's init, leaves signals to the caller."""
        out = ["docker", "run", "--pull=never", "--init", "--sig-proxy=false", "--entrypoint", self.entrypoint]
        for flag, value in (
            ("--name", self.name),
            ("--user", self.user),
            ("--workdir", self.workdir),
            ("--network", self.network),
        ):
            if value is not None:
                out += [flag, value]
        for key, value in self.environment:
            out += ["--env", f"{key}={value}"]
        for key, value in self.labels:
            out += ["--label", f"{key}={value}"]
        for mount in self.mounts:
            out += ["--mount", mount.argument()]
        out += ["--tty"] * self.terminal + ["--interactive"] * self.stdin + ["--rm"] * self.remove
        return [*out, *self.options, self.image, *self.command]


def run_tool(
    container: Container,
    *,
    stdin: bytes = b"",
    timeout: float | None = None,
    hear: Callable[[str], None] | None = None,
) -> process.Finished:
    """Run a short-lived container of ours to its end and keep what it prints; what breaks that off ends it too.

    `hear` is as in `process.run`.

    Raises EngineError when the engine could not start it (exit code 125 of `docker run`), HostError when it takes
    longer than `timeout` seconds.
    """
    return _to_its_end(container, lambda command: process.run(command, stdin=stdin, timeout=timeout, hear=hear))


def run_tool_into(container: Container, into: BinaryIO, *, most: int, timeout: float) -> process.Finished:
    """The same, with what it prints written to the file `into`, at most so many bytes.

    Raises as `run_tool` and `process.run_into` do.
    """
    return _to_its_end(container, lambda command: process.run_into(command, into, most=most, timeout=timeout))


def run_plain(options: Sequence[str], image: str) -> process.Finished:
    """`docker run` with `options` and nothing else, as anybody types it; what breaks that off ends the container too.

    Raises EngineError when the engine could not start it.
    """
    name = f"snap-plain-{os.urandom(6).hex()}"
    command = ("docker", "run", "--name", name, *options, image)
    return _named_to_its_end(name, lambda: process.run(command))


def _to_its_end(container: Container, run: Callable[[Sequence[str]], process.Finished]) -> process.Finished:
    name = container.name or f"snap-tool-{os.urandom(6).hex()}"
    arguments = msgspec.structs.replace(container, name=name).arguments()
    return _named_to_its_end(name, lambda: run(arguments))


def _named_to_its_end(name: str, run: Callable[[], process.Finished]) -> process.Finished:
    try:
        done = run()
    except (KeyboardInterrupt, process.SlowError, process.TalkativeError, OSError):
        # That the CLI is gone does not end its container.
        process.run(("docker", "rm", "--force", name))
        raise
    if done.code == 125:
        raise refused(done.stderr)
    return done


def refused(stderr: str) -> EngineError:
    """The engine's own words on why it did not start a container, as an error with what to do."""
    words = said(stderr)
    if _NO_PERMISSION.search(words):
        return EngineError("no permission to talk to the Docker engine", hint="join the `docker` group, or run as root")
    if _NO_ENGINE.search(words):
        return unreachable()
    if "No such image" in words or "Unable to find image" in words:
        return ImageMissingError(words)
    hint = next((hint for sign, hint in _HINTS if re.search(sign, words)), "see `docker info` and the engine's log")
    return EngineError(f"the engine did not start the container: {words}", hint=hint)


_NO_PERMISSION = re.compile(r"connect.*permission denied|permission denied.*(connect|\.sock)", re.IGNORECASE)
_NO_ENGINE = re.compile(
    r"cannot connect|failed to connect|daemon running|error during connect|unable to resolve docker endpoint"
    r"|unable to parse docker host|no such host",
    re.IGNORECASE,
)
_HINTS = (
    ("could not select device driver", "install `nvidia-container-toolkit` on this host, and restart Docker"),
    ("unresolvable CDI devices", "see `docker info` for the CDI devices that the engine has"),
    ("CDI device injection failed", "write the specification anew with `nvidia-ctk cdi generate`"),
    ("requirement error", "upgrade the NVIDIA driver, or lock packages that are built for an older CUDA"),
    ("unknown device", "see `nvidia-smi -L` for the GPUs of this host"),
    ("nvidia-container-cli", "see that `nvidia-smi` works on this host, and that the container toolkit is up to date"),
    ("executable file not found", "the image has no such program; a script of the project is run as `snap run SCRIPT`"),
    ("no space left on device", "free some space with `docker system prune`"),
    ("range of CPUs", "give `--cpus` a number in that range"),
    ("Minimum memory limit", "give `--memory` more, with its unit, as in `8g`"),
    (r"[Nn]etwork \S+ not found", "see `docker network ls`"),
    ("joining network namespace", "see `docker ps` for the containers that run"),
    ("is too old|is too new", UPGRADE_HINT),
    ("invalid argument", "see `snap run --help`"),
)


class ImageMissingError(EngineError):
    """The engine has no image of that name."""


_LOGGED = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")


def said(stderr: str) -> str:
    """The one line of the docker CLI's complaint that matters."""
    lines = []
    for line in map(str.strip, stderr.splitlines()):
        if line.startswith(("Usage:", "Run 'docker", "See 'docker")):
            break
        # The CLI's own log, as on an answer that it does not expect, begins with date and time.
        if line and not line.startswith("WARNING:") and not _LOGGED.match(line):
            lines.append(line)
    text = " ".join(lines).removeprefix("docker: ").removeprefix("Error response from daemon: ")
    return text.rstrip(".") or "no reason given"


def check_host() -> None:
    """Raises EngineError when DOCKER_HOST names nothing that can run a training of this host's files."""
    scheme, separator, _ = os.environ.get("DOCKER_HOST", "").partition("://")
    if separator and scheme not in ("unix", "tcp"):
        raise unreachable()


def unreachable() -> EngineError:
    """No engine answers."""
    where = os.environ.get("DOCKER_HOST")
    hint = START_HINT
    if where and not where.startswith("unix://"):
        hint = "correct or unset `DOCKER_HOST`; an engine of this host is `unix:///var/run/docker.sock`"
    return EngineError(f"no Docker engine answers at {where or 'its default socket'}", hint=hint)


def silent(seconds: float) -> EngineError:
    """An engine takes the connection and says nothing."""
    where = os.environ.get("DOCKER_HOST") or "its default socket"
    return EngineError(
        f"the Docker engine at {where} did not answer within {seconds} s",
        hint="look at its log, and restart it, as in `sudo systemctl restart docker`",
    )
