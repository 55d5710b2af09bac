"""The index of the store, `.snap/cache/index.sqlite`: what finished runs wrote and descend from. A cache, never the
truth: it is made from the records, and made anew when it is missing, damaged or of another version.

SQLite runs in its oldest mode: a rollback journal (`journal_mode=DELETE`) and nothing mapped into memory
(`mmap_size=0`). The faster one, WAL, needs memory that all processes share, which NFS does not give
(sqlite.org/wal.html, "All processes using a database must be on the same host computer"); this one needs nothing but
the locks of POSIX. Where these, or writing, can't be had, the index is in memory for as long as the command takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from snapshot import digest as digests
from snapshot.document import Value
from snapshot.errors import StoreError
from snapshot.project.names import from_text
from snapshot.record import summary
from snapshot.record.document import Run
from snapshot.record.summary import Summary

if TYPE_CHECKING:
    from snapshot.record.store import Store

T = TypeVar("T")

FILE = "index.sqlite"
_VERSION = 1
_AT_ONCE = 500
"""Runs taken in together, and digests asked for together: few enough for any SQLite, and for the memory."""
_TABLES = """
DROP TABLE IF EXISTS runs; DROP TABLE IF EXISTS outputs; DROP TABLE IF EXISTS parents;
CREATE TABLE runs(id TEXT PRIMARY KEY, name TEXT, summary BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX named ON runs(name) WHERE name IS NOT NULL;
CREATE TABLE outputs(sha256 BLOB, run TEXT, path TEXT, size INTEGER, PRIMARY KEY (sha256, run, path)) WITHOUT ROWID;
CREATE TABLE parents(parent TEXT, child TEXT, PRIMARY KEY (parent, child)) WITHOUT ROWID;
"""


class Written(Value, frozen=True):
    """An output that a finished run has kept."""

    run: str
    path: str
    """As the record has it."""
    size: int


class Index:
    """Answers about all runs of a store; nothing here raises for an index that can't be used, only for the records."""

    def __init__(self, store: Store, *, patience: float = 5.0) -> None:
        """Wait for another process that writes no longer than `patience` seconds."""
        self._store = store
        self._patience = patience
        self._path = store.cache / FILE
        self._db = self._connect()
        self._pending: list[Run] = []
        """The records that are not final, as `refresh` found them."""
        self.damaged: tuple[str, ...] = ()
        """Runs whose record `refresh` could not read, newest first."""

    def refresh(self) -> None:
        """Take in the runs that have finished since, and forget those that are gone; costs one listing if none has."""
        self._safely(self._refresh)

    def writers(self, sha256s: Collection[str]) -> dict[str, tuple[Written, ...]]:
        """The outputs that have these bytes, oldest first, by the digest as it was given: `sha256:…` or bare.

        Empty files are nobody's.
        """
        asked: dict[bytes, str] = {}
        for text in sha256s:
            with suppress(ValueError):
                asked[bytes.fromhex(digests.hex_of(text))] = text
        return {asked[sha256]: tuple(found) for sha256, found in self._safely(lambda: self._writers(asked)).items()}

    def content_path(self, sha256: str, size: int | None = None) -> Path | None:
        """A file under `outputs/` that had these bytes when its run ended; nobody has looked since."""
        for written in self.writers([sha256]).get(sha256, ()):
            path = self._store.folder(written.run) / "outputs" / from_text(written.path)
            with suppress(OSError, ValueError):
                status = path.lstat()
                if status.st_size == written.size and not path.is_symlink() and size in (None, written.size):
                    return path
        return None

    def children(self, run_id: str) -> tuple[str, ...]:
        """The runs that descend from this one directly, oldest first; also those that still go on."""
        rows = self._ask("SELECT child FROM parents WHERE parent = ?", run_id)
        going = (run.id for run in self._pending if run_id in _parents(run))
        return tuple(sorted({*(child for (child,) in rows), *going}))

    def named(self, name: str) -> str | None:
        """The newest run of that name."""
        rows = self._ask("SELECT max(id) FROM runs WHERE name = ?", name)
        finished = {found for (found,) in rows if found}
        return max(finished | {run.id for run in self._pending if run.name == name}, default=None)

    def summaries(self) -> list[Summary]:
        """All runs whose record can be read, newest first."""
        found = self._safely(self._summaries)
        going = [summary.of(run) for run in self._pending]
        return sorted([*found, *going], key=lambda s: s.id, reverse=True) if going else found

    def faults(self, run: Run) -> list[str]:
        """What the index has otherwise than the record of a run that it knows; nothing for one that it doesn't."""
        try:
            rows = list(self._db.execute("SELECT summary FROM runs WHERE id = ?", (run.id,)))
            if not rows:
                return []
            right = rows[0][0] == _encoded(run) and all(
                list(self._db.execute("SELECT size FROM outputs WHERE sha256=? AND run=? AND path=?", row[:3]))
                == [(row[3],)]
                for row in _outputs(run)
            )
        except (sqlite3.DatabaseError, OverflowError) as problem:
            return [f"the index is damaged: {problem}"]
        return [] if right else [f"the index does not say what the record of run {run.id} says"]

    def rebuild(self) -> None:
        """Throw the index away and make it anew."""
        self._db.close()
        _remove(self._path)
        self._db = self._connect()
        self.refresh()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # Reading

    def _ask(self, question: str, *parameters: object) -> list[tuple[str, ...]]:
        return self._safely(lambda: self._db.execute(question, parameters).fetchall())

    def _writers(self, asked: Collection[bytes]) -> dict[bytes, list[Written]]:
        if len(asked) > _AT_ONCE:
            # Digests of a whole data set: one look at all that was ever written is cheaper.
            asked = {sha256 for (sha256,) in self._db.execute("SELECT sha256 FROM outputs")}.intersection(asked)
        found: dict[bytes, list[Written]] = {}
        for some in _batches(asked):
            marks = ",".join("?" * len(some))
            question = f"SELECT sha256, run, path, size FROM outputs WHERE sha256 IN ({marks}) ORDER BY run, path"
            for sha256, *rest in self._db.execute(question, some):
                found.setdefault(sha256, []).append(Written(*rest))
        return found

    def _summaries(self) -> list[Summary]:
        rows = [blob for (blob,) in self._db.execute("SELECT summary FROM runs ORDER BY id DESC")]
        # One list in msgpack: decoding 10,000 at once takes half of the time.
        return msgspec.msgpack.decode(b"\xdd" + len(rows).to_bytes(4, "big") + b"".join(rows), type=list[Summary])

    # Writing

    def _refresh(self) -> None:
        known = {run_id for (run_id,) in self._db.execute("SELECT id FROM runs")}
        busy, there = set(self._store.unfinished()), self._store.ids()
        pending: list[Run] = []
        damaged: list[str] = []
        new = (run_id for run_id in there if run_id not in known)
        for some in _batches(self._final(new, busy, pending, damaged)):
            self._take_in(some)
        if gone := known.difference(there):
            self._forget(gone)
        self._pending, self.damaged = pending, tuple(reversed(damaged))

    def _final(
        self, run_ids: Iterable[str], busy: Collection[str], pending: list[Run], damaged: list[str]
    ) -> Iterator[Run]:
        """The final records among these; the others are sorted into `pending` and `damaged`."""
        for run_id in run_ids:
            try:
                run = self._store.read(run_id)
                _encoded(run)
            except (StoreError, OSError, OverflowError):
                if run_id not in busy or self._store.has_record(run_id):
                    damaged.append(run_id)
                continue
            if run.id != run_id:
                damaged.append(run_id)
            elif run.exit is None or run_id in busy:
                pending.append(run)
            else:
                yield run

    def _take_in(self, runs: Iterable[Run]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for run in runs:
                self._db.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (run.id, run.name, _encoded(run)))
                self._db.executemany("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)", _outputs(run))
                pairs = [(parent, run.id) for parent in _parents(run)]
                self._db.executemany("INSERT OR REPLACE INTO parents VALUES (?, ?)", pairs)

    def _forget(self, run_ids: Iterable[str]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM runs WHERE id = ?", [(run_id,) for run_id in run_ids])
            self._db.execute("DELETE FROM outputs WHERE run NOT IN (SELECT id FROM runs)")
            self._db.execute("DELETE FROM parents WHERE child NOT IN (SELECT id FROM runs)")

    # Where it can't be used

    def _connect(self) -> sqlite3.Connection:
        if self._store.exists():
            for _ in range(2):
                with suppress(OSError):  # no such folder, and none can be made
                    try:
                        return _open(self._path, self._patience)
                    except sqlite3.DatabaseError as problem:
                        if _refused(problem):
                            break
                        _remove(self._path)
        return _fresh(sqlite3.connect(":memory:"))

    def _safely(self, action: Callable[[], T]) -> T:
        """`action`, once more with a new index if this one is damaged, or in memory if the file can't be used."""
        try:
            return action()
        except (sqlite3.DatabaseError, msgspec.MsgspecError) as problem:
            old = self._db
            if _refused(problem):
                self._db = _copied(old)
            else:
                _remove(self._path)
                self._db = self._connect()
            old.close()
        try:
            self._refresh()
            return action()
        except sqlite3.DatabaseError:
            self._db.close()
            self._db = _fresh(sqlite3.connect(":memory:"))
        self._refresh()
        return action()


def damage(path: Path) -> str | None:
    """What SQLite finds wrong with an index, reading all of it; nothing for one that is not there."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            ((said,),) = db.execute("PRAGMA integrity_check(1)")
    except (sqlite3.DatabaseError, ValueError) as problem:
        return None if _refused(problem) else str(problem).lower()
    return None if said == "ok" else str(said).lower()


def _refused(problem: Exception) -> bool:
    """Whether the system did not let us, rather than that the file is no index."""
    # The low byte is the primary code (sqlite.org/rescode.html).
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
    }


def _open(path: Path, patience: float) -> sqlite3.Connection:
    path.parent.mkdir(exist_ok=True)
    db = sqlite3.connect(path, timeout=patience, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("PRAGMA mmap_size=0")
        if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            _fresh(db)
    except BaseException:
        db.close()
        raise
    return db


def _fresh(db: sqlite3.Connection) -> sqlite3.Connection:
    """Empty tables; of two processes that make them, the second finds them made."""
    db.isolation_level = None
    with db:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            for statement in filter(str.strip, _TABLES.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {_VERSION}")
    return db


def _copied(db: sqlite3.Connection) -> sqlite3.Connection:
    """In memory, with what can be read of `db`."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with closing(memory.cursor()):
            db.backup(memory)
        return _fresh(memory)
    except sqlite3.DatabaseError:
        memory.close()
        return _fresh(sqlite3.connect(":memory:"))


def _remove(path: Path) -> None:
    for name in (path, path.with_name(path.name + "-journal")):
        with suppress(OSError):
            name.unlink()


def _encoded(run: Run) -> bytes:
    return msgspec.msgpack.encode(summary.of(run), order="sorted")


def _outputs(run: Run) -> Iterator[tuple[bytes, str, str, int]]:
    for output in run.outputs:
        with suppress(ValueError):
            if output.sha256 and 0 < output.size < 1 << 63:
                yield bytes.fromhex(digests.hex_of(output.sha256)), run.id, output.path, output.size


def _parents(run: Run) -> set[str]:
    return {parent.run for parent in run.parents} | {taken.run for taken in run.taken}


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while some := list(islice(iterator, _AT_ONCE)):
        yield some
