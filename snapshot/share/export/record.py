"""The record of a run for everybody, made of its own: what decides the result, and nothing of who and where. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.run.command import recorded
from snapshot.run.draft import variables
from snapshot.share.bundle import LIBRARY
from snapshot.share.export import data
from snapshot.share.export.data import Placed
from snapshot.share.export.document import (
    LISTS,
    PublicCommand,
    PublicData,
    PublicFile,
    PublicHost,
    PublicPlatform,
    PublicRun,
)


def public(
    run: Run,
    lock: Lock,
    *,
    code: Iterable[PublicFile],
    traced: bool,
    placed: tuple[Placed, ...],
    with_data: bool = False,
    published: frozenset[str] = frozenset(),
) -> PublicRun:
    """The record of `run` in an export with this `code`; `lock` is the public one.

    `published` are the variables of its environment whose values are to be told.
    """
    usage = run.usage
    return PublicRun(
        run=run.id,
        command=_command(run, lock, placed),
        parameters=dict(zip(run.parameters, data.words(run.parameters.values(), run.project, placed), strict=True)),
        environment=_environment(run, published),
        unset=tuple(sorted(set(run.request.environment) - published)),
        determinism=run.determinism.mode if run.determinism else None,
        seed=run.determinism.seed if run.determinism else None,
        import_roots=lock.import_roots,
        traced=traced,
        code=tuple(code),
        data=tuple(_data(one, run, with_data) for one in placed),
        platform=PublicPlatform(
            lock=lock.digest,
            base=lock.base.reference,
            python=lock.python.version,
            frameworks=lock.frameworks,
            cuda=lock.cuda.runtime if lock.cuda else None,
        ),
        host=_host(run),
        gpus=run.request.gpus,
        started=run.started,
        ended=run.ended,
        seconds=run.seconds,
        exit_code=run.exit.code if run.exit else None,
        outputs=tuple(PublicFile(path=one.path, sha256=one.sha256, size=one.size) for one in run.outputs),
        metrics=run.metrics,
        peak_memory=usage.peak_memory if usage else None,
        cpu_seconds=usage.cpu_seconds if usage else None,
    )


def _environment(run: Run, published: frozenset[str]) -> dict[str, str]:
    """What the training finds in its environment, without the values that are nobody else's business."""
    told = {name: value for name, value in run.request.environment.items() if name in published}
    known = msgspec.structs.replace(run, request=msgspec.structs.replace(run.request, environment=told))
    found = variables(known, (), gpus=True)
    return {name: found[name] for name in sorted(found) if name in told or name not in run.request.environment}


def _command(run: Run, lock: Lock, placed: tuple[Placed, ...]) -> PublicCommand:
    argv = data.words(run.command.argv, run.project, placed)
    moved = msgspec.structs.replace(run.command, argv=argv)
    return PublicCommand(
        argv=argv,
        process=recorded(moved).in_container(lock.python.executable, f"/{LIBRARY}"),
        directory=run.command.directory,
    )


def _data(one: Placed, run: Run, with_data: bool) -> PublicData:
    found = one.data
    listed = found.kind == "folder" and found.digest is not None
    return PublicData(
        target=one.target,
        place=one.place,
        kind=found.kind,
        digest=found.digest,
        files=found.files,
        bytes=found.bytes,
        identified=found.identified,
        manifest=f"{LISTS}/{(found.digest or '').rpartition(':')[2]}.gz" if listed else None,
        included=with_data,
        written=one.is_written(run),
    )


def _host(run: Run) -> PublicHost | None:
    if run.host is None:
        return None
    machine, gpus = run.host.machine, run.host.gpus
    asked = gpus if gpus and run.request.gpus else None
    return PublicHost(
        system=machine.system,
        kernel=machine.kernel,
        architecture=machine.architecture,
        cpu=machine.cpu,
        cores=machine.cores,
        memory=machine.memory,
        gpus=tuple(device.name or "GPU" for device in asked.devices) if asked else (),
        driver=asked.driver if asked else None,
    )


def file_of(path: str, sha256: str | None, size: int) -> PublicFile:
    """A file of the code; `sha256` in hexadecimal digits."""
    return PublicFile(path=path, sha256=f"sha256:{sha256}" if sha256 else None, size=size)
