"""Runs for Weights & Biases, written as its offline mode does: nothing is sent before `wandb sync` is typed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from snapshot.document import Value
from snapshot.errors import HostError
from snapshot.host.files import disk_errors, link_or_copy, make_dirs, scratch
from snapshot.host.registry_reference import clean
from snapshot.integrations import naming, transactions
from snapshot.integrations.library import library
from snapshot.integrations.material import LOG, Material, find, gather
from snapshot.integrations.moments import Point
from snapshot.report.text import shown

FOLDER: Final = "wandb"
LONGEST = 128
"""Letters in the name of a project."""
_FOREIGN = re.compile(r"[/\\#?%:\s]")
_PATIENCE = 10.0
"""Seconds for the end of a file: it takes milliseconds, but for a busy machine."""
_CLOCK = "_timestamp"
"""The key by which W&B knows the time of a row."""


class Written(Value, kw_only=True, frozen=True):
    """A run as Weights & Biases has it on disk."""

    folder: Path
    """What `wandb sync` takes."""
    is_new: bool
    said: tuple[str, ...]
    """What is not there as the record has it."""


def track(
    run: str = "latest",
    *,
    folder: str | Path = ".",
    project: str | None = None,
    directory: str | Path | None = None,
    outputs: bool = False,
) -> Written:
    """Write a run of the project in `folder` for Weights & Biases; `outputs` says whether the files that it wrote go
    along. One that is there already is left as it is.

    W&B's project is `project`, `WANDB_PROJECT`, or called as the folder; what is written is below `directory`,
    `WANDB_DIR`, or `.snap/cache`, in `wandb/`.

    Raises UsageError for a run that is not there or has not ended, HostError when W&B is not installed or nothing can
    be written.
    """
    store, record = find(run, folder)
    place = Path(directory or os.environ.get("WANDB_DIR") or store.cache).absolute() / FOLDER
    for known in sorted(place.glob(f"offline-run-*-{record.id}")):
        return Written(folder=known, is_new=False, said=())
    material = gather(store, record, outputs=outputs)
    name = _FOREIGN.sub("_", project or os.environ.get("WANDB_PROJECT") or shown(material.project))[:LONGEST]
    make_dirs(place)
    with scratch(place / ".unfinished") as unfinished:
        made = _written(library("wandb"), material, name, unfinished)
        with disk_errors(place):
            final = made.rename(place / made.name)
    return Written(folder=final, is_new=True, said=material.said)


class Row(Value, frozen=True):
    """What was written at one step."""

    step: int
    values: Mapping[str, float]


def rows(series: Mapping[str, Sequence[Point]]) -> Iterator[Row]:
    """The curves as W&B takes them: by step, upwards from 0. Of two points of a metric at one step the later counts."""
    found: dict[int, dict[str, float]] = {}
    keys = naming.keys(series)
    for name, points in series.items():
        for point in points if len(points) > 1 else ():
            values = found.setdefault(max(point.step, 0), {})
            values |= {keys[name]: point.value, _CLOCK: min(point.time, values.get(_CLOCK, point.time))}
    yield from (Row(step, found[step]) for step in sorted(found))


def _written(wandb: Any, material: Material, project: str, folder: Path) -> Path:
    """The folder that W&B made in `folder`."""
    try:
        _write(wandb, material, project, folder)
        file = next((folder / FOLDER).glob("offline-run-*/*.wandb"), None)
    except (wandb.Error, ValueError) as problem:
        raise HostError(
            f"Weights & Biases can't write run {material.run.id}: {clean(str(problem))}",
            hint="upgrade it with `pip install --upgrade wandb`",
        ) from None
    if file is None or not _becomes_whole(file):
        raise HostError(
            f"Weights & Biases could not write all of run {material.run.id}",
            hint=f"see whether the disk is full with `df {folder.parent.parent}`",
        )
    return file.parent


def _becomes_whole(file: Path) -> bool:
    """Whether all is there by now or soon: W&B's own process closes the file when `finish` has returned."""
    deadline = time.monotonic() + _PATIENCE
    while not transactions.is_whole(file):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _write(wandb: Any, material: Material, project: str, folder: Path) -> None:
    run = wandb.init(
        project=project,
        id=material.run.id,
        name=material.name,
        tags=list(material.tags),
        notes=material.notes or None,
        config=_configuration(material),
        settings=_settings(wandb, material, folder),
    )
    for row in rows(material.series):
        run.log(dict(row.values), step=row.step)
    keys = naming.keys(material.series)
    run.summary.update({keys[name]: points[-1].value for name, points in material.series.items()})
    _files(run, material)
    code = material.run.exit.code if material.run.exit else None
    run.finish(exit_code=1 if code is None else code)


def _settings(wandb: Any, material: Material, folder: Path) -> Any:
    """Nothing of the process that writes, which is not the one that trained."""
    host, git = material.run.host, material.run.code.git
    return wandb.Settings(
        mode="offline",
        reinit="create_new",
        root_dir=str(folder),
        host=host.machine.hostname if host else "",
        program=material.run.command.argv[0] if material.run.command.argv else None,
        git_commit=git.commit if git else None,
        console="off",
        silent=True,
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )


def _configuration(material: Material) -> dict[str, Any]:
    """Parameters, numbers as numbers so that they can be plotted, and what identifies the run."""
    told = {
        **material.facts,
        "started": material.run.started,
        "ended": material.run.ended,
        "data": {shown(data.path): data.digest for data in material.run.data if data.digest},
        "environment": dict(material.environment),
    }
    keys = naming.keys(material.parameters)
    known = {keys[name]: _number(value) for name, value in material.parameters.items()}
    return {**known, "snap": {name: value for name, value in told.items() if value}}


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _files(run: Any, material: Material) -> None:
    """Copies, so that the folder can be moved; W&B shows `output.log` as what was printed."""
    top = Path(run.dir)
    named = {"output.log" if name == LOG else f"snap/{name}": path for name, path in material.kept.items()}
    named |= {f"outputs/{name}": path for name, path in material.outputs.items()}
    for name, path in named.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path.resolve(), top / name)
    (top / "snap").mkdir(exist_ok=True)
    (top / "snap/run.json").write_bytes(material.record)
    for name in ("snap/run.json", *named):
        run.save(str(top / name), base_path=str(top), policy="end")
