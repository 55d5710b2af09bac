"""What was asked of an export."""

from __future__ import annotations

from snapshot.document import Value


class Options(Value, kw_only=True, frozen=True):
    """The choices that whoever exports has."""

    all_code: bool = False
    with_data: bool = False
    with_packages: bool = False
    environment: tuple[str, ...] = ()
    """Variables whose values go along."""
    allowed: tuple[str, ...] = ()
    """Fingerprints of findings that are let through."""
