"""Every error of the program. One boundary, in `cli`, prints `error: …` and `hint: …` and exits with `exit_code`.

Messages are lower case without a full stop, with back-ticks round what can be typed; a hint is an action.
"""

from __future__ import annotations


class SnapshotError(Exception):
    """Base of all expected failures: what happened, and what to do next."""

    exit_code = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SnapshotError):
    """The command line or the configuration asks for something that can't be."""

    exit_code = 2


class HostError(SnapshotError):
    """The host lacks something: engine, GPU, driver, disk, a writable folder."""

    exit_code = 3


class EngineError(HostError):
    """The Docker engine is absent, too old, or refused what it was asked."""


class ResolveError(SnapshotError):
    """The requirements have no solution, or the base image can't be had."""

    exit_code = 4


class StaleLockError(SnapshotError):
    """`snap.lock` does not say what the project asks for now."""

    exit_code = 1


class DifferentError(SnapshotError):
    """What was to be the same is not."""

    exit_code = 1


class LeakError(SnapshotError):
    """What is to be published holds something that nobody else should see."""

    exit_code = 1


class BuildError(SnapshotError):
    """The image can't be built from the lock."""

    exit_code = 5


class IntegrityError(BuildError):
    """Bytes are not those that were recorded: a package, a base image, a blob."""


class NetworkError(SnapshotError):
    """An index or a registry is out of reach or refused."""

    exit_code = 7


class StoreError(SnapshotError):
    """A document in `.snap` is damaged, of a newer version, or not there."""

    exit_code = 2


AROUND_A_RUN = 125
"""Exit code of `snap run` for all of the above, as of `docker run`: any other is the training's own."""


class InterruptError(SnapshotError):
    """Ctrl-C before or after the training."""

    exit_code = 130
