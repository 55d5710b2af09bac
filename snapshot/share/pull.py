"""A run that `snap push` put into a registry, taken from there: the run into a store, its platform into an engine."""

from __future__ import annotations

import functools
from pathlib import Path

from snapshot.errors import IntegrityError
from snapshot.host import clock
from snapshot.host.engine import Engine, Image
from snapshot.host.files import scratch, user_cache
from snapshot.image.dockerfile import reference_of
from snapshot.project.names import from_text
from snapshot.record.code import snapshots
from snapshot.record.document import Run
from snapshot.record.labels import Origin
from snapshot.record.store import Store
from snapshot.share import bundle, intake
from snapshot.share.oci import data, known, loading, told
from snapshot.share.oci.contents import Contents
from snapshot.share.oci.document import CODE, DATA, IDENTITY, PLATFORM, RECORD, RESULTS
from snapshot.share.oci.fetching import Archive
from snapshot.share.oci.known import Platform
from snapshot.share.oci.layer import Layer
from snapshot.share.progress import QUIET, Progress
from snapshot.share.tar import tar

_LIST = 1 << 28
"""Bytes of the list of the code."""
_HEAD = 16 << 10
"""Bytes that a tar has for a file beside its content, at most: names are as long as the system lets them be."""


def pull(
    store: Store,
    engine: Engine | None,
    reference: str,
    *,
    progress: Progress = QUIET,
    image: bool = True,
    with_data: bool = True,
) -> Run:
    """Take the run that `reference` (`REPOSITORY:TAG` or `REPOSITORY@sha256:…`) names into `store`.

    With `image`, the engine gets the platform that it ran on, too. Data that were pushed come along, unless `with_data`
    says no; they lie beside the run. Nothing of it is executed. A run that is there
    already stays as it is. Raises NetworkError, IntegrityError for what is not as its digests say, StoreError when it
    is of a newer version, UsageError when `reference` is no run or another run has its ID.
    """
    with scratch(user_cache() / "transfers") as folder:
        archive = Archive(reference, folder, progress)
        run = _take_in(store, archive, progress, with_data)
        if engine is not None and image:
            _give_platform(engine, run, archive, progress)
    return run


def fetch_platform(engine: Engine, run: Run, reference: str, *, progress: Progress = QUIET) -> Image:
    """Give `engine` the image that `run` ran on, out of the run's archive `reference`, unless it is there.

    The image is named `run.platform.reference`; its ID is `run.platform.image` on an engine with a store of the kind
    that the run had, on the other its layers and configuration are the same. Raises IntegrityError when the archive has
    another, or the engine has another of that name, and as `pull` does.
    """
    with scratch(user_cache() / "transfers") as folder:
        return _give_platform(engine, run, Archive(reference, folder, progress), progress)


def _take_in(store: Store, archive: Archive, progress: Progress, with_data: bool) -> Run:
    progress.step("the run")
    contents = Contents()
    archive.expect(RECORD)
    archive.open(contents, RECORD)
    run = intake.read_record(contents)
    if archive.manifest.annotations.get(told.RUN) != run.id:
        raise IntegrityError(f"`{archive.reference.text}` has the record of run `{run.id}`", hint="don't use it")
    _check_name(run)
    with_results = bool(archive.layers(RESULTS))
    if not store.has_record(run.id):
        archive.expect(CODE, RESULTS, *([DATA] if with_data else []))
        archive.open(contents, CODE, _most_of_code(contents, run))
        if with_results:
            archive.open(contents, RESULTS, _most_of([output.size for output in run.outputs]))
        if with_data:
            size, files = data.most(run)
            archive.open(contents, DATA, size + 2 * _HEAD * (files + 16))
    has_data = bool(archive.layers(DATA))
    more = functools.partial(data.lay_out, contents, run) if with_data and has_data else _nothing
    now = clock.now()
    origin = Origin(reference=archive.origin, time=now, results=with_results, data=has_data)
    intake.take_in(store, contents, origin, more)
    return run


def _nothing(folder: Path) -> None:
    """Of a run that came without data."""


def _most_of_code(contents: Contents, run: Run) -> int:
    """How large the layer of the code can be, by the list of it."""
    found = snapshots.loads(contents.read(f"{bundle.RECORD}/code.json", _LIST), where="`code.json` of the archive")
    taken = {from_text(one.target) for one in run.taken}
    known_sizes = [max(0, entry.size) for entry in found.entries if from_text(entry.path) not in taken]
    # What `--from` had put in place is of a size that only its own run knows.
    return _most_of(known_sizes) + (1 << 40 if taken else 0)


def _most_of(sizes: list[int]) -> int:
    return sum(sizes) + _HEAD * (len(sizes) + 16)


def _give_platform(engine: Engine, run: Run, archive: Archive, progress: Progress) -> Image:
    progress.step("the platform")
    _check_name(run)
    name, contents = run.platform.reference, Contents()
    found = loading.identity(archive, contents, run)
    there = engine.image(name)
    if there is None:
        archive.expect(PLATFORM)
        engine.load(tar(loading.layout(archive, found, name), 0))
        there = engine.image(name)
        if there is None or there.layers != found.layers:
            engine.untag(name)
            raise IntegrityError(f"the engine made another image of `{archive.reference.text}`", hint="see its log")
    elif there.layers != found.layers:
        raise IntegrityError(
            f"the engine has another image `{name}` than the run had, which is left alone",
            hint=f"if that one is not needed, `docker image rm {name}`, and pull again",
        )
    _remember(run, archive, found)
    return there


def _remember(run: Run, archive: Archive, found: loading.Identity) -> None:
    """So that the platform need not be read from the engine when the run is pushed on."""
    layers = tuple(
        Layer(
            role=layer.role,
            diff_id=diff_id,
            digest=layer.digest,
            size=layer.size,
            unpacked=layer.unpacked,
            media_type=layer.media_type,
        )
        for role in (PLATFORM, IDENTITY)
        for layer, diff_id in archive.layers(role)
    )
    platform = Platform(config=found.config, manifest=found.manifest, layers=layers)
    known.keep(user_cache(), run.platform.image, platform, archive.reference)


def _check_name(run: Run) -> None:
    """Raise IntegrityError when the record would have the engine give an image another name than that of its lock."""
    if run.platform.reference != reference_of(run.platform.lock):
        raise IntegrityError(
            f"the record names its image `{run.platform.reference[:80]}`, which is not that of its lock",
            hint="don't use it",
        )
