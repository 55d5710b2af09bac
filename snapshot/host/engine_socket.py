"""Questions to the engine over its socket, where the answer is short: the SDK takes 70 ms to be imported for them.

Only where nothing is wrong; else the SDK is asked, which tells what is. https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from snapshot.host.container import silent

DEFAULT = "unix:///var/run/docker.sock"
_OLDEST = (1, 42)
"""Docker 23's version of the API, which every answer names."""


class Answer(NamedTuple):
    """What the engine says."""

    status: int
    value: Any


def image(reference: str, *, timeout: float) -> Answer | None:
    """What `docker image inspect` prints of one image, status 404 for none; see `_ask`."""
    return _ask(f"/images/{quote(reference, safe='/:')}/json", timeout)


def images(filters: Mapping[str, Sequence[str]], *, timeout: float) -> Answer | None:
    """The images that `docker image ls --filter` lists; see `_ask`."""
    return _ask(f"/images/json?{urlencode({'filters': json.dumps(filters)})}", timeout)


def _ask(path: str, timeout: float) -> Answer | None:
    """The engine's answer; None where its socket, or what it says, is none that is known here.

    Raises EngineError where it takes the connection and is silent for `timeout` seconds.
    """
    host = os.environ.get("DOCKER_HOST") or DEFAULT
    if not host.startswith("unix://"):
        return None
    connection = _Connection(host.removeprefix("unix://"), timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        value = json.loads(answer.read())
    except TimeoutError:
        raise silent(timeout) from None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return Answer(answer.status, value) if _is_known(answer.getheader("Api-Version", "")) else None


def _is_known(version: str) -> bool:
    major, _, minor = version.partition(".")
    return major.isdecimal() and minor.isdecimal() and (int(major), int(minor)) >= _OLDEST


class _Connection(HTTPConnection):
    """HTTP over the socket in the file system at `path`."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Called by the first request."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
