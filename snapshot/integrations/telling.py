"""What is told of a run to MLflow: only what is not there yet, and last the mark that all of it is."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from snapshot.document import Value
from snapshot.integrations import naming
from snapshot.integrations.library import library
from snapshot.integrations.material import FAILED, FINISHED, KILLED, Material
from snapshot.integrations.moments import Point
from snapshot.record.document import Data
from snapshot.report.text import clip, shown

T = TypeVar("T")

RUN: Final = "snap.run"
"""The tag by which a run is found again."""
TRACKED: Final = "snap.tracked"
"""The tag that says what is there in full: `record`, or `record, outputs`."""
METRICS, PARAMETERS, DATASETS = 1000, 25, 100
"""In one request; MLflow takes 1 MB and no more than a thousand, a hundred, and a thousand."""
_STATES = {FINISHED: "FINISHED", FAILED: "FAILED", KILLED: "KILLED"}


class Target(Value, kw_only=True, frozen=True):
    """The run of MLflow that is written to."""

    id: str
    experiment_id: str
    experiment: str
    is_new: bool
    is_ours: bool
    """Whether it was made here: the active run keeps its name, its times, and what it was started from."""


def tell(client: Any, target: Target, material: Material, *, outputs: bool) -> tuple[str, ...]:
    """Write what is not there yet, and return what is not there as the record has it."""
    there = client.get_run(target.id).data
    for key, value in _tags(material, target).items():
        if there.tags.get(key, "") != value:
            client.set_tag(target.id, key, value)
    known = set(there.tags.get(TRACKED, "").split(", ")) - {""}
    marks = known | {"record", *(["outputs"] if outputs else [])}
    if marks == known:
        return ()
    said = [
        *material.said,
        *_parameters(client, target.id, material, there.params),
        *_metrics(client, target.id, material, there.metrics),
        *_outputs(client, target.id, material.outputs),
    ]
    _datasets(client, target.id, material.run.data)
    _files(client, target.id, material)
    if target.is_ours:
        client.set_terminated(target.id, _STATES[material.state], end_time=milliseconds(material.ended))
    client.set_tag(target.id, TRACKED, ", ".join(sorted(marks, reverse=True)))
    return tuple(said)


def _tags(material: Material, target: Target) -> dict[str, str]:
    run = material.run
    found = {f"snap.{key}": value for key, value in material.facts.items()}
    found["snap.tags"] = ", ".join(material.tags)  # empty once the last is taken away
    if target.is_ours:
        git = run.code.git
        found |= {
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": run.command.argv[0] if run.command.argv else "",
            **({"mlflow.source.git.commit": git.commit} if git and git.commit else {}),
            **({"mlflow.source.git.branch": git.branch} if git and git.branch else {}),
        }
    return {key: clip(shown(value), naming.LONGEST_TAG) for key, value in found.items()}


def _parameters(client: Any, run_id: str, material: Material, there: Mapping[str, str]) -> list[str]:
    """A parameter that has another value there stays as it is: MLflow changes none."""
    entities = library("mlflow.entities")
    wanted = {**material.parameters, **{f"env.{name}": value for name, value in material.environment.items()}}
    names = naming.names(wanted)
    told = {names[name]: clip(value, naming.LONGEST_PARAMETER) for name, value in wanted.items()}
    new = [entities.Param(key, value) for key, value in told.items() if key not in there]
    for batch in _batches(new, PARAMETERS):
        client.log_batch(run_id, params=batch)
    clipped = [name for name, value in wanted.items() if len(value) > naming.LONGEST_PARAMETER]
    return [
        *_renamed("parameter", names),
        *(f"parameter `{shown(name)}` is cut to {naming.LONGEST_PARAMETER:,} letters" for name in clipped),
        *(f"parameter `{key}` is `{clip(there[key], 80)}` there, and stays so"
          for key, value in told.items() if there.get(key, value) != value),
    ]  # fmt: skip


def _metrics(client: Any, run_id: str, material: Material, there: Mapping[str, float]) -> list[str]:
    entities = library("mlflow.entities")
    names = naming.names(material.series)
    new = [
        entities.Metric(names[name], point.value, milliseconds(point.time), point.step)
        for name, points in material.series.items()
        for point in (_missing(client, run_id, names[name], points) if names[name] in there else points)
    ]
    for batch in _batches(new, METRICS):
        client.log_batch(run_id, metrics=batch)
    return list(_renamed("metric", names))


def _missing(client: Any, run_id: str, name: str, points: Sequence[Point]) -> Iterator[Point]:
    """The points that are not there; some of MLflow's stores keep what is told twice twice."""
    there = {(m.step, m.timestamp, _kept(m.value)) for m in client.get_metric_history(run_id, name)}
    return (p for p in points if (p.step, milliseconds(p.time), _kept(p.value)) not in there)


def _kept(value: float) -> float | None:
    """A number as the databases of MLflow keep it, which know no infinity; None for what is no number."""
    return None if math.isnan(value) else max(-sys.float_info.max, min(value, sys.float_info.max))


def _datasets(client: Any, run_id: str, found: Sequence[Data]) -> None:
    """The data of the run as MLflow's datasets: the digest of these is short, the whole one is in the profile."""
    entities = library("mlflow.entities")
    known = [
        entities.DatasetInput(
            entities.Dataset(
                name=clip(shown(data.path), 500),
                digest=data.digest.rpartition(":")[2][:36],
                source_type="local",
                source=json.dumps({"uri": data.at or data.path}),
                profile=json.dumps({"digest": data.digest, "files": data.files, "bytes": data.bytes}),
            ),
            tags=[entities.InputTag("mlflow.data.context", "training")],
        )
        for data in found
        if data.digest
    ]
    for batch in _batches(known, DATASETS):
        client.log_inputs(run_id, datasets=batch)


def _files(client: Any, run_id: str, material: Material) -> None:
    """The record and what lies beside it, as `snap/`."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "run.json").write_bytes(material.record)
        for name, path in material.kept.items():
            (Path(folder) / name).symlink_to(path.absolute())
        client.log_artifacts(run_id, folder, artifact_path="snap")


def _outputs(client: Any, run_id: str, outputs: Mapping[str, Path]) -> Iterator[str]:
    """The files that it wrote, as `outputs/`."""
    for name, path in outputs.items():
        if naming.is_path(name):
            client.log_artifact(run_id, str(path), artifact_path=f"outputs/{name}".rpartition("/")[0])
        else:
            yield f"output `{shown(name)}` is left out: MLflow can't keep a file of this name"


def _renamed(kind: str, names: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{kind} `{shown(old)}` is `{new}` there" for old, new in names.items() if old != new)


def milliseconds(time: float) -> int:
    """Unix time as MLflow has it."""
    return round(time * 1000)


def _batches(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (values[at : at + most] for at in range(0, len(values), most))
