"""Containers of the base that run a script of ours and answer in JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from snapshot.document import Document, decode_json
from snapshot.errors import EngineError, ResolveError
from snapshot.host.container import Container, Mount, run_tool
from snapshot.host.files import make_dirs
from snapshot.host.pip_config import strip_credentials
from snapshot.lock import tools
from snapshot.lock.in_base_said import ABOUT

T = TypeVar("T", bound=Document)

LABEL = "org.snapshot-ml.role"


def container(
    image: str,
    script: str,
    *arguments: str,
    cache: Path,
    role: str,
    network: str,
    python: str | None = None,
    mounts: Sequence[Mount] = (),
) -> Container:
    """Runs `script` with the tools at /snap/tools and what is kept between calls at /snap/cache, as the caller.

    `python` is the version that `image` has; it matters to scripts that import one of the tools.
    """
    own = cache / "lock"
    make_dirs(own / "pycache")
    ours = (
        Mount(source=str(tools.folder(cache, python).resolve()), target="/snap/tools", read_only=True),
        Mount(source=str(own.resolve()), target="/snap/cache"),
    )
    return Container(
        image=image,
        command=("python3", f"/snap/tools/{script}", *arguments),
        user=f"{os.getuid()}:{os.getgid()}",
        # Without .pyc files pip alone takes a second to import; an empty value switches the base's setting off.
        environment=(
            ("PYTHONPYCACHEPREFIX", "/snap/cache/pycache"),
            ("PYTHONDONTWRITEBYTECODE", ""),
            ("PYTHONPATH", ""),
        ),
        labels=((LABEL, role),),
        mounts=tuple({mount.target: mount for mount in (*ours, *mounts)}.values()),
        network=network,
        stdin=True,
        remove=True,
    )


def ask(
    container: Container,
    kind: type[T],
    *,
    question: bytes = b"",
    doing: str,
    base: str,
    about: Callable[[str], None] = lambda _: None,
) -> T:
    """What the container answers; `doing` and `base` are for people, `about` hears which package it is at.

    Raises ResolveError for a base without Python, EngineError when there is no answer or none that can be read.
    """
    heard: list[str] = []

    def hear(line: str) -> None:
        if line.startswith(ABOUT):
            about(line.removeprefix(ABOUT))
        else:
            heard.append(line)

    done = run_tool(container, stdin=question, hear=hear)
    done = done._replace(stderr="\n".join(heard))
    if done.code == 0 and done.stdout:
        return decode_json(done.stdout.encode(), kind, where="the answer of the base", error=EngineError)
    if done.code in (126, 127) or ("python3" in done.stderr and "not found" in done.stderr):
        raise ResolveError(f"the base `{base}` has no `python3`", hint="choose a `base` that has Python 3.8 or newer")
    said = strip_credentials(done.last_words)
    raise EngineError(f"{doing} `{base}` broke off: {said}", hint="see `docker info` and try again")
