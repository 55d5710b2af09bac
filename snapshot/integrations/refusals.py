"""What MLflow's client raises, as errors of this program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from snapshot.errors import HostError, NetworkError, SnapshotError, UsageError
from snapshot.host.download import said
from snapshot.host.pip_config import strip_credentials
from snapshot.host.registry_reference import clean
from snapshot.integrations.library import library

OLDEST = "2.4"
"""The first server that takes what a run was trained on."""
_NO_MLFLOW = f"check the address: MLflow {OLDEST} or newer must answer there"
_LOG_IN = "set `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, or `MLFLOW_TRACKING_TOKEN`"


@contextmanager
def refusals(where: str) -> Iterator[None]:
    """For what is asked of the tracking server `where`, its address as people may see it."""
    exceptions = library("mlflow.exceptions")
    try:
        yield
    except exceptions.MlflowException as problem:
        raise _meant(problem, where) from None
    except ImportError as problem:
        raise HostError(
            f"this MLflow can't write to `{where}`: {clean(str(problem))}",
            hint="install all of MLflow with `pip install mlflow`, or name a server with `--uri`",
        ) from None


def _meant(problem: Exception, where: str) -> SnapshotError:
    """`problem` is an MlflowException."""
    code = getattr(problem, "error_code", "")
    words = clean(strip_credentials(str(problem).strip().partition("\n")[0]))
    under = problem.__context__
    if isinstance(under, Exception) and type(under).__module__.startswith("requests"):
        return NetworkError(
            f"the MLflow server `{where}` can't be reached: {clean(said(under))}",
            hint="check `--uri` or `MLFLOW_TRACKING_URI`, and the network",
        )
    if code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return NetworkError(f"the MLflow server `{where}` does not let this user in: {words}", hint=_LOG_IN)
    if code == "ENDPOINT_NOT_FOUND" or "JSON format" in words or "failed with error code" in words:
        return NetworkError(f"`{where}` does not answer as MLflow does: {words}", hint=_NO_MLFLOW)
    if "unsupported URI" in words or "filesystem tracking backend" in words:
        return UsageError(
            f"`{where}` is no place that this MLflow writes to",
            hint="name a server with `--uri` or `MLFLOW_TRACKING_URI`, as `http://127.0.0.1:5000`",
        )
    return NetworkError(f"MLflow at `{where}` refuses: {words}", hint="look at the server's log, or try again")
