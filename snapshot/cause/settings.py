"""What two runs were asked for, apart into what can be swapped alone: environment, options, determinism. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from snapshot.cause.candidate import Candidate
from snapshot.document import Value
from snapshot.record.document import Determinism, Request, Run

_OPTIONS = ("gpus", "network", "shm_size", "memory", "cpus")


class Settings(Value, kw_only=True, frozen=True):
    """What is asked of the engine and of the frameworks."""

    request: Request
    determinism: Determinism | None


def of(run: Run) -> Settings:
    """Those of a run, without what came of them."""
    asked = run.determinism
    asked = msgspec.structs.replace(asked, frameworks=(), warnings=()) if asked else None
    return Settings(request=run.request, determinism=asked)


def candidates(old: Settings, new: Settings) -> Iterator[Candidate]:
    """One for each variable and option."""
    for name, was, now in _changes(old.request.environment, new.request.environment):
        yield Candidate(key=f"environment {name}", kind="environment", text=f"{name}: {was} → {now}")
    for name, was, now in _changes(_options(old), _options(new)):
        yield Candidate(key=f"option {name}", kind="option", text=f"--{name.replace('_', '-')}: {was} → {now}")
    if (old.determinism is None) != (new.determinism is None):
        was, now = (
            "off" if side.determinism is None else f"--deterministic ({side.determinism.mode})" for side in (old, new)
        )
        yield Candidate(key="determinism", kind="determinism", text=f"{was} → {now}")
    elif old.determinism and new.determinism:
        for name, was, now in _changes(_flat(old.determinism), _flat(new.determinism)):
            yield Candidate(key=f"determinism {name}", kind="determinism", text=f"{name}: {was} → {now}")


def mixed(old: Settings, new: Settings, chosen: Collection[str]) -> Settings:
    """The first with what was `chosen` from the second."""
    environment = _mixed(old.request.environment, new.request.environment, "environment", chosen)
    options = {name: getattr((new if f"option {name}" in chosen else old).request, name) for name in _OPTIONS}
    determinism = (new if "determinism" in chosen else old).determinism
    if old.determinism and new.determinism:
        flat = _mixed(_flat(old.determinism), _flat(new.determinism), "determinism", chosen)
        mode, seed = flat.pop("mode"), flat.pop("seed")
        determinism = Determinism(mode=mode, seed=int(seed), environment=flat)
    return Settings(request=Request(environment=environment, **options), determinism=determinism)


def _mixed(old: Mapping[str, str], new: Mapping[str, str], kind: str, chosen: Collection[str]) -> dict[str, str]:
    found = {}
    for name in sorted({*old, *new}):
        side = new if f"{kind} {name}" in chosen else old
        if name in side:
            found[name] = side[name]
    return found


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, old.get(name, "not set"), new.get(name, "not set")


def _options(side: Settings) -> dict[str, str]:
    values = {name: getattr(side.request, name) for name in _OPTIONS}
    return {name: value for name, value in values.items() if value is not None}


def _flat(determinism: Determinism) -> dict[str, str]:
    return {"mode": determinism.mode, "seed": str(determinism.seed), **determinism.environment}
