"""What pages and trackers, which others see, do not say: values of variables and arguments that look like secrets."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeVar

import msgspec

from snapshot.project.names import to_text
from snapshot.record.document import Run
from snapshot.record.parameters import units
from snapshot.record.summary import Summary

R = TypeVar("R", Run, Summary)

_VARIABLES = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_ARGUMENTS = re.compile(
    r"(?:^|[-_.])(?:(?:api|access|secret|private|auth)[-_]?key|token|secret|passw(?:or)?d|passphrase|credentials?)$",
    re.IGNORECASE,
)
"""Narrower than for variables: `--max-tokens` and `--key-dim` are what results are compared by."""
_SECRET = re.compile(r"(?=.*[^\d.,])[\w.+/=:@-]{6,}")
"""What a secret given by name may be: no number, and no `<pad>`."""
_LONG = 16
"""Letters of a value that is looked at whatever its name."""


def told(run: R) -> R:
    """`run` as others are told of it."""
    argv = tuple(word for unit in units(run.command.argv) for word in _words(unit))
    parameters = {name: argument(name, value) for name, value in run.parameters.items()}
    known = msgspec.structs.replace(run, command=msgspec.structs.replace(run.command, argv=argv), parameters=parameters)
    if isinstance(known, Run):
        environment = {name: variable(name, value) for name, value in known.request.environment.items()}
        known = msgspec.structs.replace(known, request=msgspec.structs.replace(known.request, environment=environment))
    return known


def variable(name: str, value: str) -> str:
    """The value of an environment variable, or how it begins where its name or the value says that it is a secret."""
    return _hidden(value) if len(value) > 3 and (_VARIABLES.search(name) or _is_found(name, value)) else value


def argument(name: str, value: str) -> str:
    """The same for what a command was given under a name."""
    named = _ARGUMENTS.search(name) and _SECRET.fullmatch(value)
    return _hidden(value) if named or (len(value) >= _LONG and _is_found(name, value)) else value


def _words(unit: tuple[str, ...]) -> list[str]:
    option, *values = unit
    name, equals, value = option.partition("=")
    key = to_text(name.lstrip("-+"))
    if equals:
        first = name + equals + argument(key, value)
    else:
        first = option if option.startswith("-") else argument("word", option)
    return [first, *(argument(key, value) for value in values)]


def _hidden(value: str) -> str:
    from snapshot.share.secrets.scan import masked

    return f"{masked(value)}, not shown"


@lru_cache(4096)  # the runs of a project have most of them in common
def _is_found(name: str, value: str) -> bool:
    from snapshot.share.secrets.scan import scan

    return bool(scan("environment", f'{name}="{value}"\n'.encode(errors="replace")))
