"""What a kit says of itself, `kit.json`: `snap.kit/1`, documented in docs/reference/kit.md."""

from __future__ import annotations

from typing import Final, Literal

from snapshot.document import Document, check_schema, decode_json

SCHEMA: Final = "snap.kit/1"
FILE = "kit.json"
README = "README.md"
SUMS = "SHA256SUMS"
BASE = "base"
SOURCES = "sources"
DATA = "data"
LOCK = "opt/snap/snap.lock"


class Base(Document, kw_only=True, frozen=True):
    """The base image, in the folder `base`."""

    reference: str
    """As the Dockerfile names it."""
    name: str
    """As `docker load` names it."""
    layers: tuple[str, ...]
    """Diff IDs, lowest first."""


class Kit(Document, kw_only=True, frozen=True):
    """The document `kit.json`."""

    schema: Literal["snap.kit/1"] = SCHEMA
    run: str
    """The run's ID."""
    lock: str
    """Identity of the lock."""
    reference: str
    """Name and tag of the image that the Dockerfile builds."""
    image: str
    """Its ID, as the run had it: an engine with a `store` of the same kind builds the same."""
    store: str | None
    """Image store of the engine that the run had: overlay2, or overlayfs (containerd)."""
    base: Base
    data: bool
    """Whether the files of the data are here too."""


def loads(data: bytes, *, where: str) -> Kit:
    """The document in `data`; raises StoreError when it is damaged or of a newer version."""
    check_schema(decode_json(data, dict, where=where), SCHEMA, where=where)
    return decode_json(data, Kit, where=where)
