"""What a run that goes on has written by now. Its files may change at any moment, so that copies of them are read."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import msgspec

from snapshot.compare.pair import regular
from snapshot.compare.tally import IncomparableError
from snapshot.document import Value
from snapshot.project.names import from_text, to_text
from snapshot.record.document import Output, Run
from snapshot.record.metrics import reading
from snapshot.record.store import Store
from snapshot.run import workspace
from snapshot.run.outside import is_inside

MOST = 5000
"""Files and folders that are looked at."""
CHANGE = "so far"
"""In the place of what a finished record says of an output."""
_CHUNK = 1 << 20


class Seen(Value, frozen=True):
    """A file among what the run has written."""

    path: str
    """Relative to the project, as records have it."""
    top: Path
    """The folder of the overlay that it is in."""
    inner: str
    """Relative to that."""
    state: tuple[int, int, int]
    """Inode, size, and mtime in ns."""
    mode: int


@contextmanager
def so_far(store: Store, run: Run) -> Iterator[tuple[Run, Path]]:
    """`run` with outputs and metrics as they are now, and the folder with those outputs that were read for it.

    Of a run that has ended that is its record, and the folder of all its outputs.
    """
    if run.exit is not None:
        yield run, store.folder(run.id) / "outputs"
        return
    with tempfile.TemporaryDirectory(prefix="snap-so-far-") as folder:
        into = Path(folder)
        found = {one.path: one for one in seen(store, run)}
        outputs = {path: _output(one, one.state[1]) for path, one in found.items()}
        for output in islice(reading.chosen(outputs.values()), reading.MOST_FILES):
            with suppress(IncomparableError, OSError):
                outputs[output.path] = _output(found[output.path], _copied(found[output.path], into))
        read = reading.metrics_of(outputs.values(), lambda path: into / from_text(path))
        yield msgspec.structs.replace(run, outputs=tuple(outputs.values()), metrics=read), into


def seen(store: Store, run: Run, *, most: int = MOST) -> Iterator[Seen]:
    """The files that a run which goes on has written by now, in the order of their paths, as far as is looked at."""
    folders = [from_text(data.path) for data in run.data if data.kind == "folder" and is_inside(data)]
    for layer in workspace.layers(store.folder(run.id), folders):
        yield from islice(_files(layer.written, layer.path, most), most)


def _files(top: Path, prefix: str, most: int) -> Iterator[Seen]:
    for number, (folder, folders, names) in enumerate(os.walk(top)):
        folders.sort()
        if number > most:
            return
        for name in sorted(names):
            path = os.path.join(folder, name)
            with suppress(OSError):  # gone meanwhile
                found = os.stat(path, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    inner = os.path.relpath(path, top)
                    state = (found.st_ino, found.st_size, found.st_mtime_ns)
                    yield Seen(to_text(os.path.join(prefix, inner)), top, to_text(inner), state, found.st_mode)


def _output(one: Seen, size: int) -> Output:
    return Output(path=one.path, size=size, sha256=None, mode=stat.S_IMODE(one.mode), change=CHANGE)


def _copied(one: Seen, into: Path) -> int:
    """How many bytes: no more than it has now, however fast it grows."""
    target = into / from_text(one.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with regular(one.top, one.inner) as source, target.open("wb") as copy:
        left = min(os.fstat(source.fileno()).st_size, reading.LARGEST)
        while left and (piece := source.read(min(left, _CHUNK))):
            left -= copy.write(piece)
        return copy.tell()
