"""What is asked of the outside, told to whoever listens (`--verbose`); without a listener nothing is put into words.

What may be a secret is left out: credentials in URLs, and the values of variables that a program is given.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

_listeners: list[Callable[[str], None]] = []
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_]\w*)=.*", re.DOTALL)
_ENGINE = "http+docker://localhost"
_LONGEST = 2_000
"""Letters of a command line: scripts and lists of files go on for pages."""


def listen(listener: Callable[[str], None]) -> None:
    """Tell `listener` from now on, in lines for people; each of them once, however often it is asked for."""
    if listener not in _listeners:
        _listeners.append(listener)


def program(command: Sequence[str], cwd: object = None) -> None:
    """A program that is started."""
    if _listeners:
        line = _without_credentials(shlex.join(_without_values(command)))  # before it is cut, which may be in one
        _tell(f"$ {line[:_LONGEST]}{'…' if len(line) > _LONGEST else ''}" + (f"  (in {cwd})" if cwd else ""))


def ended(name: str, code: int, seconds: float) -> None:
    """A program that ran to its end."""
    if _listeners:
        _tell(f"`{name}` ended with {code} after {seconds:.1f} s")


def answered(what: str, status: int, seconds: float | None = None) -> None:
    """A server, or the engine, that answered."""
    if _listeners:
        _tell(f"{what}: {status}" + ("" if seconds is None else f" after {seconds:.2f} s"))


def response(response: requests.Response, *unused: Any, **also_unused: Any) -> None:
    """The same, as a hook of `requests`; queries are left out, since they may be tokens."""
    if _listeners:
        where = (response.request.url or "").partition("?")[0].replace(_ENGINE, "engine ")
        answered(f"{response.request.method} {where}", response.status_code, response.elapsed.total_seconds())


def _without_values(command: Sequence[str]) -> list[str]:
    """`command` with the values of `--env NAME=VALUE` left out."""
    pairs = zip(("", *command), command, strict=False)
    return [_VARIABLE.sub(r"\g<name>=…", word) if before in ("--env", "-e") else word for before, word in pairs]


def _without_credentials(line: str) -> str:
    from snapshot.host.pip_config import strip_credentials

    return strip_credentials(line)


def _tell(line: str) -> None:
    for listener in _listeners:
        listener(_without_credentials(line))
