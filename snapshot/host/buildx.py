"""Image builds through the `docker buildx` CLI: the SDK has no BuildKit (docker-py issue 2230)."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snapshot.errors import BuildError, EngineError, HostError
from snapshot.host import process
from snapshot.host.container import refused

TAIL = 12
"""Lines of a failing step's output that are worth showing."""
_LINE = re.compile(r"#(?P<number>\d+) (?P<rest>.*)")
_RUN = re.compile(r"\[(?:\S+ )?\s*(?P<index>\d+)/\d+\] RUN ")
_NO_BUILDX = ("is not a docker command", "unknown command: docker buildx", "unknown flag: --builder")
_NO_ENGINE = re.compile(
    r"cannot connect|connection refused|permission denied.*\.sock|connect: permission denied|daemon running",
    re.IGNORECASE,
)
_LOG = re.compile(r"\d+\.\d+ (?P<text>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What BuildKit says about one step of the Dockerfile, or about writing the image."""

    index: int | None
    """Position among the RUN instructions, from 0; None for writing the image."""
    state: str
    """`started`, `cached` or `done`."""


class Reader:
    """Reads `--progress=plain`, the one form that every version of buildx prints."""

    def __init__(self, report: Callable[[Step], None]) -> None:
        self.report = report
        self.steps: dict[str, int | None] = {}
        self.logs: dict[str, deque[str]] = {}
        self.tail: deque[str] = deque(maxlen=TAIL)
        self.failed: str | None = None
        self.reasons: list[str] = []

    def feed(self, line: str) -> None:
        """Take one line of output."""
        self.tail.append(line)
        if line.startswith(("ERROR", "error:")):
            self.reasons.append(line.split(": ", 1)[-1])
        match = _LINE.fullmatch(line)
        if not match:
            return
        number, rest = match["number"], match["rest"]
        run = _RUN.match(rest)
        if run:
            self._start(number, int(run["index"]) - 2)
        elif rest == "exporting to image":
            self._start(number, None)
        elif rest.startswith("ERROR"):
            self.failed = number
            self.reasons.append(rest.split(": ", 1)[-1])
        elif rest == "CACHED" or rest.startswith("DONE"):
            if number in self.steps:
                self.report(Step(index=self.steps[number], state="cached" if rest == "CACHED" else "done"))
        elif log := _LOG.fullmatch(rest):
            self.logs.setdefault(number, deque(maxlen=TAIL)).append(log["text"])

    def _start(self, number: str, index: int | None) -> None:
        # BuildKit names a step again when its output goes on after another's.
        if number not in self.steps:
            self.steps[number] = index
            self.report(Step(index=index, state="started"))

    def error(self) -> HostError | BuildError:
        """Why the build failed."""
        said = "\n".join((*self.tail, *self.reasons, *(self.logs.get(self.failed or "") or ())))
        if "no space left on device" in said.lower():
            return HostError(
                "no space left on the disk of the Docker engine",
                hint="free some with `docker system prune` or `docker builder prune`",
            )
        if any(words in said for words in _NO_BUILDX):
            return no_buildx()
        if _NO_ENGINE.search(said):
            return refused(said)
        log = self.logs.get(self.failed or "")
        if log:
            return BuildError("a step of the build failed:\n" + "\n".join(f"  {text}" for text in log))
        reason = self.reasons[-1] if self.reasons else " ".join(self.tail) or "no reason given"
        return BuildError(f"the image can't be built: {reason}")


def no_buildx() -> EngineError:
    """The docker CLI has no buildx plugin."""
    return EngineError(
        "docker has no buildx plugin",
        hint="install it (package `docker-buildx` of Debian, `docker-buildx-plugin` of Docker), "
        'or run `scripts/engine start --private; eval "$(scripts/engine env)"`',
    )


def build(
    dockerfile: Path,
    *,
    reference: str,
    contexts: Mapping[str, Path | str],
    epoch: int,
    no_cache: bool = False,
    report: Callable[[Step], None] = lambda _: None,
) -> None:
    """Build `dockerfile`, which needs no context but the named ones, into the engine's store as `reference`.

    Layers stay uncompressed: compressing takes longer than all the rest, is not the same in every version of
    BuildKit, and belongs to pushing. Nothing is named when it fails or is interrupted.
    """
    command = ["docker", "buildx", "build", "--builder", "default", "--progress=plain"]
    command += ["--provenance=false", "--sbom=false"]
    for name, folder in contexts.items():
        command += ["--build-context", f"{name}={folder}"]
    command += ["--build-arg", f"SOURCE_DATE_EPOCH={epoch}"]
    command += ["--output", f"type=image,name={reference},compression=uncompressed"]
    command += ["--no-cache"] * no_cache + ["-"]
    with dockerfile.open("rb") as file:
        _run(command, file.fileno(), report)


def build_folder(folder: Path, *, reference: str, report: Callable[[Step], None] = lambda _: None) -> None:
    """Build the Dockerfile in `folder`, with that as its context, as anybody does who types `docker buildx build`."""
    command = ["docker", "buildx", "build", "--load", "--progress=plain", "-t", reference, str(folder)]
    _run(command, None, report)


def _run(command: Sequence[str], stdin: int | None, report: Callable[[Step], None]) -> None:
    reader = Reader(report)
    running = process.start(command, stdin=stdin, stdout=process.PIPE, stderr=subprocess.STDOUT, own_group=True)
    assert running.stdout is not None
    try:
        for line in _lines(running.stdout):
            reader.feed(line)
        code = running.wait()
    except BaseException:
        stop(running)
        raise
    if code:
        raise reader.error()


def stop(running: subprocess.Popen[bytes]) -> None:
    """End a build as Ctrl-C would: BuildKit cancels it; what is not over in 10 s is killed."""
    running.send_signal(signal.SIGINT)
    try:
        running.wait(10)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def _lines(stream: Iterable[bytes]) -> Iterable[str]:
    for line in stream:
        yield line.decode(errors="replace").rstrip()
