"""What a base image is: its Python, its system, and which markers and wheels hold in it; asked once for each image."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from snapshot import digest
from snapshot.document import Document, decode_json, encode_json
from snapshot.errors import EngineError, ResolveError, StoreError
from snapshot.host.container import Container, Mount, run_tool
from snapshot.host.files import make_dirs, write_atomic
from snapshot.lock import tools
from snapshot.lock.document import OperatingSystem, Python

LABEL = "org.snapshot-ml.role"


class Facts(Document, frozen=True, kw_only=True):
    """What an image is, for as long as it has its ID."""

    python: Python
    os: OperatingSystem
    markers: Mapping[str, str]
    """The marker environment (PEP 508). `platform_release` and `platform_version` are of the kernel it was asked on."""
    tags: tuple[str, ...]
    """The wheel tags that its Python installs, best first, as in `cp311-cp311-manylinux_2_36_x86_64`."""


def of(image: str, reference: str, *, cache: Path) -> Facts:
    """The facts of the image with the ID `image`, which goes by `reference` for people.

    They are kept in `cache`, since an ID never means anything else. Raises ResolveError for a base without a usable
    Python, EngineError when the engine fails.
    """
    folder = tools.folder(cache)
    # What is asked may change with what asks.
    path = cache / "bases" / folder.name / f"{digest.hex_of(image)}.json"
    try:
        return decode_json(path.read_bytes(), Facts, where=str(path))
    except (OSError, StoreError):
        pass
    found = _ask(image, reference, folder, cache)
    make_dirs(path.parent)
    write_atomic(path, encode_json(found), durable=False)
    return found


def _ask(image: str, reference: str, folder: Path, cache: Path) -> Facts:
    own = cache / "lock"
    make_dirs(own / "pycache")
    done = run_tool(
        Container(
            image=image,
            command=("python3", "/snap/tools/in_base_facts.py"),
            user=f"{os.getuid()}:{os.getgid()}",
            # Without .pyc files pip alone takes a second to import; an empty value switches the base's setting off.
            environment=(
                ("PYTHONPYCACHEPREFIX", "/snap/cache/pycache"),
                ("PYTHONDONTWRITEBYTECODE", ""),
                ("PYTHONPATH", ""),
            ),
            labels=((LABEL, "facts"),),
            mounts=(
                Mount(source=str(folder.resolve()), target="/snap/tools", read_only=True),
                Mount(source=str(own.resolve()), target="/snap/cache"),
            ),
            network="none",
            remove=True,
        )
    )
    if done.code == 0 and done.stdout:
        return decode_json(done.stdout.encode(), Facts, where="the answer of the base", error=EngineError)
    if done.code in (126, 127) or ("python3" in done.stderr and "not found" in done.stderr):
        raise ResolveError(
            f"the base `{reference}` has no `python3`", hint="choose a `base` that has Python 3.9 or newer"
        )
    last = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), f"exit {done.code}")
    raise EngineError(f"asking the base `{reference}` broke off: {last}", hint="see `docker info` and try again")
