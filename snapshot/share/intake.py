"""A run that another store packed (`bundle`), taken into this one: all is checked first, then it is there at once.

What is checked: every file against the run's own sums, these against the record; the lock, the code, the results and
the lists of data against the digests in the record. Names lead nowhere out of the run's folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from snapshot import digest
from snapshot.errors import IntegrityError, UsageError
from snapshot.host.files import disk_errors, make_dirs, remove_tree
from snapshot.lock import document as lock_document
from snapshot.project.names import display, from_text
from snapshot.record import document, labels, sums
from snapshot.record.code import adoption, snapshots
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.data import manifest
from snapshot.record.document import Output, Run
from snapshot.record.labels import Origin
from snapshot.record.store import Store
from snapshot.share import bundle
from snapshot.share.bundle import CODE, HIDDEN, LINEAGE, OUTPUTS, RECORD

_ID = re.compile(r"\d{8}T\d{6,9}-[0-9a-f]{4,16}", re.ASCII)
_LARGEST = 1 << 28
"""Bytes of a document that is read whole."""
_LONGEST = 1 << 36
"""Bytes of a log."""
_ANOTHER = "get another copy"


class Source(Protocol):
    """The files of an archive."""

    def names(self) -> list[str]:
        """Their paths, sorted."""
        ...

    def content(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, some at a time; raises IntegrityError when there is no such file."""
        ...


def read_record(source: Source) -> Run:
    """The record in `source`; raises what `document.loads` raises, and IntegrityError for one that nobody can have."""
    run = document.loads(_read(source, f"{RECORD}/run.json"), where="`run.json` of the archive")
    if not _ID.fullmatch(run.id) or run.exit is None:
        raise IntegrityError("the archive's record is not that of a finished run", hint="don't use it")
    return run


def take_in(
    store: Store, source: Source, origin: Origin, more: Callable[[Path], None] = lambda folder: None
) -> tuple[Run, bool]:
    """Take the run of `source` into the store; False beside it when it is there already.

    `more` may put something into the run's folder, where the lists of its data are as they would be in a store.

    Raises IntegrityError when something is not what the record says, StoreError when it is of a newer version, and
    UsageError when another run has its ID. Nothing is there then.
    """
    run = read_record(source)
    store.create()
    if store.has_record(run.id):
        if (store.folder(run.id) / "run.json").read_bytes() != _read(source, f"{RECORD}/run.json"):
            raise UsageError(
                f"the project has another run `{run.id}`",
                hint="take it into another folder; if that one is not needed, `snap rm` it first",
            )
        return run, False
    with _prepared(store, run) as folder:
        intake = _Intake(store, source, run, folder)
        intake.documents()
        intake.results(origin.results)
        intake.lists()
        more(folder)
        # Before the run is there: nobody must take it for one that was made here, not even after a crash.
        labels.set_origin(store, run.id, origin)
        try:
            with store.lock_shared():
                intake.commit()
        except BaseException:
            with suppress(OSError):
                (store.path / labels.FOLDER / f"{run.id}{labels.SUFFIX}").unlink()
            raise
    return run, True


@contextmanager
def _prepared(store: Store, run: Run) -> Iterator[Path]:
    """A folder that is not seen as a run yet; gone unless it became one."""
    folder = store.runs / f".taken-{run.id}-{os.getpid()}"
    make_dirs(folder)
    try:
        yield folder
    finally:
        if folder.exists():
            remove_tree(folder)


class _Intake:
    """One run on its way into the store."""

    def __init__(self, store: Store, source: Source, run: Run, folder: Path) -> None:
        self._store, self._source, self._run, self._folder = store, source, run, folder
        self._names = frozenset(source.names())

    def documents(self) -> None:
        """The files of the run's folder, as its sums have them, and the records of its ancestors."""
        folder, run = self._folder, self._run
        for name in (*sums.FILES, sums.NAME):
            if f"{RECORD}/{name}" in self._names:
                self._copy(f"{RECORD}/{name}", folder / name)
        if problems := self._problems():
            raise IntegrityError(f"in the archive {problems[0]}", hint=_ANOTHER)
        lock = lock_document.read(folder / lock_document.FILE_NAME)
        if lock is None or lock.digest != run.platform.lock:
            raise IntegrityError("the archive's lock is not that of its record", hint=_ANOTHER)
        for name in sorted(self._names):
            if name.startswith(f"{LINEAGE}/"):
                self._ancestor(name)

    def _problems(self) -> tuple[str, ...]:
        """What of the documents is not as it was written down, or was not written down."""
        listed = (self._folder / sums.NAME).read_text(errors="replace") if (self._folder / sums.NAME).exists() else ""
        unlisted = [n for n in sums.FILES if (self._folder / n).exists() and f"  {n}\n" not in listed]
        return tuple(f"`{name}` has no digest" for name in unlisted) or sums.check_sums(self._folder)

    def _ancestor(self, name: str) -> None:
        run_id = name.removeprefix(f"{LINEAGE}/").removesuffix(".json")
        if not _ID.fullmatch(run_id) or document.loads(_read(self._source, name), where=f"`{name}`").id != run_id:
            raise IntegrityError(f"`{display(name)}` is not the record of that run", hint="don't use it")
        self._copy(name, self._folder / "lineage" / f"{run_id}.json")

    def results(self, came_along: bool) -> None:
        """What the run wrote, if it came along, and what `--from` had put in place."""
        outputs, taken = self._run.outputs, self._run.taken
        _check_paths([from_text(output.path) for output in outputs])
        _check_paths([from_text(one.target) for one in taken])
        for output in outputs if came_along else ():
            self._result(from_text(output.path), output)
        for one in taken:
            path = from_text(one.target)
            if self._copy(f"{CODE}/{path}", self._folder / bundle.TAKEN / path) != one.sha256:
                raise IntegrityError(f"`{display(path)}` is not what the record names", hint=_ANOTHER)

    def _result(self, path: str, output: Output) -> None:
        target = self._folder / "outputs" / path
        if output.link is not None:
            with disk_errors(target):
                make_dirs(target.parent)
                target.symlink_to(from_text(output.link))
            return
        got = self._copy(f"{OUTPUTS}/{path}", target, most=output.size)
        if got != output.sha256:
            raise IntegrityError(f"the result `{display(path)}` is not the one that the record names", hint=_ANOTHER)
        target.chmod(output.mode & 0o777 | 0o400)

    def lists(self) -> None:
        """The lists of the data, as far as the archive has them."""
        for found in self._data():
            self._copy(f"{RECORD}/data/{digest.hex_of(found)}{manifest.SUFFIX}", manifest.path(self._folder, found))
            if problems := manifest.verify(self._folder, found):
                raise IntegrityError(f"in the archive {problems[0]}", hint=_ANOTHER)

    def _data(self) -> list[str]:
        wanted = {data.digest for data in self._run.data if data.digest and data.kind == "folder"}
        return sorted(one for one in wanted if f"{RECORD}/data/{digest.hex_of(one)}{manifest.SUFFIX}" in self._names)

    def commit(self) -> None:
        """Keep the code and the lists, and then let the run be seen."""
        store, code = self._store, self._run.code
        found = snapshots.loads(_read(self._source, f"{RECORD}/code.json"), where="`code.json` of the archive")
        adoption.check(found, code.digest)
        adoption.adopt(store.path, found, code.digest, self._content)
        with disk_errors(store.path):
            make_dirs(store.path / manifest.FOLDER)
            for one in self._data():
                manifest.path(self._folder, one).replace(manifest.path(store.path, one))
            with suppress(FileNotFoundError):
                (self._folder / manifest.FOLDER).rmdir()
            self._folder.rename(store.folder(self._run.id))

    def _content(self, entry: CodeEntry) -> Iterator[bytes]:
        path = from_text(entry.path)
        taken = {from_text(one.target) for one in self._run.taken}
        return self._source.content(f"{HIDDEN}/{entry.sha256}" if path in taken else f"{CODE}/{path}")

    def _copy(self, name: str, target: Path, most: int = _LONGEST) -> str:
        """Copy a file, no more than `most` bytes of it; its digest."""
        make_dirs(target.parent)
        return write(self._source.content(name), target, most, display(name))


def _check_paths(paths: list[str]) -> None:
    """Raise IntegrityError where one leads out, is there twice, or lies below another, which may be a link."""
    known = set(paths)
    for path in paths:
        if not bundle.is_inside(path) or len(known) != len(paths) or known.intersection(bundle.parents(path)):
            raise IntegrityError(f"the record names `{display(path)}`, which no run can have", hint="don't use it")


def write(chunks: Iterator[bytes], target: Path, most: int, shown: str) -> str:
    """Write a file that is not there yet, of `most` bytes at most; its digest."""
    import hashlib

    hasher, size = hashlib.sha256(), 0
    with disk_errors(target), target.open("xb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise IntegrityError(f"`{shown}` is larger than it can be", hint="don't use it")
            hasher.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.PREFIX + hasher.hexdigest()


def _read(source: Source, name: str) -> bytes:
    data = b""
    for chunk in source.content(name):
        data += chunk
        if len(data) > _LARGEST:
            raise IntegrityError(f"`{display(name)}` is larger than it can be", hint="don't use it")
    return data
