"""The index of the store, `.snap/cache/index.sqlite`: what finished runs wrote and descend from. A cache, never the
truth: it is made from the records, and made anew when it is missing, damaged or of another version.

SQLite runs in its oldest mode: a rollback journal (`journal_mode=DELETE`) and nothing mapped into memory
(`mmap_size=0`). The faster one, WAL, needs memory that all processes share, which NFS does not give
(sqlite.org/wal.html, "All processes using a database must be on the same host computer"); this one needs nothing but
the locks of POSIX. Where these, or writing, can't be had, the rest is in memory for as long as the command takes.

A write waits for the disk several times, so a few runs are not written down but read again by each command: only when
they have become many is it worth it.
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
from snapshot.project.names import to_text
from snapshot.record import summary
from snapshot.record.document import Run
from snapshot.record.summary import Summary

if TYPE_CHECKING:
    from snapshot.record.store import Store

T = TypeVar("T")

FILE = "index.sqlite"
_VERSION = 2
_AT_ONCE = 500
"""Runs taken in together, and digests asked for together: few enough for any SQLite, and for the memory."""
_WORTH_WRITING = 16
"""Runs that are not in the file yet: reading so many records takes a millisecond or two."""
_TABLES = (
    "CREATE TABLE {0}.runs(id TEXT PRIMARY KEY, name TEXT, summary BLOB NOT NULL) WITHOUT ROWID",
    "CREATE INDEX {0}.named ON runs(name) WHERE name IS NOT NULL",
    "CREATE TABLE {0}.outputs(sha256 BLOB, run TEXT, path TEXT, size INTEGER, PRIMARY KEY (sha256, run, path))"
    " WITHOUT ROWID",
    "CREATE TABLE {0}.parents(parent TEXT, child TEXT, PRIMARY KEY (parent, child)) WITHOUT ROWID",
    "CREATE TABLE {0}.reruns(first TEXT, run TEXT, PRIMARY KEY (first, run)) WITHOUT ROWID",
)
_NAMES = ("runs", "outputs", "parents", "reruns")
_FILE, _MEMORY = "main", "temp"
"""SQLite's names for the database in the file, and the one that this process alone has."""


class Written(Value, frozen=True):
    """An output that a finished run has kept."""

    run: str
    path: str
    """As the record has it."""
    size: int


class Index:
    """Answers about all runs of a store; nothing here raises for an index that can't be used, only for the records."""

    def __init__(self, store: Store, *, patience: float = 5.0, worth_writing: int = _WORTH_WRITING) -> None:
        """Wait for another process that writes no longer than `patience` seconds; write so many runs down together."""
        self._store = store
        self._patience, self._worth_writing = patience, worth_writing
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
        if len(sha256s) > _AT_ONCE:
            # Digests of a whole project or data set: one look at all that was ever written is cheaper.
            known = {sha256.hex() for (sha256,) in self._safely(self._every_output)}
            sha256s = [text for text in sha256s if digests.hex_of(text) in known]
        asked: dict[bytes, str] = {}
        for text in sha256s:
            with suppress(ValueError):
                asked[bytes.fromhex(digests.hex_of(text))] = text
        return {asked[sha256]: tuple(found) for sha256, found in self._safely(lambda: self._writers(asked)).items()}

    def children(self, run_id: str) -> tuple[str, ...]:
        """The runs that descend from this one directly, oldest first; also those that still go on."""
        rows = self._ask("SELECT child FROM all_parents WHERE parent = ?", run_id)
        going = (run.id for run in self._pending if run_id in _parents(run))
        return tuple(sorted({*(child for (child,) in rows), *going}))

    def reruns(self, run_id: str) -> tuple[str, ...]:
        """The runs that repeat this one, oldest first; also those that still go on."""
        rows = self._ask("SELECT run FROM all_reruns WHERE first = ?", run_id)
        going = (run.id for run in self._pending if run.rerun == run_id)
        return tuple(sorted({*(run for (run,) in rows), *going}))

    def named(self, name: str) -> str | None:
        """The newest run of that name."""
        rows = self._ask("SELECT max(id) FROM all_runs WHERE name = ?", to_text(name))
        finished = {found for (found,) in rows if found}
        return max(finished | {run.id for run in self._pending if run.name == name}, default=None)

    def summaries(self) -> list[Summary]:
        """All runs whose record can be read, newest first."""
        found = [*self._safely(self._summaries), *map(summary.of, self._pending)]
        return sorted(found, key=lambda s: s.id, reverse=True)

    def faults(self, run: Run) -> list[str]:
        """What the index has otherwise than the record of a run that it knows; nothing for one that it doesn't."""
        try:
            rows = list(self._db.execute("SELECT summary FROM main.runs WHERE id = ?", (run.id,)))
            if not rows:
                return []
            right = rows[0][0] == _encoded(run) and all(
                list(self._db.execute("SELECT size FROM main.outputs WHERE sha256=? AND run=? AND path=?", row[:3]))
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

    def _every_output(self) -> list[tuple[bytes]]:
        return self._db.execute("SELECT sha256 FROM all_outputs").fetchall()

    def _writers(self, asked: Collection[bytes]) -> dict[bytes, list[Written]]:
        found: dict[bytes, list[Written]] = {}
        for some in _batches(asked):
            marks = ",".join("?" * len(some))
            question = f"SELECT sha256, run, path, size FROM all_outputs WHERE sha256 IN ({marks}) ORDER BY run, path"
            for sha256, *rest in self._db.execute(question, some):
                found.setdefault(sha256, []).append(Written(*rest))
        return found

    def _summaries(self) -> list[Summary]:
        rows = [blob for (blob,) in self._db.execute("SELECT summary FROM all_runs")]
        # One list in msgpack: decoding 10,000 at once takes half of the time.
        return msgspec.msgpack.decode(b"\xdd" + len(rows).to_bytes(4, "big") + b"".join(rows), type=list[Summary])

    # Writing

    def _refresh(self) -> None:
        for name in _NAMES:
            self._db.execute(f"DELETE FROM {_MEMORY}.{name}")
        known = {run_id for (run_id,) in self._db.execute("SELECT id FROM main.runs")}
        # In this order: a run is claimed before it has a folder, so one that begins now is not taken for a dead one.
        there, busy = self._store.ids(), set(self._store.unfinished())
        pending: list[Run] = []
        damaged: list[str] = []
        if gone := known.difference(there):
            self._forget(gone)
        new = [run_id for run_id in there if run_id not in known]
        place = _FILE if len(new) - len(busy) >= self._worth_writing else _MEMORY
        for some in _batches(self._final(new, busy, pending, damaged)):
            place = self._take_in(some, place)
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

    def _take_in(self, runs: list[Run], place: str) -> str:
        """Put them there, or into the memory where that is refused; returns where the next ones belong."""
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE" if place == _FILE else "BEGIN")
                for run in runs:
                    self._add(run, place)
        except sqlite3.DatabaseError as problem:
            if place == _MEMORY or not _refused(problem):
                raise
            return self._take_in(runs, _MEMORY)
        return place

    def _add(self, run: Run, place: str) -> None:
        rows = [(run.id, run.name, _encoded(run))]
        pairs = [(parent, run.id) for parent in _parents(run)]
        self._db.executemany(f"INSERT OR REPLACE INTO {place}.runs VALUES (?, ?, ?)", rows)
        self._db.executemany(f"INSERT OR REPLACE INTO {place}.outputs VALUES (?, ?, ?, ?)", _outputs(run))
        self._db.executemany(f"INSERT OR REPLACE INTO {place}.parents VALUES (?, ?)", pairs)
        if run.rerun is not None:
            self._db.execute(f"INSERT OR REPLACE INTO {place}.reruns VALUES (?, ?)", (run.rerun, run.id))

    def _forget(self, run_ids: Iterable[str]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM main.runs WHERE id = ?", [(run_id,) for run_id in run_ids])
            self._db.execute("DELETE FROM main.outputs WHERE run NOT IN (SELECT id FROM main.runs)")
            self._db.execute("DELETE FROM main.parents WHERE child NOT IN (SELECT id FROM main.runs)")
            self._db.execute("DELETE FROM main.reruns WHERE run NOT IN (SELECT id FROM main.runs)")

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
        return _in_memory()

    def _safely(self, action: Callable[[], T]) -> T:
        """`action`, once more with a new index if this one is damaged, or in memory if the file can't be used."""
        for connect in (self._anew, _in_memory):
            try:
                return action()
            except sqlite3.DatabaseError as problem:
                self._db.close()
                self._db = _in_memory() if _refused(problem) else connect()
            except msgspec.MsgspecError:
                self._db.close()
                self._db = connect()
            with suppress(sqlite3.DatabaseError):
                self._refresh()
        return action()

    def _anew(self) -> sqlite3.Connection:
        _remove(self._path)
        return self._connect()


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
        return _with_tables(db)
    except BaseException:
        db.close()
        raise


def _in_memory() -> sqlite3.Connection:
    return _with_tables(sqlite3.connect(":memory:", isolation_level=None))


def _with_tables(db: sqlite3.Connection) -> sqlite3.Connection:
    """Tables in the file, empty if it is of another version; and in memory, with views of both together."""
    if not _is_ours(db):
        with db:
            db.execute("BEGIN IMMEDIATE")
            if not _is_ours(db):  # another process has not made them meanwhile
                for name in _NAMES:
                    db.execute(f"DROP TABLE IF EXISTS {_FILE}.{name}")
                for statement in _TABLES:
                    db.execute(statement.format(_FILE))
                db.execute(f"PRAGMA user_version = {_VERSION}")
    db.execute("PRAGMA temp_store=MEMORY")
    for statement in _TABLES:
        db.execute(statement.format(_MEMORY))
    for name in _NAMES:
        both = f"SELECT * FROM {_FILE}.{name} UNION ALL SELECT * FROM {_MEMORY}.{name}"
        db.execute(f"CREATE TEMP VIEW all_{name} AS {both}")
    return db


def _is_ours(db: sqlite3.Connection) -> bool:
    return bool(db.execute("PRAGMA user_version").fetchone()[0] == _VERSION)


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
