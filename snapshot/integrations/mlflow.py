"""Runs in MLflow, each once: what is there already is not told again, so that all of it can be repeated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.host.pip_config import strip_credentials
from snapshot.integrations.library import defaults, library
from snapshot.integrations.material import Material, find, gather
from snapshot.integrations.refusals import refusals
from snapshot.integrations.telling import RUN, Target, milliseconds, tell
from snapshot.report.text import shown

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_FIRST = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""A server that does not answer the first request is not there. MLflow's own limits make that ten minutes."""
_LATER = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}


class Tracked(Value, kw_only=True, frozen=True):
    """A run as MLflow has it."""

    id: str
    """MLflow's."""
    experiment: str
    url: str | None
    """Of its page; None where there is none."""
    is_new: bool
    said: tuple[str, ...]
    """What is not there as the record has it."""


def track(
    run: str = "latest",
    *,
    folder: str | Path = ".",
    uri: str | None = None,
    experiment: str | None = None,
    outputs: bool = False,
) -> Tracked:
    """Tell MLflow of a run of the project in `folder`; `outputs` says whether the files that it wrote go along.

    Within `mlflow.start_run()` that run is written to, unless `uri` or `experiment` names another place. By default
    these are what MLflow's own variables say, and an experiment called as the project's folder.

    Raises UsageError for a run that is not there or has not ended, HostError when MLflow is not installed,
    NetworkError when the server is out of reach or refuses.
    """
    store, record = find(run, folder)
    material = gather(store, record, outputs=outputs)
    with defaults(_QUIET):
        mlflow = library("mlflow")
        active = mlflow.active_run() if uri is None and experiment is None else None
        address = uri or mlflow.get_tracking_uri()
        with refusals(strip_credentials(address)):
            client = _client(mlflow, address)
            with defaults(_FIRST):
                client.search_experiments(max_results=1)
            with defaults(_LATER):
                target = _active(client, active, material) if active else _found(client, material, experiment)
                said = tell(client, target, material, outputs=outputs)
    return Tracked(
        id=target.id,
        experiment=target.experiment,
        url=_page(address, target),
        is_new=target.is_new,
        said=said,
    )


def _client(mlflow: Any, address: str) -> Any:
    try:
        return mlflow.MlflowClient(tracking_uri=address)
    except ValueError as problem:
        raise UsageError(
            f"`{strip_credentials(address)}` is no address: {str(problem).lower()}",
            hint="name a server, as `http://127.0.0.1:5000`",
        ) from None


def _active(client: Any, active: Any, material: Material) -> Target:
    found = client.get_run(active.info.run_id)
    other = found.data.tags.get(RUN, material.run.id)
    if other != material.run.id:
        raise UsageError(
            f"the active run of MLflow tells of run {other} already", hint="start another with `mlflow.start_run()`"
        )
    experiment = client.get_experiment(found.info.experiment_id)
    return Target(
        id=found.info.run_id,
        experiment_id=found.info.experiment_id,
        experiment=experiment.name,
        is_new=RUN not in found.data.tags,
        is_ours=False,
    )


def _found(client: Any, material: Material, name: str | None) -> Target:
    """The run that was made for it earlier, or a new one."""
    experiment = _experiment(client, name, default=shown(material.project))
    where = {"experiment_id": experiment.experiment_id, "experiment": experiment.name, "is_ours": True}
    wanted = f"tags.`{RUN}` = '{material.run.id}'"
    for known in client.search_runs([experiment.experiment_id], wanted, max_results=1):
        return Target(id=known.info.run_id, is_new=False, **where)
    made = client.create_run(
        experiment.experiment_id,
        start_time=milliseconds(material.started),
        run_name=material.name,
        tags={RUN: material.run.id, **({"mlflow.note.content": material.notes} if material.notes else {})},
    )
    return Target(id=made.info.run_id, is_new=True, **where)


def _experiment(client: Any, name: str | None, *, default: str) -> Any:
    """The experiment `name`, that of MLflow's variables, or `default`; made if it is not there."""
    if name is None and (number := os.environ.get("MLFLOW_EXPERIMENT_ID")):
        return client.get_experiment(number)
    name = name or os.environ.get("MLFLOW_EXPERIMENT_NAME") or default
    found = client.get_experiment_by_name(name)
    if found is None:
        return client.get_experiment(client.create_experiment(name))
    if found.lifecycle_stage == "deleted":
        raise UsageError(
            f"the experiment `{shown(name)}` was deleted", hint="restore it in MLflow, or name another one"
        )
    return found


def _page(address: str, target: Target) -> str | None:
    if not address.startswith(("http://", "https://")):
        return None
    return f"{strip_credentials(address).rstrip('/')}/#/experiments/{target.experiment_id}/runs/{target.id}"
