"""What `snap verify --json` prints: `snap.handover/1`, documented in docs/reference/handover.md."""

from __future__ import annotations

from typing import Final, Literal

from snapshot.document import Document

SCHEMA: Final = "snap.handover/1"

OK, UNKNOWN, CHANGED, MISSING = "ok", "unknown", "changed", "missing"
_MOST = 3
"""Reasons that are told of several things of a kind."""
STATES: Final = (OK, UNKNOWN, CHANGED, MISSING)
"""The worst last."""

YES, HERE, NO = "yes", "here only", "no"

UNREADABLE: Final = "its record can't be read"
"""The reason of all that is not known then."""


class Standing(Document, kw_only=True, frozen=True):
    """How one thing that a run needs, or has left, stands."""

    state: str
    """ok, changed, missing, or unknown."""
    reason: str | None = None
    """What is wrong, or what is worth knowing."""
    hint: str | None = None
    """What to do; None where nothing is wrong."""

    @property
    def is_ok(self) -> bool:
        """Whether it is as it was."""
        return self.state == OK


class Row(Document, kw_only=True, frozen=True):
    """One run; None is what it does not have, or was not asked for."""

    run: str
    name: str | None = None
    tags: tuple[str, ...] = ()
    created: str | None = None
    record: Standing
    """The record, and what lies beside it: lock, log."""
    image: Standing
    code: Standing
    data: Standing | None = None
    weights: Standing | None = None
    """What earlier runs wrote and this one had as an input."""
    results: Standing | None = None
    archived: Standing
    """Whether a registry got it; what is only here counts as `missing`, and is nothing wrong."""
    build: Standing | None = None
    """Whether the lock still gives the image (`--build`)."""
    train: Standing | None = None
    """Whether it still trains to the same (`--train`)."""
    retrain: str
    """Whether somebody else could train it today: yes (from a registry), here only (from this machine), no, or
    unknown."""
    because: tuple[str, ...] = ()
    """What stands in the way."""

    @property
    def standings(self) -> dict[str, Standing]:
        """All of it by name, in the order of the table."""
        names = ("record", "image", "code", "data", "weights", "results", "archived", "build", "train")
        return {name: found for name in names if (found := getattr(self, name)) is not None}

    @property
    def wrong(self) -> dict[str, Standing]:
        """What is not as it should be; that no registry has it is nobody's fault."""
        found = {name: one for name, one in self.standings.items() if not one.is_ok and one.reason != UNREADABLE}
        return {name: one for name, one in found.items() if name != "archived" or one.state != MISSING}


class Handover(Document, kw_only=True, frozen=True):
    """The document."""

    schema: Literal["snap.handover/1"] = SCHEMA
    created: str
    """RFC 3339 in UTC."""
    driver: str | None = None
    """Only runs that used a GPU under another driver than this one are here (`--changed-since-driver`)."""
    fine: bool
    """Whether nothing is wrong with any of them."""
    runs: tuple[Row, ...]
    """Newest first."""


def ok(reason: str | None = None) -> Standing:
    """As it was."""
    return Standing(state=OK, reason=reason)


def unknown(reason: str, hint: str | None = None) -> Standing:
    """Not to be found out."""
    return Standing(state=UNKNOWN, reason=reason, hint=hint)


def changed(reason: str, hint: str | None = None) -> Standing:
    """There, and not what it was."""
    return Standing(state=CHANGED, reason=reason, hint=hint)


def missing(reason: str, hint: str | None = None) -> Standing:
    """Not there."""
    return Standing(state=MISSING, reason=reason, hint=hint)


def together(found: tuple[Standing, ...]) -> Standing | None:
    """Several things as one, as bad as the worst of them; None for nothing."""
    if not found:
        return None
    worst = max(found, key=lambda one: STATES.index(one.state))
    reasons = list(dict.fromkeys(one.reason for one in found if one.reason and one.is_ok == worst.is_ok))
    said = "; ".join(reasons[:_MOST]) + (f"; and {len(reasons) - _MOST} more" if len(reasons) > _MOST else "")
    return Standing(state=worst.state, reason=said or None, hint=worst.hint)
