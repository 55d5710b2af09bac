"""The lists of the files that data folders had: each is kept under the digest of its own bytes."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from snapshot import digest as digests
from snapshot.digest import CHUNK
from snapshot.project.names import display
from snapshot.record.fsck.fault import COPY, Fault, error, shown, some
from snapshot.record.gc import DATA
from snapshot.record.store import Store

SUFFIX = ".gz"


def check(store: Store, uses: Mapping[str, list[str]], told: Callable[[str], None]) -> Iterator[Fault]:
    """Each list, and whether those are there that runs name."""
    folder = store.path / DATA
    found = sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
    for number, path in enumerate(found):
        told(f"data, list {number + 1:,} of {len(found):,}")
        digest = digests.PREFIX + path.name.removesuffix(SUFFIX)
        if said := _wrong(path, digest):
            of_runs = f", the data of run {some(uses[digest])}," if digest in uses else ""
            yield error("data", f"{shown(store, path)}{of_runs} {said}", COPY)
    for digest in sorted(uses.keys() - {digests.PREFIX + path.name.removesuffix(SUFFIX) for path in found}):
        path = folder / f"{display(digests.hex_of(digest))}{SUFFIX}"
        yield error("data", f"{shown(store, path)}, the data of run {some(uses[digest])}, is gone", COPY)


def _wrong(path: Path, digest: str) -> str | None:
    found = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                found.update(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return "is damaged"
    except OSError as problem:
        return f"can't be read: {(problem.strerror or str(problem)).lower()}"
    return None if digests.PREFIX + found.hexdigest() == digest else "is not the list that it was"
