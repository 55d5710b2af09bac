"""The files in layers that somebody else made: read where they lie in the tars, and never written by their names."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from snapshot import digest
from snapshot.errors import IntegrityError
from snapshot.project.names import display

_MOST = 1_000_000
"""Files in a layer."""


class _Place(NamedTuple):
    tar: Path
    offset: int
    size: int


class Contents:
    """The files of some tars; what `intake.Source` is."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._links: dict[str, str] = {}

    def add(self, tar: Path) -> None:
        """Look up what is in `tar`; raises IntegrityError when it is none, or has a file that is here already."""
        try:
            with tarfile.open(tar, "r:", encoding="utf-8", errors="surrogateescape") as archive:
                for number, member in enumerate(archive):
                    self._take(tar, member, number)
                    archive.members = []  # type: ignore[attr-defined]  # they would only take memory
        except (tarfile.TarError, EOFError, ValueError) as problem:
            raise IntegrityError(
                f"a layer of the run is no tar that can be read: {problem}", hint="don't use it"
            ) from None

    def _take(self, tar: Path, member: tarfile.TarInfo, number: int) -> None:
        """Note where a file is; of folders the record tells, and a sparse file can be of any size."""
        if member.issparse() or number > _MOST or (member.isreg() and member.name in self._places):
            raise IntegrityError(
                f"the run has `{display(member.name)}`, which no run of `snap` has", hint="don't use it"
            )
        if member.isreg():
            self._places[member.name] = _Place(tar, member.offset_data, member.size)
        elif member.issym():
            self._links[member.name] = member.linkname

    def names(self) -> list[str]:
        """Their paths, sorted."""
        return sorted(self._places)

    def content(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, some at a time; raises IntegrityError when there is no such file, or a part of it."""
        place = self._places.get(path)
        if place is None:
            raise IntegrityError(f"the run lacks `{display(path)}`", hint="push it anew from where it was made")
        left = place.size
        with place.tar.open("rb") as file:
            file.seek(place.offset)
            while left:
                chunk = file.read(min(left, digest.CHUNK))
                if not chunk:
                    raise IntegrityError(
                        f"`{display(path)}` ends too early", hint="push it anew from where it was made"
                    )
                left -= len(chunk)
                yield chunk

    def read(self, path: str, most: int) -> bytes:
        """All of a file, which has no more than `most` bytes."""
        place = self._places.get(path)
        if place is not None and place.size > most:
            raise IntegrityError(f"`{display(path)}` is larger than it can be", hint="don't use it")
        return b"".join(self.content(path))

    def link(self, path: str) -> str:
        """What a symbolic link says; raises IntegrityError when there is none."""
        if path not in self._links:
            raise IntegrityError(f"the run lacks `{display(path)}`", hint="push it anew from where it was made")
        return self._links[path]

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self._places
