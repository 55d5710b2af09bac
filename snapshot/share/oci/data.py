"""The data that were pushed with a run, put beside it: each file is the one that the run had, or none is taken in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from snapshot import digest
from snapshot.errors import IntegrityError
from snapshot.host.files import disk_errors, make_dirs
from snapshot.project.names import display, from_text
from snapshot.record.data import manifest
from snapshot.record.document import Run
from snapshot.share import bundle, intake
from snapshot.share.oci.contents import Contents


def most(run: Run) -> tuple[int, int]:
    """How many bytes the data have, in how many files, by the record."""
    return sum(data.bytes or 0 for data in run.data), sum(data.files or 1 for data in run.data)


def lay_out(contents: Contents, run: Run, folder: Path) -> None:
    """Put the data of `run` into its `folder`, which has their lists.

    Raises IntegrityError when they are not what the record says, StoreError when a list is not there.
    """
    laid = _Laying(contents, folder / bundle.INPUTS)
    for data in run.data:
        path = from_text(data.target)[1:]
        if data.digest is None or data.identified != "content" or not bundle.is_inside(path):
            raise _impossible(from_text(data.path))
        try:
            if data.kind == "file":
                laid.file(path, digest.hex_of(data.digest), data.bytes or 0)
            else:
                laid.folder(path, manifest.read(folder, data.digest))
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise _impossible(path) from None


class _Laying:
    """Data on their way out of an archive."""

    def __init__(self, contents: Contents, root: Path) -> None:
        self._contents, self._root = contents, root

    def folder(self, path: str, entries: Iterable[manifest.Entry]) -> None:
        make_dirs(self._place(path))
        for one in entries:
            name = from_text(one.path)
            if not bundle.is_inside(name) or one.kind == "unreadable":
                raise _impossible(name)
            if one.kind == "file":
                self.file(f"{path}/{name}", one.sha256, one.size)
            else:
                self._link(f"{path}/{name}", one.sha256)

    def file(self, path: str, sha256: str, size: int) -> None:
        target = self._place(path)
        if intake.write(self._contents.content(path), target, size, display(path)) != digest.PREFIX + sha256:
            raise _different(path)

    def _link(self, path: str, sha256: str) -> None:
        text, target = self._contents.link(path), self._place(path)
        if hashlib.sha256(os.fsencode(text)).hexdigest() != sha256:
            raise _different(path)
        with disk_errors(target):
            target.symlink_to(text)

    def _place(self, path: str) -> Path:
        """Where it goes; its folder is there then, and no link leads out of it."""
        target = self._root / path
        if any((self._root / parent).is_symlink() for parent in bundle.parents(path)):
            raise _impossible(path)
        make_dirs(target.parent)
        return target


def _impossible(path: str) -> IntegrityError:
    return IntegrityError(f"the archive has data at `{display(path)}`, where no run can have them", hint="don't use it")


def _different(path: str) -> IntegrityError:
    return IntegrityError(
        f"`{display(path)}` of the data is not what the run had", hint="push it anew from where it was made"
    )
