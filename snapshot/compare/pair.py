"""An output that both runs have: its files, opened only as what the records say they are."""

from __future__ import annotations

import gzip
import os
import stat
import tempfile
import zlib
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import msgspec

from snapshot.compare.tally import IncomparableError, clip
from snapshot.compare.verdict import NOT_COMPARED, Compared, Tolerance
from snapshot.document import Value
from snapshot.project.names import display, from_text
from snapshot.record.document import Output

LARGEST, GROWTH = 1 << 30, 32
"""What is in a file of gzip may have so many bytes, or so many times those of the file."""
ELSE = "the store has something else in its place: see `snap fsck`"
_CHUNK = 1 << 20


class Pair(Value, kw_only=True, frozen=True):
    """An output of both."""

    outputs: tuple[Output, Output]
    folders: tuple[Path, Path]
    tolerance: Tolerance

    @property
    def path(self) -> str:
        """As the first run calls it."""
        return self.outputs[0].path

    def files(self) -> tuple[Path, Path]:
        """Where the bytes of both lie."""
        old, new = (folder / from_text(output.path) for folder, output in zip(self.folders, self.outputs, strict=True))
        return old, new

    def named(self, found: Compared) -> Compared:
        """What was found, with the name that the second run has for it, if that is another."""
        other = self.outputs[1].path
        if other == self.path:
            return found
        said = f"the rerun calls it {display(from_text(other))}"
        return msgspec.structs.replace(found, reason=f"{found.reason}; {said}" if found.reason else said)

    def not_compared(self, kind: str, reason: str) -> Compared:
        """Since that can't be done."""
        return Compared(path=self.path, verdict=NOT_COMPARED, kind=kind, reason=clip(reason))


Pickled: TypeAlias = tuple[Pair, str]
"""One whose files hold pickles, and their kind."""


def opened(folder: Path, output: Output) -> BinaryIO:
    """The bytes of an output in `folder`, which must be a file of the size that the record says.

    No link is followed: who made the record of a run that was taken in may have put any there.
    """
    file = regular(folder, output.path)
    if os.fstat(file.fileno()).st_size != output.size:
        file.close()
        raise IncomparableError(ELSE)
    return file


def regular(folder: Path, path: str) -> BinaryIO:
    """The file `path`, as records have it, in `folder`; IncomparableError for what is none, or behind a link."""
    top = os.path.realpath(folder)
    file = os.path.join(top, from_text(path))
    try:
        if os.path.realpath(os.path.dirname(file)) != os.path.dirname(file):
            raise IncomparableError(ELSE)
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise IncomparableError(f"the store can't give it: {os.strerror(problem.errno or 0).lower()}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IncomparableError(ELSE)
    return os.fdopen(descriptor, "rb")


def unpacked(file: BinaryIO, folder: Path) -> BinaryIO:
    """What is in a file of gzip, which says when it was written, and so is another in each run."""
    into = scratch(folder)
    most = max(LARGEST, GROWTH * os.fstat(file.fileno()).st_size)
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            while piece := packed.read(_CHUNK):
                if into.tell() + len(piece) > most:
                    raise IncomparableError(f"unpacked it has more than {most:,} bytes")
                into.write(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        into.close()
        raise IncomparableError("it can't be unpacked") from None
    except BaseException:
        into.close()
        raise
    into.seek(0)
    return into


def scratch(folder: Path) -> BinaryIO:
    """A file without a name, which is gone whatever happens: near the outputs, where there is most room."""
    where = folder if os.access(folder, os.W_OK) else None
    return cast(BinaryIO, tempfile.TemporaryFile(dir=where))
