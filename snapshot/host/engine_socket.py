"""Questions to the engine over its socket, where the answer is short: the SDK takes 70 ms to be imported for them.

Only where nothing is wrong; else the SDK is asked, which tells what is. HTTP is spoken by hand, since `http.client`
takes 10 ms more. https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from snapshot.host import trail
from snapshot.host.container import silent

DEFAULT = "unix:///var/run/docker.sock"
_OLDEST = (1, 42)
"""Docker 23's version of the API, which every answer names."""
_HEAD = re.compile(
    rb"HTTP/1\.[01] (?P<status>\d{3}) .*^Api-Version: (?P<major>\d{1,9})\.(?P<minor>\d{1,9})\r?$",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)


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


def info(*, timeout: float) -> Answer | None:
    """What `docker info` prints; see `_ask`."""
    return _ask("/info", timeout)


def _ask(path: str, timeout: float) -> Answer | None:
    """The engine's answer; None where its socket, or what it says, is none that is known here.

    Raises EngineError where it takes the connection and is silent for `timeout` seconds.
    """
    host = os.environ.get("DOCKER_HOST") or DEFAULT
    if not host.startswith("unix://"):
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(host.removeprefix("unix://"))
            # In 1.0 the answer comes in one piece, and its end is the connection's.
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        found = _HEAD.match(head)
        known = found and (int(found["major"]), int(found["minor"])) >= _OLDEST
        if found:
            trail.answered(f"GET engine {path.partition('?')[0]}", int(found["status"]))
        return Answer(int(found["status"]), json.loads(body)) if found and known else None
    except TimeoutError:
        raise silent(timeout) from None
    except (OSError, ValueError):
        return None
