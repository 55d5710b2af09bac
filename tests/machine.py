"""What tests in several processes share of this machine."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKS = Path(tempfile.gettempdir()) / f"snapshot-tests-{os.getuid()}"


@contextmanager
def alone(what: str = "machine") -> Iterator[None]:
    """For what two of them can't do at once: install with apt, start the same engine, bootstrap a base."""
    LOCKS.mkdir(exist_ok=True)
    with (LOCKS / what).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
