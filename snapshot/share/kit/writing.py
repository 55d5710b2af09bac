"""A run's kit, written: docs/reference/kit.md has the layout."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from snapshot.document import Value, encode_json
from snapshot.errors import SnapshotError
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.image import bases, build, tools
from snapshot.image.dockerfile import Layer, base_reference, image_reference
from snapshot.lock import wheels
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share import bundle
from snapshot.share.entry import Entry
from snapshot.share.kit import base, data, document, readme, target
from snapshot.share.kit.document import BASE, SOURCES, Base, Kit


class Progress(Value, kw_only=True, frozen=True):
    """Who hears what goes on."""

    step: Callable[[str], None] = lambda _: None
    """What is done now."""
    written: Callable[[int], None] = lambda _: None
    """How many bytes of the kit are written."""
    warn: Callable[[str], None] = lambda _: None


_QUIET = Progress()


def archive(
    engine: Engine,
    store: Store,
    run: Run,
    path: Path,
    *,
    cache: Path,
    access: Access,
    with_data: bool = False,
    progress: Progress = _QUIET,
) -> int:
    """Write the kit of `run` to `path`, a folder or a file that ends in `.tar`; how many bytes it has.

    The whole of it is there afterwards, or nothing. Raises UsageError when `path` is there already or the run is not
    finished, and what `build.build` raises when packages or the base can't be had.
    """
    target.check(path)
    lock = bundle.lock(store, run)
    if with_data:
        data.check(run)
    progress.step("the base image")
    bases.check(engine, lock)
    with target.beside(path) as folder:
        base.save(engine, lock, folder / BASE)
        progress.step("packages")
        layers = build.write_context(engine, lock, folder / "context", cache_dir=cache, access=access, link=True)
        parts = _Parts(store, run, lock, layers, with_data)
        sources = _sources(lock, cache, access, progress.warn)
        progress.step(f"writing {path.name}")
        entries = itertools.chain(
            parts.documents(),
            _files(folder / "context"),
            sources,
            base.entries(folder / BASE, f"{BASE}/"),
            parts.run(),
            parts.data(),
        )
        return target.write(entries, path, folder, lock.source_date_epoch, progress.written)


class _Parts:
    """What of a kit is about the run."""

    def __init__(self, store: Store, run: Run, lock: Lock, layers: tuple[Layer, ...], with_data: bool) -> None:
        self._store, self._run, self._lock, self._layers, self._with_data = store, run, lock, layers, with_data

    def documents(self) -> Iterator[Entry]:
        """What the kit says of itself."""
        run, lock = self._run, self._lock
        kit = Kit(
            run=run.id,
            lock=lock.digest,
            reference=image_reference(lock),
            image=run.platform.image,
            store=run.host.store if run.host else None,
            base=Base(reference=base_reference(lock), name=bases.archived_reference(lock), layers=lock.base.layers),
            data=self._with_data,
        )
        yield Entry(
            path=document.README, source=readme.render(run, lock, self._layers, kit).encode("utf-8", "surrogateescape")
        )
        yield Entry(path=document.FILE, source=encode_json(kit))

    def run(self) -> Iterator[Entry]:
        """The run itself, and what runs it."""
        yield from bundle.pack(self._store, self._run)
        yield from bundle.runner(self._run)

    def data(self) -> Iterator[Entry]:
        """What it learnt from, if that is asked for."""
        return data.entries(self._store, self._run) if self._with_data else iter(())


def _files(folder: Path) -> Iterator[Entry]:
    """All files in a folder of ours."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield Entry(path=path.relative_to(folder).as_posix(), source=path)


def _sources(lock: Lock, cache: Path, access: Access, warn: Callable[[str], None]) -> list[Entry]:
    """What wheels that were built for the lock are made of; and `installer`, where the base's Python takes an old one.

    The image needs the former no more: where some can't be had any more, that is said, and the kit goes without.
    """
    found = [(f"{SOURCES}/tools", path) for path in tools.wheels(cache, lock.python.version)]
    for package in lock.packages:
        if package.sdist is None:
            continue
        try:
            parts = wheels.fetch_inputs(package, cache=cache, access=access)
        except SnapshotError as problem:
            warn(f"the source of `{package.name}` is not in the kit, only its wheel: {problem.message}")
            continue
        found += [(f"{SOURCES}/{package.name}", path) for path in parts]
    return [Entry(path=f"{folder}/{path.name}", source=path) for folder, path in found]
