"""The base image that everything is installed on: here already, or to be had from a registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot.doctor.checks import error, note, ok, warning
from snapshot.document import Value
from snapshot.errors import NetworkError
from snapshot.finding import Finding
from snapshot.host.engine import Engine
from snapshot.lock import base
from snapshot.lock.document import Lock

REMEDY = "`scripts/build-base` in a checkout of snapshot makes one from Debian's packages"


class Wanted(Value, kw_only=True, frozen=True):
    """A base that the project names."""

    reference: str
    """As the engine is asked for it, with its digest where it has one."""
    because: str
    """`configuration` or `snap.lock`."""
    own: bool
    """Whether it is of `scripts/build-base`, and so of no registry."""
    here: bool


def look(engine: Engine, *, configured: str | None, lock: Lock | None) -> Iterator[Finding]:
    """Ask the engine, and through it the registry where something is to come from there."""
    at_hand = tuple(sorted(base.local(engine)))
    named = wanted(engine, configured=configured, lock=lock)
    yield from at_hand_or_not(at_hand, named)
    remote = [one for one in named if not one.own and not one.here]
    if not remote:
        yield note("registry", "nothing is asked of a registry")
    for one in remote:
        try:
            engine.ask_registry(one.reference)
        except NetworkError as problem:
            yield error("registry", problem.message, "check the name, `docker login`, and the engine's proxy")
        else:
            yield ok("registry", f"the engine can pull `{one.reference}` ({one.because})")


def wanted(engine: Engine, *, configured: str | None, lock: Lock | None) -> list[Wanted]:
    """The bases that the configuration and the lock name."""
    found = []
    if configured:
        here = engine.image(configured) is not None
        found.append(Wanted(reference=configured, because="configuration", own=_is_own(configured), here=here))
    if lock:
        name = lock.base.reference
        here = base.kept(engine, lock.base, name) is not None
        pinned = f"{name.split('@')[0]}@{lock.base.digest}" if lock.base.digest else name
        if name != configured or not here:
            found.append(Wanted(reference=pinned, because="snap.lock", own=not lock.base.digest, here=here))
    return found


def at_hand_or_not(at_hand: Sequence[str], named: Sequence[Wanted]) -> Iterator[Finding]:
    """What can be said without asking a registry; `at_hand` are the Python versions of bases that were made here."""
    for one in named:
        if one.here:
            yield ok("base", f"`{one.reference}` ({one.because}) is here")
        elif one.own:
            yield error("base", f"`{one.reference}` ({one.because}) is not here, and of no registry", REMEDY)
    if at_hand:
        yield ok("base", f"bases at hand: Python {', '.join(at_hand)}")
    elif not named:
        yield warning("base", "no base image is at hand: the first `snap lock` pulls one from a registry", REMEDY)


def _is_own(reference: str) -> bool:
    return reference.startswith(f"{base.REPOSITORY}:") or reference == base.REPOSITORY
