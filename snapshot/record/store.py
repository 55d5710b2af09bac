"""The store: `.snap/` in the project, plain files that explain themselves.

    .snap/runs/ID/run.json   the record            .snap/code/    what ran, kept once
    .snap/runs/ID/outputs/   what it wrote         .snap/data/    which files the data were
    .snap/runs/ID/log        what it printed       .snap/active/  runs that are not finished
    .snap/labels/            tags and notes        .snap/cache/   can be deleted at any time

A file in `active/` is there from before a run's container exists until after its record is final. Whoever looks
after the run holds a lock on it (flock), which the kernel lets go of when that process dies, however it dies: a file
that can be locked belongs to a run that nobody looks after.

`lock` is for all of it: whoever keeps code or labels holds it together with others, whoever removes what no run needs
holds it alone.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Self

import msgspec

from snapshot.document import Value, encode_json
from snapshot.errors import StoreError, UsageError
from snapshot.host.files import disk_errors, make_dirs, remove_tree, write_atomic
from snapshot.project.names import display
from snapshot.record import locks
from snapshot.record.document import Run, loads

FOLDER = ".snap"
VERSION = "1"

_README = """\
This folder is the memory of `snap run`: one folder for each run under runs/.

runs/ID/run.json       the record: command, code, data, platform, host, results (JSON)
runs/ID/snap.lock      the lock of the image that it ran in
runs/ID/log            what it printed
runs/ID/outputs/       the files that it wrote
runs/ID/gpu.csv        what its GPUs did, second by second
runs/ID/reads.json.gz  which files it opened
runs/ID/SHA256SUMS     digests of the files above, for `sha256sum -c SHA256SUMS`
runs/ID/verdict.json   whether it came to the same as the run that it repeats
runs/ID/noise.json     how far its results are apart when nothing changes
labels/ID.json         tags and notes that were given to the run afterwards
code/                  the project's files as they were when a run started, each content kept once;
                       the .json files list them, the .tar files hold them
data/                  which files the data folders had: `zcat FILE | tr '\\0' '\\n'` shows sha256, size and path;
                       `zcat FILE | sha256sum` gives the name of FILE, which is the folder's digest in the record
active/                runs that are not finished
bisect/                what `snap bisect` has found, and how far it is
cache/                 can be deleted at any time
lock                   held while something is kept or removed

`snap ls`, `snap show RUN`, `snap rm RUN` read and remove, `snap fsck` checks all of it, `snap gc` removes what no run
needs; nothing here is needed to run the project. Output files may be shared between runs as hard links: do not edit
them in place.
"""

_LATEST = re.compile(r"latest(?:~(\d{1,9}))?")
NO_NAME = re.compile(r"latest(~.*)?|\d+|\d{8}T\d*(-[0-9a-f]*)?")
"""What can't be the name or tag of a run: RUN takes it for something else."""
_numbers = itertools.count(int.from_bytes(os.urandom(2)))
"""One for each run that this process begins."""


class _Kind(Value, frozen=True):
    """Of a record, what it is for."""

    trial: str | None = None


class Claim:
    """The right to look after one unfinished run, held until the block ends or the process does."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        self._finished = False

    def finished(self) -> None:
        """Say that there is nothing left to look after."""
        self._finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._finished:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


class Store:
    """The runs of one project."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.path = project / FOLDER
        self.runs = self.path / "runs"
        self.active = self.path / "active"
        self.cache = self.path / "cache"

    def create(self) -> None:
        """Make the folder if it is not there; raises HostError where nothing can be written."""
        existed = self.exists()
        for folder in (self.runs, self.active, self.cache, self.path / "code"):
            make_dirs(folder)
        if existed:
            return
        write_atomic(self.path / ".gitignore", b"*\n", durable=False)
        write_atomic(self.path / "README", _README.encode(), durable=False)
        write_atomic(self.path / "version", f"{VERSION}\n".encode(), durable=False)

    def exists(self) -> bool:
        """Whether there is a store; raises StoreError when it is of a version whose files mean something else."""
        try:
            found = (self.path / "version").read_bytes().decode(errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if found != VERSION:
            raise StoreError(
                f"`{self.path}` is a store of version {display(found)}, and this program knows {VERSION}",
                hint="upgrade with `pip install --upgrade snapshot-ml`",
            )
        return True

    def lock_shared(self) -> AbstractContextManager[None]:
        """Keep others from removing what no record names yet: from before the code is kept until one does.

        Waits while the store is swept. Where nothing can be written it goes on without.
        """
        return locks.shared(self.path / "lock")

    def lock_exclusive(self, waiting: Callable[[], None] = lambda: None) -> AbstractContextManager[None]:
        """Be the only one at work; `waiting` is called once if that takes time.

        Raises HostError where nothing can be written or locked.
        """
        return locks.exclusive(self.path / "lock", waiting)

    def folder(self, run_id: str) -> Path:
        """Where everything about the run lies."""
        return self.runs / run_id

    def write(self, run: Run) -> None:
        """Put the record down so that a crash leaves the old one or the new one; a final one is on the disk then."""
        write_atomic(self.folder(run.id) / "run.json", encode_json(run), durable=run.exit is not None)

    def read(self, run_id: str) -> Run:
        """The record of the run with exactly this ID."""
        path = self.folder(run_id) / "run.json"
        try:
            return loads(path.read_bytes(), where=f"{FOLDER}/runs/{run_id}/run.json")
        except FileNotFoundError:
            raise StoreError(f"run `{run_id}` has no record") from None

    def has_record(self, run_id: str) -> bool:
        """Whether the run got as far as having a record."""
        return (self.folder(run_id) / "run.json").exists()

    def ids(self) -> list[str]:
        """The IDs of all runs, oldest first: they begin with the time."""
        with suppress(FileNotFoundError):
            return sorted(
                entry.name for entry in os.scandir(self.runs) if entry.is_dir() and not entry.name.startswith(".")
            )
        return []

    def all(self) -> Iterator[Run]:
        """The records that can be read, newest first; `damaged` has the others."""
        for run_id in reversed(self.ids()):
            with suppress(StoreError):
                yield self.read(run_id)

    def damaged(self) -> list[str]:
        """The IDs of runs whose record can't be read."""
        bad = []
        for run_id in self.ids():
            try:
                self.read(run_id)
            except StoreError:
                bad.append(run_id)
        return bad

    def find(self, text: str) -> str:
        """The ID of the run that `text` means: an ID, `latest`, `latest~1`, a tag, a name, or a unique prefix of an ID
        or of its last part, in this order. A name that several runs have means the newest of them.

        Raises UsageError when there is none, or when a prefix fits several.
        """
        ids = self.ids()
        if match := _LATEST.fullmatch(text):
            asked = (run_id for run_id in reversed(ids) if not self._is_trial(run_id))
            if meant := next(itertools.islice(asked, int(match[1] or 0), None), None):
                return meant
            raise UsageError(f"there is no run `{text}`: {_count(len(ids))}", hint="see `snap ls`")
        if text in ids:
            return text
        if not NO_NAME.fullmatch(text) and (named := self._named(text)):
            return named
        found = [i for i in ids if text and (i.startswith(text) or i.rpartition("-")[2].startswith(text))]
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(f"`{i}`" for i in found[:5])
            raise UsageError(f"`{text}` fits {len(found)} runs: {shown}", hint="type more of the ID")
        raise UsageError(f"there is no run `{text}`: {_count(len(ids))}", hint="see `snap ls`")

    def _is_trial(self, run_id: str) -> bool:
        """Whether it was trained to find something out; of a record, however long, no more is looked at."""
        with suppress(OSError, msgspec.DecodeError, RecursionError):
            data = (self.folder(run_id) / "run.json").read_bytes()
            return msgspec.json.decode(data, type=_Kind).trial is not None
        return False

    def _named(self, text: str) -> str | None:
        from snapshot.record import labels
        from snapshot.record.index import Index

        tagged = labels.tagged(self, text)
        if tagged and self.has_record(tagged):
            return tagged
        index = Index(self)
        index.refresh()
        return index.named(text)

    def claim(self, run_id: str) -> Claim:
        """Become the one who looks after a new run; its file in `active/` appears locked already."""
        path = self.active / run_id
        hidden = self.active / f".{run_id}"
        with disk_errors(path):
            descriptor = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        hidden.rename(path)
        return Claim(path, descriptor)

    def unfinished(self) -> list[str]:
        """The IDs of runs whose record is not final."""
        with suppress(FileNotFoundError):
            return sorted(entry.name for entry in os.scandir(self.active) if not entry.name.startswith("."))
        return []

    def abandoned(self) -> Iterator[tuple[str, Claim]]:
        """The unfinished runs that nobody looks after, each with the claim to it."""
        for run_id in self.unfinished():
            path = self.active / run_id
            try:
                descriptor = os.open(path, os.O_RDWR)
            except (FileNotFoundError, PermissionError):
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                continue
            if not path.exists():
                # Finished by somebody else between listing and locking.
                os.close(descriptor)
                continue
            yield run_id, Claim(path, descriptor)

    def clock(self) -> int:
        """The time of the store's file system in ns: what is changed from now on has a later ctime, or the same."""
        marker = self.active / f".clock-{os.urandom(4).hex()}"
        with disk_errors(marker):
            marker.touch()
            try:
                return marker.stat().st_ctime_ns
            finally:
                marker.unlink()

    def remove(self, run_id: str) -> None:
        """Forget a run; the folder is renamed first, so that half a run is never seen."""
        folder = self.folder(run_id)
        hidden = self.runs / f".removed-{run_id}"
        with disk_errors(folder), suppress(FileNotFoundError):
            folder.rename(hidden)
        with disk_errors(folder):
            (self.path / "labels" / f"{run_id}.json").unlink(missing_ok=True)
        remove_tree(hidden)


def container_of(run_id: str) -> str:
    """Name of the container of a run."""
    return f"snap-{run_id.lower()}"


def new_id(now: str) -> str:
    """An ID for a run asked at `now` (RFC 3339, UTC): sorts by time, ends in 4 random hexadecimal digits.

    Those are never the same twice in a process, which may begin several runs in one millisecond.
    """
    stamp = re.sub(r"[-:.]", "", now[:23])
    # Times an odd number, they look random and are all different up to 65,536 of them.
    return f"{stamp}-{next(_numbers) * 40503 % 65536:04x}"


def _count(number: int) -> str:
    return "the project has no runs yet" if number == 0 else f"the project has {number} run{'s' * (number > 1)}"
