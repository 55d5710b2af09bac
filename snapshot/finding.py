"""One thing that was looked at and what came of it: for checks that tell everything at once rather than the first."""

from __future__ import annotations

from typing import Literal

from snapshot.document import Document

Severity = Literal["ok", "note", "warning", "error"]


class Finding(Document, kw_only=True, frozen=True):
    """What a check found; `warning` is worth knowing, `error` is in the way."""

    check: str
    """What was looked at, in a word or two: `driver`."""
    severity: Severity
    message: str
    """Lower case, no full stop, as an error's."""
    remedy: str | None = None
    """An action; for warnings and errors."""
