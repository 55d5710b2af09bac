"""Where a command works: the project, its configuration, its runs, the engine."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from snapshot.cli import terminal
from snapshot.errors import HostError, SnapshotError, UsageError
from snapshot.host.engine import Engine
from snapshot.project.config import Configuration, load
from snapshot.project.root import find_root
from snapshot.record.store import Store

if TYPE_CHECKING:
    from snapshot.record.index import Index
    from snapshot.run.hashing import Hashing


MOST_LATER = 2 * 10**9
"""Bytes of data that a command hashes for a run whose `snap` died: a second or two."""


class Place:
    """The project around a working directory."""

    def __init__(self, cwd: Path, root: Path) -> None:
        self.cwd, self.root = cwd, root

    @classmethod
    def here(cls) -> Place:
        """The project that the working directory is in."""
        try:
            cwd = Path.cwd().resolve()
        except FileNotFoundError:
            raise UsageError("the working directory is gone", hint="`cd` to a folder that exists") from None
        try:
            home = Path.home()
        except RuntimeError:
            # Neither $HOME nor an entry in /etc/passwd.
            home = None
        return cls(cwd, find_root(cwd, home=home))

    @cached_property
    def config(self) -> Configuration:
        """Raises UsageError for a configuration that is wrong."""
        return load(self.root)

    @cached_property
    def cache(self) -> Path:
        """The user's cache folder."""
        from snapshot.host.files import user_cache

        return user_cache()

    def make_cache(self) -> Path:
        """The cache folder, made now; raises HostError where it can't be written to."""
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            if not os.access(self.cache, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise HostError(
                f"the cache folder `{self.cache}` can't be written to: {reason}",
                hint="set `XDG_CACHE_HOME` to a folder that can be",
            ) from None
        return self.cache

    @cached_property
    def engine(self) -> Engine:
        """Asked for the first time when it is needed."""
        return Engine()

    @cached_property
    def hashing(self) -> Hashing:
        """How data are identified."""
        return self._hashing(None)

    def _hashing(self, most: int | None) -> Hashing:
        from snapshot.run.hashing import Hashing

        return Hashing(cache=self._cache_if_any, draw=terminal.hashing, most=most)

    def _cache_if_any(self) -> Path | None:
        try:
            return self.cache
        except HostError:
            return None

    @cached_property
    def store(self) -> Store:
        """The runs of the project; those whose `snap` died are finished first."""
        store = Store(self.root)
        if store.exists() and store.unfinished():
            from snapshot.run.finish import recover

            with terminal.step("finishing runs that lost their `snap`"):
                recovered = recover(store, self.engine, self._hashing(MOST_LATER))
            for run_id, problem in recovered:
                if problem:
                    terminal.warn(f"run {run_id} can't be finished yet: {problem}")
                    continue
                terminal.note(f"run {run_id} had lost its `snap`; its record is finished now")
                self._judge(store, run_id)
        return store

    def _judge(self, store: Store, run_id: str) -> None:
        """What the `snap` that died did not come to: the verdict, if it was a rerun of a run that is still there."""
        run = store.read(run_id)
        if run.rerun and store.has_record(run.rerun):
            from snapshot.cli.rerun import judged, tolerances

            first = store.read(run.rerun)
            try:
                verdict = judged(store, first, run, tolerances(self.config, store, first))
            except SnapshotError as problem:
                terminal.warn(f"run {run_id} can't be compared with run {first.id}: {problem.message}")
            else:
                terminal.note(f"run {run_id} repeated run {first.id}: {verdict.verdict}")


@contextmanager
def held(store: Store, *, alone: bool) -> Iterator[None]:
    """The lock of the store: who only looks can do so beside others."""
    with ExitStack() as stack:
        with terminal.step("waiting for other `snap`"):
            stack.enter_context(store.lock_exclusive() if alone else store.lock_shared())
        yield


def index_of(store: Store) -> Index:
    """The index, up to date: the first time, all records are read."""
    from snapshot.record.index import Index

    index = Index(store)
    with terminal.step("reading the records"):
        index.refresh()
    return index
