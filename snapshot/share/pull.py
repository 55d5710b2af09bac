"""A run that `snap push` put into a registry, taken from there: the run into a store, its platform into an engine."""

from __future__ import annotations

from snapshot.errors import UsageError
from snapshot.host.engine import Engine, Image
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share.progress import QUIET, Progress


def pull(store: Store, engine: Engine | None, reference: str, *, progress: Progress = QUIET, image: bool = True) -> Run:
    """Take the run that `reference` (`REPOSITORY:TAG` or `REPOSITORY@sha256:…`) names into `store`.

    With `image`, the engine gets the platform that it ran on, too. Nothing of it is executed. A run that is there
    already stays as it is. Raises NetworkError, IntegrityError for what is not as its digests say, StoreError when it
    is of a newer version, UsageError when `reference` is no run or another run has its ID.
    """
    raise UsageError(f"`{reference}` can't be pulled yet")


def fetch_platform(engine: Engine, run: Run, reference: str, *, progress: Progress = QUIET) -> Image:
    """Give `engine` the image that `run` ran on, out of the run's archive `reference`, unless it is there.

    The image is named `run.platform.reference`; its ID is `run.platform.image` on an engine with a store of the kind
    that the run had, on the other its layers and configuration are the same. Raises IntegrityError when the archive has
    another, or the engine has another of that name, and as `pull` does.
    """
    raise UsageError(f"the image of run `{run.id}` can't be fetched from `{reference}` yet")
