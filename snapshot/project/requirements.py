"""What a project asks for, as a value: requirements to be resolved, or the pins of another tool's lock file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from snapshot.document import Value


class Need(Value, kw_only=True, frozen=True):
    """One package that another, or the project, needs (PEP 508, taken apart)."""

    name: str
    """Normalized (PEP 503)."""
    version: str | None = None
    """Where the lock file tells which of several versions is meant."""
    extras: tuple[str, ...] = ()
    marker: str | None = None


class PinnedFile(Value, kw_only=True, frozen=True):
    """A file that a lock file names: a wheel or an sdist."""

    name: str
    url: str | None = None
    """Absolute; None where the lock file gives only the name."""
    path: Path | None = None
    size: int | None = None
    sha256: str | None = None
    """64 hexadecimal digits."""


class Pin(Value, kw_only=True, frozen=True):
    """One package of another tool's lock file."""

    name: str
    """Normalized (PEP 503)."""
    version: str | None
    """None for a direct reference whose version the file does not tell."""
    marker: str | None = None
    hashes: tuple[str, ...] = ()
    """`sha256:…`: the files that will do; empty where the lock file gives none."""
    files: tuple[PinnedFile, ...] = ()
    """Where the lock file tells them."""
    index: str | None = None
    direct: str | None = None
    """A direct reference as pip writes it: `git+https://…@COMMIT`, the URL of an archive, `file:///…`."""
    needs: tuple[Need, ...] = ()
    extras: Mapping[str, tuple[Need, ...]] = msgspec.field(default_factory=dict)
    """What each extra needs on top."""


class Pins(Value, kw_only=True, frozen=True):
    """What another tool has resolved already: versions and hashes are kept."""

    packages: tuple[Pin, ...]
    roots: tuple[Need, ...] | None = None
    """What the project itself needs, where only what can be reached from there is installed; None: all packages whose
    markers hold."""


class Requirements(Value, kw_only=True, frozen=True):
    """What is to be installed, and everything that was read to know it."""

    source: str
    """Where it is written, for people: a file of the project, or `the configuration`."""
    lines: tuple[str, ...] = ()
    """Requirements in pip's notation; for a requirements file, its lines and those of what it includes."""
    implied: tuple[str, ...] = ()
    """Requirements beside those of `source`, which no file has."""
    pins: Pins | None = None
    """In place of resolving `lines`, which then only serve to tell whether something has changed."""
    file: Path | None = None
    """The requirements file that pip is to read; None when `lines` are all there is."""
    places: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Line → where it stands, as in `requirements.txt, line 2`."""
    files: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Path as seen from the project → sha256, of every file that was read."""
    folders: tuple[Path, ...] = ()
    """Folders of packages that the requirements name: `--find-links`, and indexes on disk."""
    requires_python: str | None = None
    """`[project].requires-python`, whatever file the requirements came from."""
    python: str | None = None
    """The Python version that the source itself names, as in `3.11`: `environment.yml`, `Pipfile`."""
    import_roots: tuple[str, ...] = ()
    """Folders, relative to the project, that `-e .` and its like would put on the import path: code, not packages."""
    passed_over: tuple[str, ...] = ()
    """What is there too and was not used, as in `setup.py`."""
    notes: tuple[str, ...] = ()
    """What to tell of the reading: a sentence each."""
