"""What `snap run` and `snap shell` ask of the engine: the options, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from snapshot.cli import completing
from snapshot.errors import UsageError
from snapshot.project.names import display
from snapshot.record.document import Request

_SIZE = re.compile(r"\d+(\.\d+)? ?[kmgtp]?i?b?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")

_F = TypeVar("_F", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--gpus",
        metavar="all|N|device=…",
        shell_complete=completing.gpus,
        help="GPUs for the run: all, the first N, or by index or UUID.",
    ),
    click.option(
        *("-e", "--env", "env"),
        multiple=True,
        metavar="K[=V]",
        shell_complete=completing.variables,
        help="Environment of the run; without V the caller's value.",
    ),
    click.option("--env-file", multiple=True, type=click.Path(exists=True, dir_okay=False), help="File of K=V lines."),
    click.option(
        "--data",
        multiple=True,
        metavar="PATH",
        shell_complete=completing.files,
        help="Data outside the project: read-only, at the same place.",
    ),
    click.option("--network", shell_complete=completing.networks, help="Network of the run, as `docker run` has it."),
    click.option("--offline", is_flag=True, help="No network: neither for the run nor for making its image."),
    click.option("--shm-size", help="Size of /dev/shm; half of the host's memory if not given, as on the host."),
    click.option("--memory", help="Limit of memory, as in `8g`."),
    click.option("--cpus", help="Limit of CPU time, as in `1.5`."),
)


def options(command: _F) -> _F:
    """The options that `request` understands, in this order, and `--data`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request(given: Mapping[str, Any], caller: Mapping[str, str]) -> Request:
    """The options `given` as the record keeps them; `caller` is the environment of `snap` itself.

    Raises UsageError for what the engine could not understand.
    """
    if given["offline"] and given["network"] not in (None, "none"):
        raise UsageError("`--offline` and `--network` contradict each other", hint="give one of them")
    environment: dict[str, str] = {}
    for name in given["env_file"]:
        environment |= _env_file(Path(name), caller)
    for item in given["env"]:
        environment |= _env(item, caller)
    for key, value in environment.items():
        stored(key, value, what=f"the value of `{display(key)}` in the environment")
    stored(given["network"] or "", what="`--network`")
    return Request(
        environment=environment,
        gpus=_gpus(given["gpus"]),
        network="none" if given["offline"] else given["network"],
        shm_size=_size("--shm-size", given["shm_size"]),
        memory=_size("--memory", given["memory"]),
        cpus=_cpus(given["cpus"]),
    )


def stored(*texts: str, what: str) -> None:
    """Raises UsageError when one of `texts` can't be kept in a record, which is UTF-8."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        shown = ", ".join(f"`{display(text)}`" for text in texts if not text.isascii())
        raise UsageError(f"{what} is not UTF-8: {shown}", hint="the record of a run holds only UTF-8") from None


def _gpus(text: str | None) -> str | None:
    if text is not None:
        from snapshot.run.gpus import wish

        wish(text)
    return text


def _size(option: str, text: str | None) -> str | None:
    if text is not None and not _SIZE.fullmatch(text):
        raise _refused(option, text, f"write a number and a unit (k, m, g), as in `{option} 8g`")
    return text


def _cpus(text: str | None) -> str | None:
    if text is not None and not (_NUMBER.fullmatch(text) and float(text) > 0):
        raise _refused("--cpus", text, "write a number above 0, as in `--cpus 1.5`")
    return text


def _refused(option: str, text: str, hint: str) -> UsageError:
    return UsageError(f"`{option}` does not take `{display(text)}`", hint=hint)


def _env(item: str, caller: Mapping[str, str]) -> dict[str, str]:
    key, separator, value = item.partition("=")
    if not _is_name(key):
        raise UsageError(
            f"`--env {display(item)}` does not begin with the name of a variable", hint="write `--env NAME=VALUE`"
        )
    if not separator and key not in caller:
        raise UsageError(f"`--env {item}` gives no value", hint=f"write `--env {key}=VALUE`, or export it first")
    return {key: value if separator else caller[key]}


def _env_file(path: Path, caller: Mapping[str, str]) -> dict[str, str]:
    """Lines of K=V, or K for the caller's value, as `docker run` reads them; raises UsageError with file and line."""
    try:
        # Editors of other systems put a mark before the first line and a carriage return behind each.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = problem.object[: problem.start].count(b"\n")
        raise UsageError(f"{path}:{before + 1}: not UTF-8", hint="save the file as UTF-8") from None
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        entry = line.removesuffix("\r")
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        key, separator, value = entry.partition("=")
        key = key.strip()
        if not _is_name(key) or "\0" in entry:
            raise UsageError(
                f"{path}:{number}: `{display(entry)}` is not `NAME=VALUE`", hint="write one NAME=VALUE on each line"
            )
        if separator or key in caller:
            found[key] = value if separator else caller[key]
    return found


def _is_name(key: str) -> bool:
    return bool(key) and key.isprintable() and not any(c.isspace() for c in key)
