"""Hashes of files that were read before: an SQLite file in the user's cache folder, never the truth.

A file counts as unchanged while size, mtime, ctime and inode are as they were; racy ones (see `walk`) are not kept.

The journal is SQLite's old one, which NFS can have (a WAL needs memory that all its users share), nothing is mapped,
and nothing is waited for (`synchronous=OFF`): each row has a checksum instead. A cache that is damaged is made anew;
locked, or where none can be, all goes on without.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import sqlite3

FILE = "data-hashes.sqlite"
LOCKS = "data-locks"
_VERSION = 1
_WAIT = 1.0
"""Seconds for another process's write, which takes milliseconds."""
_PENDING = 4 << 20
_MOST = 500 << 20
"""Bytes of a row that SQLite takes; a folder of more files is hashed each time."""
_POLL = 0.05
_SCHEMA = f"""
CREATE TABLE folders (method TEXT, path BLOB, entries BLOB, hashes BLOB, mark BLOB, PRIMARY KEY (method, path));
CREATE TABLE roots (method TEXT, path BLOB, settled BLOB, mark BLOB, PRIMARY KEY (method, path));
PRAGMA user_version = {_VERSION};
"""


class Settled(msgspec.Struct, frozen=True, array_like=True):
    """What a folder was found to be when nothing in it was in doubt."""

    fingerprint: str
    digest: str
    files: int
    bytes: int


class Cache:
    """The cache in `folder`; None, or one that can't be used, knows nothing and remembers nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._database: sqlite3.Connection | None = None
        self._rows: list[tuple[str, tuple[object, ...]]] = []
        self._size = 0

    def folder(self, method: str, path: bytes) -> tuple[bytes, bytes] | None:
        """Entries and hashes that `keep_folder` was given last."""
        row = self._row("SELECT entries, hashes, mark FROM folders WHERE method = ? AND path = ?", method, path)
        return (row[0], row[1]) if row else None

    def keep_folder(self, method: str, path: bytes, entries: bytes, hashes: bytes) -> None:
        """Remember a folder, or a file that is data on its own: `Stat`s in msgpack, 32 bytes of hash for each of them,
        zeros where they are not to be relied on.
        """
        if len(entries) + len(hashes) < _MOST:
            self._keep("folders", method, path, entries, hashes)

    def root(self, method: str, path: bytes) -> Settled | None:
        """What `settle` was given last."""
        row = self._row("SELECT settled, mark FROM roots WHERE method = ? AND path = ?", method, path)
        return msgspec.msgpack.decode(row[0], type=Settled) if row else None

    def settle(self, method: str, path: bytes, settled: Settled) -> None:
        """Remember the data at `path` as a whole."""
        self._keep("roots", method, path, msgspec.msgpack.encode(settled))

    def commit(self) -> None:
        """Write down what was to be remembered."""
        rows, self._rows, self._size = self._rows, [], 0
        if rows:
            self._try(lambda database: _write(database, rows))

    @contextmanager
    def alone(self, path: bytes, stopped: Callable[[], bool]) -> Iterator[bool]:
        """Be the only process that hashes the data at `path`; says whether another one was waited for."""
        descriptor = self._lock_file(path)
        if descriptor is None:
            yield False
            return
        try:
            yield _locked(descriptor, stopped)
        finally:
            os.close(descriptor)

    def _lock_file(self, path: bytes) -> int | None:
        if self._folder is None:
            return None
        place = self._folder / LOCKS / hashlib.sha256(path).hexdigest()[:16]
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            return os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return None

    def _keep(self, table: str, method: str, path: bytes, *values: bytes) -> None:
        row = (method, path, *values, _mark(method, path, *values))
        self._rows.append((f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row))
        self._size += sum(map(len, values))
        if self._size > _PENDING:
            self.commit()

    def _row(self, query: str, method: str, path: bytes) -> tuple[bytes, ...] | None:
        """The row, if its checksum, which comes last, says that it is as it was written."""
        row = self._try(lambda database: database.execute(query, (method, path)).fetchone())
        if row and all(isinstance(value, bytes) for value in row) and row[-1] == _mark(method, path, *row[:-1]):
            return tuple(row)
        return None

    def _try(self, ask: Callable[[sqlite3.Connection], Any]) -> Any:
        """What the database says; None without one. A damaged one is made anew, one that refuses is done without."""
        import sqlite3

        database = self._opened()
        try:
            return None if database is None else ask(database)
        except sqlite3.OperationalError:
            # Locked, or the disk is full: to ask again for every folder would take longer than to hash.
            self.close()
            self._folder = None
        except sqlite3.DatabaseError:
            self.close()
            _remove(self._place)
        return None

    def _opened(self) -> sqlite3.Connection | None:
        import sqlite3

        if self._database is None and self._folder is not None:
            try:
                self._database = _open(self._place)
            except (sqlite3.OperationalError, OSError):
                self._folder = None
            except sqlite3.DatabaseError:
                _remove(self._place)
                with suppress(sqlite3.Error, OSError):
                    self._database = _open(self._place)
        return self._database

    @property
    def _place(self) -> Path:
        assert self._folder is not None
        return self._folder / FILE

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None


def _open(place: Path) -> sqlite3.Connection:
    import sqlite3

    place.parent.mkdir(parents=True, exist_ok=True)
    # One thread at a time uses it, though not always the same.
    database = sqlite3.connect(place, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("journal_mode = DELETE", "synchronous = OFF", "mmap_size = 0"):
            database.execute(f"PRAGMA {pragma}")
        if _version(database) != _VERSION:
            database.execute("BEGIN IMMEDIATE")
            if _version(database) != _VERSION:  # nobody else has made it meanwhile
                for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    database.execute(f'DROP TABLE "{table}"')
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    database.execute(statement)
            database.execute("COMMIT")
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> object:
    return database.execute("PRAGMA user_version").fetchone()[0]


def _write(database: sqlite3.Connection, rows: list[tuple[str, tuple[object, ...]]]) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement, row in rows:
            database.execute(statement, row)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def _remove(place: Path) -> None:
    for suffix in ("", "-journal"):
        with suppress(OSError):
            place.with_name(place.name + suffix).unlink()


def _mark(method: str, path: bytes, *values: bytes) -> bytes:
    """The checksum of a row."""
    lengths = b" ".join(b"%d" % len(value) for value in values)
    return hashlib.sha256(b"\0".join((method.encode(), path, lengths, *values))).digest()


def _locked(descriptor: int, stopped: Callable[[], bool]) -> bool:
    """Wait for the lock as long as it takes, or until `stopped`; says whether there was a wait."""
    waited = False
    while not stopped():
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            waited = True
            time.sleep(_POLL)
        except OSError:  # a file system without locks
            break
    return waited
