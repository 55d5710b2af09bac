"""Where a command works: the project, its configuration, its runs, the engine."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from snapshot.cli import terminal
from snapshot.host.engine import Engine
from snapshot.project.config import Configuration, load
from snapshot.project.root import find_root
from snapshot.record.store import Store


class Place:
    """The project around a working directory."""

    def __init__(self, cwd: Path, root: Path) -> None:
        self.cwd, self.root = cwd, root

    @classmethod
    def here(cls) -> Place:
        """The project that the working directory is in."""
        cwd = Path.cwd().resolve()
        return cls(cwd, find_root(cwd, home=Path.home()))

    @cached_property
    def config(self) -> Configuration:
        """Raises UsageError for a configuration that is wrong."""
        return load(self.root)

    @cached_property
    def cache(self) -> Path:
        """The user's cache folder: packages, tools; can be deleted at any time."""
        import platformdirs

        return platformdirs.user_cache_path("snapshot")

    @cached_property
    def engine(self) -> Engine:
        """Asked for the first time when it is needed."""
        return Engine()

    @cached_property
    def store(self) -> Store:
        """The runs of the project; those whose `snap` died are finished first."""
        store = Store(self.root)
        if store.exists() and store.unfinished():
            from snapshot.run.finish import recover

            for run_id, problem in recover(store, self.engine):
                if problem:
                    terminal.warn(f"run {run_id} can't be finished yet: {problem}")
                else:
                    terminal.note(f"run {run_id} had lost its `snap`; its record is finished now")
        return store
