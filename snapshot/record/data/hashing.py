"""Contents of files as sha256, on several cores: in threads, since hashlib and the system let go of Python's lock, and
many small files in processes.

A file is right when its stat after reading is what it was before; else it is read again, `TRIES` times at most. Files
that vanish, can't be read or keep changing are told of and never raise.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue

import msgspec

from snapshot.record.data.apart import Apart
from snapshot.record.data.walk import SAMPLED, Stat, stat_of

TRIES = 3
SAMPLE = 1 << 20
"""Bytes of head, middle and tail each that a sample has of a file."""
_BUFFER = 1 << 20
_AHEAD = 2 << 20
_BUFFERS_AHEAD = 8
_READ_AHEAD = 32 << 20
"""Larger files are read by one thread while another one hashes."""
_BATCH_FILES, _BATCH_BYTES = 64, 8 << 20
_FEW = 500
"""So many files are hashed before processes are started, which takes as long as hashing these."""
_NICE = 10
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO})
"""What opening or reading says of what is gone, or a link, folder or socket by now."""
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Odd(msgspec.Struct, frozen=True):
    """What came of a file that was not as the walk had seen it."""

    now: Stat | None = None
    """None: it is gone, or no file any more."""
    sha256: bytes | None = None
    problem: str | None = None


Outcome = bytes | Odd
"""The sha256 of a file that was as the walk saw it, or what came of it instead."""


class Batch(msgspec.Struct, frozen=True):
    """The outcomes of some files of a folder, in their order."""

    moment: int
    """Just before the first of them was read, ns."""
    outcomes: tuple[Outcome, ...]


class StoppedError(Exception):
    """The caller wanted no more."""


class Hasher:
    """Threads that hash files. `background`: few, and at low priority, since a training goes on beside them."""

    def __init__(
        self,
        *,
        sample: bool = False,
        background: bool = False,
        stopped: Callable[[], bool] = lambda: False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        cores = len(os.sched_getaffinity(0))
        # The weight of a nice process holds within its control group only, and containers have their own.
        self.threads = min(4, max(1, cores // 2)) if background else min(16, max(2, cores))
        self.files = self.bytes = 0
        self._sample, self._background, self._stopped, self._clock = sample, background, stopped, clock
        self._submitted = 0
        self._parts: list[Apart] = []
        self._count = threading.Lock()
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(self.threads, initializer=self._begin)

    def submit(self, folder: bytes, stats: Sequence[Stat]) -> list[Future[Batch]]:
        """Hash the files `stats` of `folder` (absolute, ends in `/`; or the file itself): small ones many at a time."""
        futures, rest = [], iter(stats)
        self._submitted += len(stats)
        for first in rest:
            size, batch = first.size, [first]
            while len(batch) < _BATCH_FILES and size < _BATCH_BYTES and (more := next(rest, None)):
                batch.append(more)
                size += more.size
            futures.append(self._pool.submit(self._hash, folder, batch))
        return futures

    def close(self) -> None:
        """End the threads; what has not begun is given up."""
        self._pool.shutdown(cancel_futures=True)
        for part in self._parts:
            part.close()

    def _begin(self) -> None:
        self._local.buffer = bytearray(_BUFFER)
        if self._background:
            lower_priority()

    def _hash(self, folder: bytes, stats: Sequence[Stat]) -> Batch:
        if self._stopped():
            raise StoppedError
        moment = self._clock()
        known = self._apart().ask(folder, stats) if self._submitted > _FEW and len(stats) > 1 else [None] * len(stats)
        outcomes = tuple(
            [sha256 or self._outcome(folder + seen.name, seen) for sha256, seen in zip(known, stats, strict=True)]
        )
        self._add(sum(seen.size for seen in stats if seen.size < _READ_AHEAD), files=len(stats))
        return Batch(moment, outcomes)

    def _apart(self) -> Apart:
        """The process that hashes small files for this thread."""
        found: Apart | None = getattr(self._local, "apart", None)
        if found is None:
            found = self._local.apart = Apart(_NICE if self._background else 0)
            self._parts.append(found)
        return found

    def _outcome(self, path: bytes, seen: Stat) -> Outcome:
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError as problem:
            return _unreadable(problem, seen)
        try:
            return self._settled(descriptor, seen)
        except OSError as problem:
            return _unreadable(problem, seen)
        finally:
            os.close(descriptor)

    def _settled(self, descriptor: int, seen: Stat) -> Outcome:
        before = seen
        for _ in range(TRIES):
            sha256 = self._sampled(descriptor, before) if self._sample else self._read(descriptor, before.size)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return Odd()
            now = stat_of(seen.name, status)
            if now == before:
                return sha256 if now == seen else Odd(now, sha256)
            before = now
            os.lseek(descriptor, 0, os.SEEK_SET)
        return Odd(before, problem="kept changing while it was read")

    def _read(self, descriptor: int, size: int) -> bytes:
        """The sha256 of what is left to read; of more than `size` bytes, which is wrong already, only some."""
        if size >= _READ_AHEAD:
            return self._read_ahead(descriptor, size)
        buffer: bytearray = self._local.buffer
        view = memoryview(buffer)
        count = os.readv(descriptor, (buffer,))
        digest = hashlib.sha256(view[:count])
        total = count
        while count and total <= size and not (total == size and count < _BUFFER):
            count = os.readv(descriptor, (buffer,))
            digest.update(view[:count])
            total += count
        return digest.digest()

    def _read_ahead(self, descriptor: int, size: int) -> bytes:
        free: SimpleQueue[bytearray | None] = SimpleQueue()
        full: SimpleQueue[tuple[bytearray, int] | OSError] = SimpleQueue()
        for _ in range(_BUFFERS_AHEAD):
            free.put(bytearray(_AHEAD))
        reader = threading.Thread(target=_reader, args=(descriptor, free, full, self._background))
        reader.start()
        digest, total = hashlib.sha256(), 0
        try:
            while not isinstance(item := full.get(), OSError):
                buffer, count = item
                if not count or total > size:
                    return digest.digest()
                if self._stopped():
                    raise StoppedError
                digest.update(memoryview(buffer)[:count])
                total += count
                self._add(count)
                free.put(buffer)
            raise item
        finally:
            free.put(None)
            reader.join()

    def _sampled(self, descriptor: int, seen: Stat) -> bytes:
        """The sha256 of size, head, middle and tail of a large file, of all bytes of another."""
        size = seen.size
        if size <= SAMPLED:
            return self._read(descriptor, size)
        digest = hashlib.sha256(b"%d\n" % size)
        for at in (0, (size - SAMPLE) // 2, size - SAMPLE):
            digest.update(os.pread(descriptor, SAMPLE, at))
        self._add(size)
        return digest.digest()

    def _add(self, count: int, files: int = 0) -> None:
        """Large files count as they are read, others when their batch is done."""
        with self._count:
            self.bytes += count
            self.files += files


def lower_priority() -> None:
    """Let all others go before this thread."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _reader(
    descriptor: int,
    free: SimpleQueue[bytearray | None],
    full: SimpleQueue[tuple[bytearray, int] | OSError],
    background: bool,
) -> None:
    """Fill free buffers until the end of the file, or until None comes."""
    if background:
        lower_priority()
    count = 1
    try:
        while count and (buffer := free.get()) is not None:
            count = os.readv(descriptor, (buffer,))
            full.put((buffer, count))
    except OSError as problem:
        full.put(problem)


def _unreadable(problem: OSError, seen: Stat) -> Odd:
    if problem.errno in _NO_FILE:
        return Odd()
    return Odd(seen, problem=(problem.strerror or type(problem).__name__).lower())
