"""The package indexes of the host's pip configuration: does each answer?

https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from snapshot.doctor.checks import Asked, error, note, of_error, ok, warning
from snapshot.errors import HostError, NetworkError
from snapshot.finding import Finding
from snapshot.host import pip_config
from snapshot.host.download import access_of, status
from snapshot.host.pip_config import PipConfig, strip_credentials

CHECK = "index"
SECONDS = 5
_CONFIGURED = "see `pip config debug` for where it is configured"
_PROJECT = "pip"
"""A project that a whole index has: its page is small, while the index's own may be tens of megabytes."""


def look(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Every index and find-links place of the configuration, asked side by side.

    Raises UsageError or HostError for a configuration that can't be read.
    """
    config = pip_config.read(environment)
    access = access_of(config)
    places = _indexes(config)
    if not places:
        yield note(CHECK, "pip is configured to use no index (`no-index`)")
    ask = partial(status, access=access, timeout=SECONDS)
    asked = [(url, Asked(partial(_answer, url, ask))) for url in places]
    until = time.monotonic() + SECONDS + 1
    for url, one in asked:
        try:
            yield judge(url, one.answer(until - time.monotonic()))
        except NetworkError as problem:
            yield of_error(CHECK, problem)
        except HostError:
            said = f"{strip_credentials(url)} does not answer within {SECONDS} s"
            yield error(CHECK, said, f"check the network and the proxy settings; {_CONFIGURED}")
    for link in config.listed("find-links"):
        yield from _folder(link)


def judge(url: str, code: int) -> Finding:
    """What the status `code` of an index means; 0 stands for a folder of this host that is there, -1 for none."""
    name = strip_credentials(url)
    if code in (0, 200):
        return ok(CHECK, f"{name} answers" if code else f"{name} is there")
    if code == -1:
        return error(CHECK, f"{name} is not there", _CONFIGURED)
    if code in (401, 403, 407):
        who = "the proxy" if code == 407 else name
        return error(CHECK, f"{who} refuses: {code}", "give pip credentials for it, in its configuration or `~/.netrc`")
    if code in (404, 410):
        return error(
            CHECK, f"{name} is no package index: {code}", f"correct the URL, which ends in `/simple`; {_CONFIGURED}"
        )
    if code >= 500 or code == 429:
        return error(CHECK, f"{name} is in trouble: {code}", "try again later, or name another index")
    return error(CHECK, f"{name} answers with the unexpected status {code}", _CONFIGURED)


def _indexes(config: PipConfig) -> tuple[str, ...]:
    if config.is_on("no-index"):
        return ()
    from pip._internal.models.index import PyPI

    first = config.options.get("index-url") or str(PyPI.simple_url)
    return tuple(dict.fromkeys((first, *config.listed("extra-index-url"))))


def _answer(url: str, ask: Callable[[str], int]) -> int:
    """The status of an index: of a project's page, or of its own where it has no such project."""
    if url.startswith("file:") or "://" not in url:
        return 0 if Path(_path(url)).is_dir() else -1
    code = ask(f"{url.rstrip('/')}/{_PROJECT}/")
    return ask(f"{url.rstrip('/')}/") if code == 404 else code


def _folder(link: str) -> Iterator[Finding]:
    """A find-links place; one on the network is no more than a page, and pip goes on without it."""
    if not link.startswith("file:") and "://" in link:
        return
    path = Path(os.path.expanduser(_path(link)))
    if not path.exists():
        yield warning(CHECK, f"the find-links place `{path}` is not there", _CONFIGURED)
    elif not os.access(path, os.R_OK):
        yield error(CHECK, f"no permission to read the find-links place `{path}`", f"see `ls -ld {path}`")
    else:
        yield ok(CHECK, f"find-links `{path}` is there")


def _path(link: str) -> str:
    import urllib.parse
    import urllib.request

    return urllib.request.url2pathname(urllib.parse.urlsplit(link).path) if link.startswith("file:") else link
