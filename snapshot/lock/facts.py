"""What a base image is: its Python, its system, and which markers and wheels hold in it; asked once for each image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from snapshot import digest
from snapshot.document import Document, decode_json, encode_json
from snapshot.errors import StoreError
from snapshot.host.files import make_dirs, write_atomic
from snapshot.lock import inside, tools
from snapshot.lock.document import OperatingSystem, Python


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
    # What is asked may change with what asks.
    path = cache / "bases" / tools.folder(cache).name / f"{digest.hex_of(image)}.json"
    try:
        return decode_json(path.read_bytes(), Facts, where=str(path))
    except (OSError, StoreError):
        pass
    asking = inside.container(image, "in_base_facts.py", cache=cache, role="facts", network="none")
    found = inside.ask(asking, Facts, doing="asking the base", base=reference)
    make_dirs(path.parent)
    write_atomic(path, encode_json(found), durable=False)
    return found
