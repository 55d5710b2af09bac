"""What the base answers when it is asked to resolve (`in_base.py`)."""

from __future__ import annotations

from snapshot.document import Document
from snapshot.lock import explain


class Found(Document, frozen=True, kw_only=True):
    """One package, and the file of it that the base would install."""

    name: str
    version: str
    file: str
    path: str | None
    url: str | None
    index: str | None
    sha256: str
    size: int | None
    requires_python: str | None
    yanked: str | None = None
    """Why, where the index has withdrawn it."""
    subdirectory: str | None = None
    source: str | None = None
    """Location of the repository that it is of."""
    dependencies: tuple[str, ...] = ()


class Needed(Document, frozen=True, kw_only=True):
    """What the host has to fetch and pack, and where it is asked for in pip's words."""

    location: str
    where: str


class Resolution(Document, frozen=True, kw_only=True):
    """What the requirements lead to."""

    packages: tuple[Found, ...]
    warnings: tuple[str, ...]
    needed: tuple[Needed, ...] = ()
    """What has to be fetched and packed before the question can be answered."""


class Answer(Document, frozen=True, kw_only=True):
    """All of it; a failure in place of a resolution."""

    resolution: Resolution | None = None
    failure: explain.Failure | None = None
