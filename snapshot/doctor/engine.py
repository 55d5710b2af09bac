"""The Docker engine: is it one that runs can use, and do the two ways to it, SDK and CLI, lead to the same one?

`snap` asks an engine through the SDK, which knows `DOCKER_HOST` only, and starts containers with the docker CLI, which
follows its context too (https://docs.docker.com/engine/manage-resources/contexts/).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from snapshot.doctor.checks import error, note, ok, warning
from snapshot.doctor.info import Info, read
from snapshot.document import Value
from snapshot.errors import HostError, SnapshotError
from snapshot.finding import Finding
from snapshot.host import process
from snapshot.host.container import START_HINT, check_host
from snapshot.host.engine import Engine

CHECK = "engine"
SECONDS = 5
"""How long the CLI may take."""
CLOCK_SECONDS = 60
"""Two clocks that differ by more give records and logs whose times can't be compared."""
_STORES = ("overlay2", "overlayfs", "btrfs", "zfs", "fuse-overlayfs")
"""Image stores that share what images have in common; `vfs` copies it for each."""
_FRACTION = re.compile(r"(\.\d{1,6})\d*")


class Cli(Value, kw_only=True, frozen=True):
    """The docker CLI and the engine that it reaches."""

    info: Info
    context: str = ""
    endpoint: str = ""
    """Where that context leads, as in `unix:///run/user/1000/docker.sock`."""
    problem: str = ""
    """Why it reaches none."""


def ask(engine: Engine) -> Info:
    """What the engine says of itself; raises EngineError where a run would."""
    check_host()
    return read(engine.info())


def ask_cli() -> Cli:
    """The same through the CLI; raises HostError when there is none, or none that answers."""
    done = process.run(["docker", "info", "--format", "{{json .}}"], timeout=SECONDS)
    shown = process.run(["docker", "context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}"], timeout=2)
    name, _, endpoint = shown.stdout.strip().partition(" ")
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = {}
    info = read(found)
    return Cli(
        info=info, context=name, endpoint=endpoint, problem="" if info.id or info.version else _why(found, done.stderr)
    )


def clients(info: Info | None, cli: Cli) -> Iterator[Finding]:
    """Whether CLI and SDK talk to the same engine."""
    elsewhere = f"the docker CLI follows its context `{cli.context}` to {cli.endpoint or 'another engine'}"
    remedy = f"`export DOCKER_HOST={cli.endpoint}`" if cli.endpoint else "see `docker context ls`"
    if info is None:
        if not cli.problem:
            yield error(CHECK, f"{elsewhere}, which answers, and snap does not follow contexts", remedy)
    elif cli.problem:
        yield error(CHECK, f"the docker CLI does not reach the engine: {cli.problem}", "see `docker info`")
    elif info.id != cli.info.id:
        yield error(
            CHECK,
            f"{elsewhere}, and snap asks another one: containers would start where the images are not",
            f"{remedy}, or `docker context use default`",
        )


def findings(info: Info, *, where: str, hostname: str, kernel: str) -> Iterator[Finding]:
    """What the engine at `where` (DOCKER_HOST, or empty) is, seen from a host of that name and kernel."""
    secured = ", ".join(option.removeprefix("name=") for option in info.security) or "no security options"
    cgroup = f"cgroup v{info.cgroup or '?'} ({info.cgroup_driver or '?'})"
    said = f"Docker {info.version or 'of unknown version'}, {info.driver or 'unknown'} store, {cgroup}, {secured}"
    yield ok(CHECK, said)
    yield from _place(info, where, hostname, kernel)
    yield from _kind(info)
    for text in info.warnings:
        yield note(CHECK, f"the engine says: {text.removeprefix('WARNING: ').rstrip('.')}")


def clock(info: Info, now: datetime) -> Iterator[Finding]:
    """Whether the engine's clock shows the same time as ours."""
    try:
        there = datetime.fromisoformat(_FRACTION.sub(r"\1", info.time))
    except ValueError:
        yield note("clock", "the engine does not say what time it has")
        return
    seconds = abs((there if there.tzinfo else there.replace(tzinfo=UTC)) - now).total_seconds()
    if seconds > CLOCK_SECONDS:
        yield warning(
            "clock",
            f"the engine's clock and this host's differ by {seconds:.0f} s",
            "let both be set by NTP, as in `sudo timedatectl set-ntp true`",
        )
    else:
        yield ok("clock", "the engine has the time of this host")


def _place(info: Info, where: str, hostname: str, kernel: str) -> Iterator[Finding]:
    """An engine elsewhere does not see the project's files."""
    # The SDK has taken it for a URL already.
    host = urlsplit(where).hostname or "" if where.startswith("tcp:") else ""
    remote = bool(host) and host not in ("localhost", "::1") and not host.startswith("127.")
    if "Docker Desktop" in info.system:
        yield error(
            CHECK,
            "Docker Desktop runs containers in a virtual machine, which can't overlay files of the host",
            START_HINT,
        )
    elif info.name != hostname and ((info.kernel and info.kernel != kernel) or remote):
        yield error(
            CHECK,
            f"the engine runs on another machine (`{info.name or host}`), which does not see the project's files",
            START_HINT,
        )
    elif info.name and info.name != hostname:
        yield warning(
            CHECK,
            f"the engine's machine is named `{info.name}` and this one `{hostname}`: if this is a container, its files "
            "are not those that the engine sees",
            "run snap where the engine runs",
        )


def _kind(info: Info) -> Iterator[Finding]:
    if info.is_secured_by("rootless"):
        yield warning(
            CHECK,
            "the engine is rootless: a run is another user, who may lack permission to write",
            "use an engine that runs as root: `export DOCKER_HOST=unix:///var/run/docker.sock`",
        )
    if info.is_secured_by("userns"):
        yield warning(
            CHECK,
            "the engine remaps users (`userns-remap`): a run is another user, who may lack permission to write",
            "remove `userns-remap` from `/etc/docker/daemon.json` and restart Docker",
        )
    if info.driver and info.driver not in _STORES:
        yield warning(
            CHECK,
            f"the image store `{info.driver}` keeps a whole copy for every layer",
            'set `"storage-driver": "overlay2"` in `/etc/docker/daemon.json` and restart Docker',
        )


def _why(found: object, stderr: str) -> str:
    said = found.get("ServerErrors") if isinstance(found, dict) else None
    lines = [str(line) for line in said] if isinstance(said, list) else []
    return " ".join(" ".join(lines or [stderr]).split()).rstrip(".") or "no reason given"


def look(info: Info | None, problem: SnapshotError | None) -> Iterator[Finding]:
    """CLI against SDK; what stands in the way of the CLI is said once, where the SDK has said it already."""
    try:
        yield from clients(info, ask_cli())
    except HostError as failure:
        if problem is None or "PATH" in failure.message:
            yield error(CHECK, failure.message, failure.hint or "see `docker info`")
