"""The data of a run as files of a kit: each is the one that the run had, or the kit is not written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from snapshot import digest
from snapshot.errors import IntegrityError, UsageError
from snapshot.project.names import display, from_text
from snapshot.record.data import manifest
from snapshot.record.document import Data, Run
from snapshot.record.store import Store
from snapshot.share import bundle
from snapshot.share.entry import Entry
from snapshot.share.kit.commands import place_of_data


def check(run: Run) -> None:
    """Raise UsageError when it is not known, byte for byte, what the data of `run` were."""
    for data in run.data:
        if data.digest is None or data.identified != "content":
            raise UsageError(
                f"the data `{display(from_text(data.path))}` were not identified by their content, so nobody can tell "
                "whether they are what the run had",
                hint="leave out `--with-data`",
            )


def entries(store: Store, run: Run, place_of: Callable[[str], str] = place_of_data) -> Iterator[Entry]:
    """The data of `run`, of their places on this host; `place_of` says where what the run saw at a path goes.

    Raises IntegrityError where they are others now.
    """
    for data in run.data:
        place = bundle.kept_data(store, run, data) or data.place(store.project)
        target = place_of(from_text(data.target))
        if data.kind == "file":
            yield Entry(path=target, source=place, sha256=digest.hex_of(data.digest or ""))
        else:
            yield from _folder(store, data, place, target)


def _folder(store: Store, data: Data, place: Path, target: str) -> Iterator[Entry]:
    for one in manifest.read(store.path, data.digest or ""):
        path = from_text(one.path)
        if one.kind == "unreadable":
            raise _others(data)
        if one.kind == "file":
            yield Entry(path=f"{target}/{path}", source=place / path, sha256=one.sha256)
            continue
        link = os.readlink(place / path) if (place / path).is_symlink() else ""
        if hashlib.sha256(os.fsencode(link)).hexdigest() != one.sha256:
            raise _others(data)
        yield Entry(path=f"{target}/{path}", link=link)


def _others(data: Data) -> IntegrityError:
    path = display(from_text(data.path))
    return IntegrityError(f"the data `{path}` are not what the run had", hint=f"see `snap data verify {path}`")
