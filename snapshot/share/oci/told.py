"""What the annotations of an image tell of its run, so that nothing has to be fetched to know it; and the way back.

https://github.com/opencontainers/image-spec/blob/main/annotations.md has those that are not ours.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

import msgspec

from snapshot.document import Value
from snapshot.image.dockerfile import LOCK_LABEL
from snapshot.record import summary
from snapshot.record.document import Command, Exit, Run, is_time
from snapshot.record.summary import Summary
from snapshot.share.oci.document import PREFIX, SCHEMA, VERSION

RUN = f"{PREFIX}run"
_NAME, _STATUS, _EXIT, _COMMAND = (f"{PREFIX}{key}" for key in ("name", "status", "exit", "command"))
_METRICS, _PARAMETERS, _OUTPUTS, _SECONDS = (
    f"{PREFIX}{key}" for key in ("metrics", "parameters", "outputs", "seconds")
)
_CREATED = "org.opencontainers.image.created"
_MOST = 24
"""Metrics and parameters that are told; the record has all."""
_LONGEST = 1000
_MOST_SECONDS = 1e10
_PREFIXES = {"module": "-m ", "command": "-- "}


class _Annotated(Value, frozen=True):
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


def of_run(run: Run) -> dict[str, str]:
    """What is told of `run`: nothing of its environment, its user or its host."""
    said = summary.of(run)
    told = {
        SCHEMA: VERSION,
        RUN: run.id,
        _STATUS: run.status,
        _COMMAND: _command_line(run.command)[:_LONGEST],
        _OUTPUTS: str(said.outputs),
        _METRICS: _some(said.metrics),
        _PARAMETERS: _some(said.parameters),
        LOCK_LABEL: run.platform.lock,
        f"{PREFIX}image": run.platform.image,
        f"{PREFIX}code": run.code.digest,
        f"{PREFIX}python": run.platform.python,
        _CREATED: run.created,
        "org.opencontainers.image.title": run.name or run.id,
        "org.opencontainers.image.description": "A training run with platform, code, record: `docker run` repeats it",
        "org.opencontainers.image.version": run.id,
        "org.opencontainers.image.base.name": run.platform.base,
    }
    if run.name:
        told[_NAME] = run.name
    if run.exit is not None:
        told[_EXIT] = json.dumps({"code": run.exit.code, "signal": run.exit.signal, "oom": run.exit.out_of_memory})
    if said.seconds is not None:
        told[_SECONDS] = f"{said.seconds:.3f}"
    if run.code.git is not None and run.code.git.commit:
        told["org.opencontainers.image.revision"] = run.code.git.commit
        told[f"{PREFIX}dirty"] = json.dumps(run.code.git.dirty)
    return told


def summary_of(told: Mapping[str, str]) -> Summary | None:
    """What a list of runs says of one, by its annotations; None when they are of no run. Nothing of it is certain."""
    if told.get(SCHEMA) != VERSION or not told.get(RUN) or not is_time(told.get(_CREATED, "")):
        return None
    return Summary(
        id=told[RUN],
        name=told.get(_NAME),
        status=told.get(_STATUS, ""),
        exit=_exit(_object(told, _EXIT)) if _EXIT in told else None,
        created=told.get(_CREATED, ""),
        started=None,
        ended=None,
        command=_command(told.get(_COMMAND, "")),
        outputs=int(_number(told.get(_OUTPUTS, "")) or 0),
        seconds=_number(told.get(_SECONDS, "")),
        parameters={key: str(value) for key, value in _object(told, _PARAMETERS).items()},
        metrics=_metrics(_object(told, _METRICS)),
    )


def annotations_of(data: bytes) -> dict[str, str]:
    """The annotations in the manifest of an image; none where it has no such."""
    try:
        return msgspec.json.decode(data, type=_Annotated).annotations
    except (msgspec.DecodeError, RecursionError):
        return {}


def _some(values: Mapping[str, object]) -> str:
    """The first of them, as JSON of a bounded length."""
    kept = {key: value for key, value in list(values.items())[:_MOST] if len(key) + len(str(value)) < _LONGEST}
    return msgspec.json.encode(kept).decode()


def _command_line(command: Command) -> str:
    return _PREFIXES.get(command.kind, "") + shlex.join(command.argv)


def _command(text: str) -> Command:
    kind = next((kind for kind, prefix in _PREFIXES.items() if text.startswith(prefix)), "script")
    bare = text.removeprefix(_PREFIXES.get(kind, ""))
    try:
        argv = tuple(shlex.split(bare))
    except ValueError:  # cut within quotes
        argv = (bare,)
    return Command(argv=argv, kind=kind, directory=".")


def _exit(said: Mapping[str, object]) -> Exit:
    code, signal = said.get("code"), said.get("signal")
    return Exit(
        code=code if isinstance(code, int) else None,
        signal=signal if isinstance(signal, str) else None,
        out_of_memory=said.get("oom") is True,
    )


def _object(told: Mapping[str, str], key: str) -> dict[str, object]:
    try:
        found = msgspec.json.decode(told.get(key, "{}"), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return {}
    return dict(list(found.items())[:_MOST])


def _metrics(said: Mapping[str, object]) -> dict[str, float | str]:
    """Those that are numbers, or texts as `nan` is one."""
    found: dict[str, float | str] = {}
    for key, value in said.items():
        if isinstance(value, str | float):
            found[key] = value
        elif isinstance(value, int) and abs(value) < _MOST_SECONDS**4:
            found[key] = float(value)
    return found


def _number(text: str) -> float | None:
    """A number of seconds or files; None where it is none that can be."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < _MOST_SECONDS else None
