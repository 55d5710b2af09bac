"""What is looked at: this machine, seen from one folder by one user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from snapshot.document import Value
from snapshot.host.engine import Engine
from snapshot.project.root import COMMON_MARKS, OWN_MARKS


class Site(Value, kw_only=True, frozen=True):
    """The surroundings that every check is given."""

    root: Path
    """The project's folder, or the working directory where there is no project."""
    environment: Mapping[str, str]
    cache: Path | None
    """The user's cache folder, which need not be there; None for a user without a home."""
    engine: Engine
    now: datetime

    @property
    def is_project(self) -> bool:
        """Whether anything says that a project begins here."""
        return any((self.root / name).exists() for name in (*OWN_MARKS, *COMMON_MARKS))
