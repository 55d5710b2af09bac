"""The plugin that builds images. Builds ask for the builder `default`, which is the engine's own BuildKit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from snapshot.doctor.checks import error, note, of_error, ok
from snapshot.document import Value
from snapshot.finding import Finding
from snapshot.host import process
from snapshot.host.buildx import no_buildx

CHECK = "buildx"
SECONDS = 4
_FIELD = re.compile(r"^(Name|Driver):\s*(\S+)", re.MULTILINE)


class Builder(Value, frozen=True):
    """A builder as `docker buildx inspect` tells it."""

    name: str = ""
    driver: str = ""
    problem: str = ""


def look(environment: Mapping[str, str], *, engine_answers: bool) -> Iterator[Finding]:
    """The plugin, and the builder if there is an engine that has one."""
    done = process.run(["docker", "buildx", "version"], timeout=SECONDS)
    # A line as in `github.com/docker/buildx v0.17.1 257815a`.
    words = done.stdout.split()
    version = words[1] if done.code == 0 and len(words) > 1 else ""
    used = current = Builder()
    if version and engine_answers:
        used = _inspect("default")
        current = _inspect()
    yield from findings(version, used=used, current=current, environment=environment)


def findings(version: str, *, used: Builder, current: Builder, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What the `used` builder and the `current` one, that plain `docker buildx build` takes, are good for."""
    if not version:
        yield of_error(CHECK, no_buildx())
        return
    if used.problem or (used.driver and used.driver != "docker"):
        what = used.problem or f"its driver is `{used.driver}`, not `docker`"
        yield error(CHECK, f"the builder `default` can't be used: {what}", "see `docker buildx inspect default`")
    else:
        yield ok(CHECK, f"buildx {version}")
    if current.driver and current.driver != "docker":
        because = " (`BUILDX_BUILDER`)" if environment.get("BUILDX_BUILDER") == current.name else ""
        yield note(
            CHECK,
            f"the current builder is `{current.name}`{because} with the driver `{current.driver}`; "
            "snap builds with `default` all the same",
        )


def _inspect(*name: str) -> Builder:
    done = process.run(["docker", "buildx", "inspect", *name], timeout=SECONDS)
    fields: dict[str, str] = {}
    for key, value in _FIELD.findall(done.stdout):
        fields.setdefault(key, value)
    if done.code or "Driver" not in fields:
        return Builder(problem=" ".join(done.stderr.split()).removeprefix("ERROR: ") or "no reason given")
    return Builder(fields.get("Name", ""), fields["Driver"])
