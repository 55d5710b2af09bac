"""Whether somebody else could train a run again today, from how its parts stand. Pure."""

from __future__ import annotations

from snapshot.document import Value
from snapshot.share.handover.document import HERE, NO, UNKNOWN, YES, Standing

NOW, FETCH, NEVER = "now", "fetch", "never"


class Image(Value, kw_only=True, frozen=True):
    """The image of a run."""

    standing: Standing
    again: str
    """Whether this machine can have it: now (it is there, or all that it is built of is), fetch (if what it is built of
    can still be downloaded), never, or unknown."""


class Parts(Value, kw_only=True, frozen=True):
    """What it takes to train a run again; None is what it did not have."""

    record: Standing
    image: Image
    code: Standing
    data: Standing | None
    weights: Standing | None
    pushed: bool
    """Whether a registry has all of these but the data."""
    with_data: bool = False
    """Whether one has the data too."""


def answer(parts: Parts) -> tuple[str, tuple[str, ...]]:
    """yes, here only, no, or unknown; and why."""
    needed = {} if parts.with_data else {"data": parts.data}
    if not parts.pushed:
        needed = {"record": parts.record, "code": parts.code, **needed, "weights": parts.weights}
    bad = {name: found.state for name, found in needed.items() if found is not None and not found.is_ok}
    lost = [f"{name} {state}" for name, state in bad.items() if state != UNKNOWN]
    doubts = [f"{name} {state}" for name, state in bad.items() if state == UNKNOWN]
    if not parts.pushed:
        image = {
            NEVER: (lost, "image can't be had"),
            FETCH: (doubts, "image to be downloaded for"),
            UNKNOWN: (doubts, "image unknown"),
        }
        if parts.image.again in image:
            reasons, said = image[parts.image.again]
            reasons.append(said)
    if lost or doubts:
        return (NO if lost else UNKNOWN), (*lost, *doubts)
    if not parts.pushed:
        return HERE, ("not pushed",)
    return (HERE, ("data not pushed",)) if parts.data is not None and not parts.with_data else (YES, ())
