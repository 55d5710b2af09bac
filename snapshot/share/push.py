"""A run put into a registry as one image that is the whole archive: docs/reference/archive.md has the layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from snapshot import digest
from snapshot.document import Value
from snapshot.errors import IntegrityError, UsageError
from snapshot.host import clock
from snapshot.host.engine import Engine
from snapshot.host.files import scratch
from snapshot.host.registry import Reference, Registry, parse
from snapshot.lock.document import Lock
from snapshot.record import labels
from snapshot.record.document import Run
from snapshot.record.labels import Pushed
from snapshot.record.store import Store
from snapshot.share import bundle
from snapshot.share.entry import Entry
from snapshot.share.kit import data
from snapshot.share.oci import configuration, known, platform, told
from snapshot.share.oci.document import CODE, CONFIG, DATA, MANIFEST, RECORD, RESULTS, ROLES, Descriptor, Manifest
from snapshot.share.oci.known import Platform
from snapshot.share.oci.layer import Layer, pack
from snapshot.share.oci.sending import Sender
from snapshot.share.progress import QUIET, Progress


class Sent(Value, kw_only=True, frozen=True):
    """What a push came to."""

    reference: str
    """With the tag."""
    digest: str
    """Of the manifest."""
    bytes: int
    """That the registry did not have."""


def push(
    store: Store,
    engine: Engine,
    run: Run,
    reference: str,
    *,
    cache: Path,
    results: bool = True,
    with_data: bool = False,
    progress: Progress = QUIET,
) -> Sent:
    """Put `run` into a registry as `reference`; without a tag that is the run's ID.

    All of it is there afterwards, or the tag is as it was. Raises UsageError when the run is not finished or
    `reference` is none, IntegrityError when something is not what the record says, BuildError when the engine lacks
    the image, NetworkError when the registry is out of reach or refuses.
    """
    target, lock = _target(reference, run), bundle.lock(store, run)
    if not run.platform.image:
        raise UsageError(f"run `{run.id}` never ran: there is nothing to repeat", hint="see `snap show` for why")
    if with_data:
        data.check(run)
    registry = Registry(target)
    _tell_of_moved_tag(store, run, registry, target, progress)
    with scratch(cache / "transfers") as folder, Sender(registry, progress.moved) as sender:
        progress.step("the platform")
        base = platform.of(engine, run, lock, registry, sender, cache=cache, folder=folder)
        progress.step("the run")
        own = []
        for role, entries in _parts(store, run, lock, results=results, with_data=with_data):
            own.append(pack(entries, role, folder, lock.source_date_epoch))
            sender.add(own[-1])
        sender.finish()
        sent = sender.sent
    manifest = _manifest(registry, run, lock, base, own)
    own_digest = registry.put_manifest(str(target.tag), manifest, MANIFEST)
    _check(registry, target, own_digest)
    known.keep(cache, run.platform.image, base, target)
    now = clock.now()
    pushed = Pushed(reference=target.text, digest=own_digest, time=now, data=with_data and bool(run.data))
    labels.add_pushed(store, run.id, pushed)
    return Sent(reference=target.text, digest=own_digest, bytes=sent)


def _target(reference: str, run: Run) -> Reference:
    target = parse(reference)
    if target.digest is not None:
        raise UsageError(
            f"`{reference}` names what is there already", hint=f"name a tag: `{target.name}:{target.tag or run.id}`"
        )
    return target if target.tag else msgspec.structs.replace(target, tag=run.id)


def _tell_of_moved_tag(store: Store, run: Run, registry: Registry, target: Reference, progress: Progress) -> None:
    """Say what the tag meant until now, if that is something else."""
    before = registry.get_manifest(str(target.tag))
    if before is None:
        return
    there = told.summary_of(told.annotations_of(before.data))
    mine = next((one.digest for one in labels.of(store, run.id).pushed if one.reference == target.text), None)
    if there is None or there.id != run.id:
        what = f"run `{there.id}`" if there else "another image"
        since = "; it was moved since this run was pushed there" if mine and mine != before.digest else ""
        progress.warn(
            f"`{target.text}` was {what} until now, and is still there as `{target.name}@{before.digest}`{since}"
        )


def _parts(
    store: Store, run: Run, lock: Lock, *, results: bool, with_data: bool
) -> Iterator[tuple[str, Iterable[Entry]]]:
    """What is in each layer of the run's own, lowest first: what runs have in common is below what they have not."""
    if with_data and run.data:
        yield DATA, _with_folders(data.entries(store, run, lambda target: target[1:]))
    code = list(bundle.code(store, run))
    yield CODE, (configuration.workspace(), *(one for one in code if not one.path.startswith(f"{bundle.RECORD}/")))
    if results and not bundle.lacks_results(store, run):
        yield RESULTS, bundle.results(store, run)
    hidden = [one for one in code if one.path.startswith(f"{bundle.RECORD}/")]
    yield RECORD, (*bundle.record(store, run), *hidden, *configuration.surroundings(run, lock))


def _with_folders(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The folders in the workspace that data are in: the run may write beside them."""
    made: set[str] = set()
    for entry in entries:
        for parent in reversed(list(bundle.parents(entry.path))):
            if parent not in made and parent.startswith(f"{bundle.CODE}/"):
                made.add(parent)
                yield Entry(path=parent, is_folder=True, mode=0o755)
        yield entry


def _manifest(registry: Registry, run: Run, lock: Lock, base: Platform, own: list[Layer]) -> bytes:
    """The manifest, whose configuration the registry has then."""
    annotations = told.of_run(run)
    layers = (*base.layers, *own)
    added = [layer for layer in layers if layer.role != ROLES[0]]
    config = configuration.configuration(base.config, run, lock, added, annotations)
    blob = Descriptor(media_type=CONFIG, digest=digest.of_bytes(config), size=len(config))
    registry.put_blob(blob.digest, blob.size, _opener(config))
    found = Manifest(config=blob, layers=tuple(layer.descriptor for layer in layers), annotations=annotations)
    return msgspec.json.encode(found, order="sorted")


def _opener(data: bytes) -> Any:
    import io

    def opened(offset: int) -> io.BytesIO:
        file = io.BytesIO(data)
        file.seek(offset)
        return file

    return opened


def _check(registry: Registry, target: Reference, own: str) -> None:
    """Raise IntegrityError unless the registry gives back what was put there."""
    got = registry.get_manifest(str(target.tag))
    if got is None or got.digest != own:
        raise IntegrityError(
            f"`{target.text}` is {got.digest if got else 'not there'} after {own} was put there",
            hint="somebody else may have pushed to this tag: push to another one",
        )
