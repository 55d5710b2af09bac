"""What an export has, file by file, before anything of it is written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from snapshot import digest
from snapshot.document import Value, encode_json
from snapshot.image.dockerfile import Layer
from snapshot.image.fetch import is_built
from snapshot.lock import document as lock_document
from snapshot.lock.document import Lock
from snapshot.project.names import from_text, to_text
from snapshot.record import reads
from snapshot.record.code import snapshots
from snapshot.record.data import manifest
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.run.command import recorded
from snapshot.share import bundle
from snapshot.share.entry import Entry
from snapshot.share.export import about, data, readme, recipe, record
from snapshot.share.export import lock as locks
from snapshot.share.export.code import collect
from snapshot.share.export.data import Placed
from snapshot.share.export.document import (
    AGAIN,
    FILE,
    IMAGE,
    LISTS,
    README,
    RESULTS,
    TOOLS,
    PublicRun,
)
from snapshot.share.export.options import Options
from snapshot.share.export.private import Private
from snapshot.share.export.recipe import BASE_FILES, Packages
from snapshot.share.export.selection import Selection, select
from snapshot.share.kit import data as kit_data
from snapshot.share.oci.configuration import surroundings

_INSIDE = Path(__file__).parent / "inside"


class Platform(Value, kw_only=True, frozen=True):
    """The parts of the platform that lie in folders of their own until they are written."""

    lock: Lock
    """The public one."""
    layers: tuple[Layer, ...]
    context: Path
    """As `build.write_context` has written it."""
    base: Path | None
    """Where the file system of a base will be that the export has to carry."""
    environment: Mapping[str, str]
    """That of the base."""


class Content(Value, kw_only=True, frozen=True):
    """The files, and what is known of them."""

    entries: tuple[Entry, ...]
    public: PublicRun
    lock: Lock
    placed: tuple[Placed, ...]
    """The data, in the order of the record."""
    selection: Selection
    notebooks: tuple[str, ...]
    """Code whose outputs were taken out."""
    left_out: tuple[str, ...]
    """Files of the code that the export does not have, as they would lie in it."""
    carried: tuple[str, ...]
    """Packages of others that travel along since no public index has them."""
    is_base_known: bool
    """Whether the base is called what the run had it called."""

    def looked_at(self) -> tuple[Entry, ...]:
        """The files that are somebody's own: not those of this program, the base, and packages of others."""
        return tuple(entry for entry in self.entries if _is_own(entry.path, _built(self.lock)))

    def unseen(self) -> tuple[str, ...]:
        """What the run could see and the export does not have: code, and data that are one file."""
        there = {entry.path for entry in self.entries}
        data = (from_text(one.place) for one in self.public.data if one.kind == "file")
        return (*self.left_out, *(path for path in data if path not in there))


def gather(store: Store, run: Run, platform: Platform, options: Options, private: Private) -> Content:
    """All that the export of `run` has.

    Raises StoreError when the store lacks some of it, UsageError for what can't be built with, or for data that are to
    go along and are not known byte for byte.
    """
    return _Gathering(store, run, platform, options, private).all()


class _Gathering:
    def __init__(self, store: Store, run: Run, platform: Platform, options: Options, private: Private) -> None:
        self._store, self._run, self._platform, self._options = store, run, platform, options
        self._snapshot = snapshots.manifest(store.path, run.code.digest).entries
        self._reads = reads.read(store.folder(run.id))
        self._selection = select(run, self._snapshot, self._reads, all_code=options.all_code)
        self._placed = data.placed(run, self._snapshot, self._reads, private.tells)
        self._code = collect(store, run, self._snapshot, self._selection, self._placed, platform.lock)

    def all(self) -> Content:
        run, platform, lock = self._run, self._platform, self._platform.lock
        addresses = tuple(locks.addresses(lock, platform.layers))
        nowhere = {path for path, _, urls in addresses if not urls}
        here = frozenset(path for path, _, urls in addresses if not urls or self._options.with_packages)
        packages = Packages(here=here, fetched=frozenset(path for path, _, _ in addresses) - here)
        public = record.public(
            run,
            lock,
            code=self._code.listed(),
            traced=self._selection.traced,
            placed=self._placed,
            with_data=self._options.with_data,
            published=frozenset(self._options.environment),
        )
        inside = list(_inside(run, lock)) if self._has_inside() else []
        lists = list(self._lists())
        recipe_text = recipe.dockerfile(
            run,
            lock,
            platform.layers,
            packages,
            base_environment=platform.environment if platform.base else None,
            inside=bool(inside),
            manifests=bool(lists),
        )
        entries = (
            Entry(path=README, source=_text(readme.render(run, public, lock, base=_base(platform)))),
            Entry(path=FILE, source=encode_json(public)),
            Entry(path="Dockerfile", source=recipe_text.encode()),
            Entry(path=".dockerignore", source=f"{RESULTS}\n{AGAIN}\ndata\n".encode()),
            Entry(path=lock_document.FILE_NAME, source=lock_document.dumps(lock).encode()),
            Entry(
                path="requirements.txt",
                source=locks.requirements(lock, frozenset(path.rpartition("/")[2] for path in nowhere)).encode(),
            ),
            *self._tools([one for one in addresses if one[0] in packages.fetched]),
            *inside,
            *([Entry(path=BASE_FILES, source=platform.base)] if platform.base else ()),
            *(Entry(path=path, source=platform.context / path) for path in sorted(here)),
            *self._code.entries,
            *lists,
            *self._results(),
            *self._data(),
            Entry(path=AGAIN, is_folder=True, mode=0o755),
        )
        return Content(
            entries=(*entries, *about.entries(public, entries)),
            public=public,
            lock=lock,
            placed=self._placed,
            selection=self._selection,
            notebooks=self._code.notebooks,
            left_out=self._code.left_out,
            carried=tuple(sorted({path.rpartition("/")[2] for path in nowhere} - _built(lock))),
            is_base_known=lock.base.reference == run.platform.base,
        )

    def _has_inside(self) -> bool:
        """Whether the training needs what `snap` has in a container."""
        return self._run.determinism is not None or self._code.logs() or recorded(self._run.command).is_notebook

    def _tools(self, fetched: list[tuple[str, str, tuple[str, ...]]]) -> Iterator[Entry]:
        for path in sorted((self._platform.context / TOOLS).rglob("*")):
            if path.is_file():
                yield Entry(path=path.relative_to(self._platform.context).as_posix(), source=path)
        yield Entry(path=f"{TOOLS}/retrain.py", source=_INSIDE / "retrain.py")
        if fetched:
            yield Entry(path=f"{TOOLS}/fetch.py", source=_INSIDE / "fetch.py")
            listed = [{"path": path, "sha256": sha256, "urls": urls} for path, sha256, urls in fetched]
            yield Entry(path=f"{TOOLS}/packages.json", source=json.dumps(listed, indent=1).encode() + b"\n")

    def _lists(self) -> Iterator[Entry]:
        for found in sorted({one.data.digest for one in self._placed if one.data.digest and one.data.kind == "folder"}):
            if (source := manifest.path(self._store.path, found)).exists():
                yield Entry(path=f"{LISTS}/{digest.hex_of(found)}{manifest.SUFFIX}", source=source)

    def _results(self) -> Iterator[Entry]:
        log = self._store.folder(self._run.id) / "log"
        if log.is_file():
            yield Entry(path="log", source=log)
        for entry in bundle.results(self._store, self._run):
            yield msgspec.structs.replace(entry, path=f"{RESULTS}/{entry.path.removeprefix(bundle.OUTPUTS + '/')}")

    def _data(self) -> Iterator[Entry]:
        if self._options.with_data:
            moved = tuple(msgspec.structs.replace(one.data, target=to_text(one.target)) for one in self._placed)
            run = msgspec.structs.replace(self._run, data=moved)
            kit_data.check(run)
            yield from kit_data.entries(self._store, run)


def _built(lock: Lock) -> set[str]:
    return {package.wheel.name for package in lock.packages if is_built(package)}


def _is_own(path: str, built: Collection[str]) -> bool:
    top, _, rest = path.partition("/")
    return top not in (TOOLS, IMAGE, "base", "debs", "wheels") or rest.rpartition("/")[2] in built


def _inside(run: Run, lock: Lock) -> Iterator[Entry]:
    """What the run found in its container beside the project, but for the project's own path."""
    for entry in surroundings(run, lock):
        if entry.link is None:
            yield msgspec.structs.replace(entry, path=f"{IMAGE}/{entry.path}")


def _base(platform: Platform) -> str:
    base = platform.lock.base
    if platform.base is None:
        return f"the base is `{base.reference}`, {base.digest}"
    return f"the base image `{base.reference}` is in `base`, since no public registry has it"


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
