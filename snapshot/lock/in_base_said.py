"""What goes wrong while resolving inside the base, in pip's words and ours; imported by `in_base_pip`."""

from __future__ import annotations

import logging
import sys
from typing import Any

SAID: list[str] = []
"""What pip said of its failure, and of pages that it could not get."""
FOLDERS: list[str] = []
"""Where requirements were written that stood in no file: nobody else's affair."""


ABOUT = "about: "
"""Begins a line on stderr that names the package it is about now; `snapshot.lock.inside` reads it."""


def about(name: str) -> None:
    """Tell the host, which shows it."""
    print(f"{ABOUT}{name}", file=sys.stderr, flush=True)


class NotAPackage(Exception):  # noqa: N818
    """A requirement that names a place rather than a package of an index."""


class NeedsSources(Exception):  # noqa: N818
    """Repositories and places of the host that have to be fetched first."""

    def __init__(self, needed: list[dict[str, str]]) -> None:
        super().__init__(", ".join(item["location"] for item in needed))
        self.needed = needed


class OtherBytes(Exception):  # noqa: N818
    """A file that is not the one whose hash its index or link gives."""


class NotBuilt(Exception):  # noqa: N818
    """A package whose own build fails while pip asks it for its metadata."""


class NoVersion(Exception):  # noqa: N818
    """pip's `DistributionNotFound`, and what there is for other platforms."""

    def __init__(self, problem: Exception, missing: list[dict[str, Any]]) -> None:
        super().__init__(str(problem))
        self.missing = missing


class NotFound(Exception):  # noqa: N818
    """Pins that no index has a file for."""

    def __init__(self, missing: list[dict[str, Any]]) -> None:
        super().__init__(", ".join(item["name"] for item in missing))
        self.missing = missing


class WrongHash(Exception):  # noqa: N818
    """A file that is none of those whose hashes the requirements give."""


class NoHash(Exception):  # noqa: N818
    """A package without a hash, where the requirements demand hashes."""


class Listener(logging.Handler):
    """Keeps what pip logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        SAID.append(record.getMessage())


def listen() -> None:
    """Hear why pages can't be had and why there is no solution, and nothing else, which is slow."""
    root = logging.getLogger()
    root.handlers = [Listener(level=logging.DEBUG)]
    root.setLevel(logging.WARNING)
    logging.getLogger("pip._vendor").setLevel(logging.ERROR)
    logging.getLogger("pip._internal.index.collector").addFilter(lambda record: "Could not fetch" in str(record.msg))
    logging.getLogger("pip._internal.index.collector").setLevel(logging.DEBUG)
    logging.getLogger("pip._internal.resolution.resolvelib.factory").setLevel(logging.INFO)


def output_of(problem: BaseException | None) -> list[str]:
    """What a build printed, which is in one of pip's errors, one behind the other: newer ones have it as one text."""
    while problem is not None:
        if lines := getattr(problem, "output_lines", None):
            return list(lines)
        context = str(getattr(problem, "context", None) or "")
        if "lines of output]" in context:
            return context.partition("lines of output]")[2].partition("[end of output]")[0].splitlines()
        problem = problem.__cause__
    return []


def failure(problem: Exception) -> dict[str, Any]:
    """What `snapshot.lock.explain` makes an error of."""
    cause = problem.__cause__
    # pip's newer errors say in two attributes what `str` of them leaves out.
    parts = (getattr(problem, "message", None), getattr(problem, "context", None))
    message, said = " ".join(str(part) for part in parts if part) or str(problem), SAID[-50:]
    for folder in FOLDERS:
        message, said = message.replace(folder, ""), [line.replace(folder, "") for line in said]
    return {
        "kind": type(problem).__name__,
        "bases": [kind.__name__ for kind in type(problem).__mro__],
        "message": message,
        "missing": getattr(problem, "missing", []),
        "output": [line.rstrip() for line in output_of(problem) or [str(cause or "")]][-200:],
        "cause": type(cause).__name__ if cause else "",
        "said": said,
    }
