"""Outputs that earlier runs wrote too take their room once: a hard link, made only after all bytes were compared."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from snapshot.project.names import from_text
from snapshot.record.document import Run
from snapshot.record.index import Index
from snapshot.record.store import Store

_CHUNK = 1 << 20
_TRIED = 3
"""Earlier files with these bytes that are looked at: more than one only where somebody touched them."""


def share(store: Store, index: Index, run: Run) -> int:
    """Replace outputs of `run` by links to the same bytes of earlier runs; returns the bytes that this saved.

    Digests only say where to look: a copy that has rotten since never takes the place of a good one. Whatever can't be
    done leaves the file as it is.
    """
    outputs = [output for output in run.outputs if output.sha256 and output.size]
    writers = index.writers([output.sha256 for output in outputs if output.sha256])
    saved = 0
    for output in outputs:
        earlier = [w for w in writers.get(output.sha256 or "", ()) if w.run < run.id and w.size == output.size]
        kept = (_kept(store, written.run, written.path) for written in earlier[:_TRIED])
        mine = _kept(store, run.id, output.path)
        saved += output.size * any(_link(path, mine, store.folder(run.id)) for path in kept)
    return saved


def _kept(store: Store, run_id: str, path: str) -> Path:
    return store.folder(run_id) / "outputs" / from_text(path)


def _link(kept: Path, mine: Path, folder: Path) -> bool:
    """Put a link to `kept` in the place of `mine` if they are the same in all that counts."""
    temporary = folder / f".shared-{os.getpid()}"
    with suppress(OSError, ValueError):
        before, now = kept.lstat(), mine.lstat()
        if not _alike(before, now) or not _same_bytes(kept, mine):
            return False
        os.link(kept, temporary, follow_symlinks=False)
        try:
            temporary.replace(mine)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
        return True
    return False


def _alike(one: os.stat_result, other: os.stat_result) -> bool:
    return (
        stat.S_ISREG(one.st_mode)
        and one.st_ino != other.st_ino
        and (one.st_dev, one.st_size, one.st_mode, one.st_uid, one.st_gid)
        == (other.st_dev, other.st_size, other.st_mode, other.st_uid, other.st_gid)
    )


def _same_bytes(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(_CHUNK):
            if second.read(_CHUNK) != chunk:
                return False
        return not second.read(1)
