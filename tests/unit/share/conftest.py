"""A store with one run, and its kit."""

from pathlib import Path

import pytest

from snapshot.record.document import Run
from snapshot.record.store import Store
from tests.unit.share import kits


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "project").mkdir()
    return Store(tmp_path / "project")


@pytest.fixture
def run(store: Store) -> Run:
    return kits.kept(store)


@pytest.fixture
def kit(store: Store, run: Run, tmp_path: Path) -> Path:
    return kits.write(kits.entries(store, run), tmp_path / "kit")


@pytest.fixture
def packed(store: Store, run: Run, tmp_path: Path) -> Path:
    return kits.write(kits.entries(store, run), tmp_path / "kit.tar")


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """Where the run is taken in."""
    (tmp_path / "other").mkdir()
    return Store(tmp_path / "other")
