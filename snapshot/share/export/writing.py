"""An export, written: docs/reference/export.md has the layout."""

from __future__ import annotations

from pathlib import Path

from snapshot.compare.verdict import Tolerance
from snapshot.document import Value
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.host.files import disk_errors
from snapshot.image import bases, build
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share import bundle
from snapshot.share.entry import Entry
from snapshot.share.export import base, findings, proof, redaction, target
from snapshot.share.export import lock as locks
from snapshot.share.export.content import Content, Platform, gather
from snapshot.share.export.options import Options
from snapshot.share.export.private import Private
from snapshot.share.kit import base as saved_base
from snapshot.share.kit.target import Reading, beside, write_folder
from snapshot.share.kit.writing import Progress


class Exported(Value, kw_only=True, frozen=True):
    """An export that was handed over."""

    bytes: int
    content: Content
    verdict: str | None
    """What training again came to: identical or within tolerance; None where that was not tried."""


def export(
    engine: Engine,
    store: Store,
    run: Run,
    path: Path,
    *,
    cache: Path,
    access: Access,
    private: Private,
    options: Options,
    tolerances: tuple[Tolerance, ...] | None = None,
    progress: Progress,
) -> Exported:
    """Write what `run` used to `path`, a folder or a file that ends in `.zip`, after plain Docker has built it there.

    The whole of it is there afterwards, or nothing. Raises UsageError when `path` can't be written or the run is not
    finished, LeakError when something is found that was not let through, and what `build.build` raises when packages,
    the base or the proof can't be had. With `tolerances` it is trained again, too: DifferentError when that comes to
    other results.
    """
    target.check(path, store)
    lock = bundle.lock(store, run)
    bases.check(engine, lock)
    with beside(path) as folder:
        progress.step("packages")
        platform = _platform(engine, lock, folder, cache, access)
        content = gather(store, run, platform, options, private)
        if tolerances is not None:
            proof.check(store, run, content)
        progress.step("looking for secrets")
        found = findings.find(content.looked_at(), content.unseen(), private)
        report = redaction.report(content, options, redaction.check(found, options.allowed))
        if platform.base:
            progress.step("the base image")
            saved_base.save(engine, lock, folder / "layout")
            base.pack(folder / "layout", platform.base)
        entries = (*content.entries, Entry(path=redaction.FILE, source=report.encode("utf-8", "surrogateescape")))
        read = Reading(progress.written)
        progress.step(f"writing {path.name}")
        with disk_errors(path):
            write_folder(entries, folder / "export", lock.source_date_epoch, read)
        progress.step("building it with plain Docker")
        verdict = None
        with proof.built(engine, folder / "export", run) as image:
            if others := proof.other_layers(engine, run, image):
                progress.warn(f"{others} layers of the platform come out otherwise than those that the run had")
            if tolerances is not None:
                progress.step("training again")
                verdict = proof.train(store, run, content, image, folder / "again", tolerances)
        progress.step(f"writing {path.name}")
        target.hand_over(folder / "export", path)
    return Exported(bytes=read.bytes, content=content, verdict=verdict)


def _platform(engine: Engine, lock: Lock, folder: Path, cache: Path, access: Access) -> Platform:
    context = folder / "context"
    layers = build.write_context(engine, lock, context, cache_dir=cache, access=access, link=True)
    image = bases.at_hand(engine, lock)
    return Platform(
        lock=locks.public(lock),
        layers=layers,
        context=context,
        base=None if locks.is_base_public(lock) else folder / "rootfs.tar.gz",
        environment=image.environment if image else {},
    )
