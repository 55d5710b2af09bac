"""What is wrong with a requirement before pip sees it, by file and line.

pip says where a line stands for some mistakes and not for others, and takes any text for a hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from snapshot.errors import UsageError
from snapshot.host.pip_config import strip_credentials
from snapshot.project.requirements import Requirements

_HASH = re.compile(r"\s--hash(?:\s*=\s*|\s+)(?P<value>\S+)")
_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_OPTIONS = re.compile(r"\s+--[a-z].*$", re.DOTALL)
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_PLACE = re.compile(r"[./\\~]|[^;@\[]*[/\\]|\S+\.(?:whl|zip|tar\.gz)(?:$|[\s\[;])|[a-z+]+:", re.IGNORECASE)
"""Begins as a path or an URL, which pip reads in its own way."""


def check(requirements: Requirements) -> None:
    """Raise UsageError for the first line that is no requirement; includes, options and paths are pip's affair."""
    for line in dict.fromkeys((*requirements.lines, *requirements.places)):
        for problem, hint in _problems(line):
            where = requirements.places.get(line, requirements.source)
            raise UsageError(f"{where}: {problem}", hint=hint)


def _problems(line: str) -> Iterator[tuple[str, str]]:
    for found in _HASH.finditer(line):
        kind, _, digits = found["value"].strip("'\"").partition(":")
        if kind not in _DIGITS or not re.fullmatch(f"[0-9a-f]{{{_DIGITS[kind]}}}", digits, re.IGNORECASE):
            yield f"`{found['value']}` is not a hash", "write it as `--hash=sha256:` and 64 hexadecimal digits"
    text = _OPTIONS.sub("", line).strip()
    if not text or text.startswith("-") or _VARIABLE.search(text):
        return
    if _PLACE.match(text):
        yield from _file_name(text, text)
        return
    yield from _notation(text)


def _notation(text: str) -> Iterator[tuple[str, str]]:
    """PEP 508's notation, where a semicolon with nothing behind it does no harm."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text.rstrip().rstrip(";"))
    except InvalidRequirement as problem:
        reason = str(problem).splitlines()[0].rstrip(".")
        hint = "write it as in `numpy>=2,<3`"
        if ";" in text.strip(";"):
            hint = 'write it as in `numpy>=2 ; python_version < "3.12"`'
        yield f"`{strip_credentials(text)}` is not a requirement: {reason[:1].lower()}{reason[1:]}", hint
        return
    if found.url:
        yield from _file_name(text, found.url)


def _file_name(text: str, location: str) -> Iterator[tuple[str, str]]:
    """A wheel's file name says what it is, or pip can't read it."""
    from urllib.parse import unquote, urlsplit

    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    path = urlsplit(location.split(" ")[0].split(";")[0]).path if "://" in location else location.split(";")[0].strip()
    name = unquote(path.rpartition("/")[2])
    if not name.endswith(".whl"):
        return
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        # pip takes a few names that the specification does not.
        if name.count("-") not in (4, 5):
            yield (
                f"`{strip_credentials(text)}`: `{name}` is not the name of a wheel",
                "give the wheel its own name back, as in `six-1.17.0-py2.py3-none-any.whl`",
            )
