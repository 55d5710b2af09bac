"""A run as it would be on another lock, or with other data: the one that there is, if there is one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from snapshot.cause.settings import Settings, of
from snapshot.record.document import Run
from snapshot.run.draft import Draft

Digests = Mapping[str, str | None]
"""Of data, by the place where the run sees them; None for what was not identified."""


def is_same(run: Run, drafted: Draft, data: Digests) -> bool:
    """Whether `run` drafted on that lock and with those data is what it was."""
    return drafted.lock.digest == run.platform.lock and data == _data(run)


def known(runs: Iterable[Run], run: Run, drafted: Draft, data: Digests) -> Run | None:
    """The first of `runs` that is `run` as it is drafted, and came to its own end."""
    if None in data.values():
        return None
    asked = Settings(request=drafted.options.request, determinism=drafted.options.determinism)
    return next(
        (
            one
            for one in runs
            if (one.platform.lock, one.code.digest, one.command) == (drafted.lock.digest, run.code.digest, run.command)
            and (of(one), _data(one), _taken(one)) == (asked, data, _taken(run))
            and _ended_by_itself(one)
        ),
        None,
    )


def note(run: Run, drafted: Draft, given: Iterable[str]) -> str:
    """What the record of the variant says; `given` are the data that are others."""
    parts = [f"the lock {drafted.lock.digest}"] if drafted.lock.digest != run.platform.lock else []
    parts += [f"other data in `{name}`" for name in given]
    return f"made for `snap bisect`: run {run.id} with {' and '.join(parts)}"


def _data(run: Run) -> Digests:
    return {data.target: data.digest for data in run.data}


def _taken(run: Run) -> Digests:
    return {taken.target: taken.sha256 for taken in run.taken}


def _ended_by_itself(run: Run) -> bool:
    return run.started is not None and run.exit is not None and run.exit.code is not None and run.exit.signal is None
