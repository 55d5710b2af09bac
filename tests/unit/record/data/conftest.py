from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snapshot.record.data.identity import Identifier, Identity
from snapshot.record.data.walk import look
from snapshot.record.document import Run
from tests.unit.record import records


def later() -> int:
    """A clock by which everything was written long ago, and nothing is racy."""
    return time.time_ns() + 10**10


class Data:
    """A folder of data, a store and a cache."""

    def __init__(self, place: Path) -> None:
        self.path, self.store, self.cache = place / "data", place / "store", place / "cache"
        self.path.mkdir()

    def write(self, name: str, text: str = "") -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def identifier(self, clock: Callable[[], int] = later, **how: object) -> Identifier:
        return Identifier(self.store, self.cache, clock=clock, **how)  # type: ignore[arg-type]

    def identity(self, clock: Callable[[], int] = later, **how: object) -> Identity:
        return self.identifier(clock, **how).identify(look(self.path))

    def known(self, **how: object) -> Identity | None:
        return self.identifier(**how).known(look(self.path))


@pytest.fixture
def data(tmp_path: Path) -> Data:
    made = Data(tmp_path)
    for name in ("b/1", "b/2", "a", "c"):
        made.write(name, name)
    return made


@pytest.fixture
def as_nobody() -> Iterator[Data]:
    """Data of a user whom permissions stop, as they don't stop root."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Data(Path(name))
        finally:
            if os.getuid() == 0:
                os.seteuid(0)


@pytest.fixture
def a_run() -> Run:
    """A record of a run that had no data."""
    return records.a_run()
