"""One hybrid, run in a container of its own: a run of the store like any other."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile, ZipFile

import msgspec

from snapshot.cause.data import Mixed
from snapshot.cause.differences import Hybrid, Side
from snapshot.errors import BuildError, IntegrityError, ResolveError, StoreError, UsageError
from snapshot.host.files import disk_errors, link_or_copy, remove_tree
from snapshot.lock import document as lock_document
from snapshot.lock import files
from snapshot.lock.document import Lock, Package
from snapshot.project.names import from_text, to_text
from snapshot.record.code import adoption, packs, snapshots
from snapshot.record.code.snapshots import CodeEntry, Manifest
from snapshot.record.data import manifest
from snapshot.record.document import Code, Data, Edit, Run
from snapshot.record.store import Store
from snapshot.run.command import recorded
from snapshot.run.draft import Draft, Options
from snapshot.run.signals import Signals

_LARGEST = 1 << 22
"""Bytes of a wheel's metadata that are read."""


def side(store: Store, run: Run, drafted: Draft) -> Side:
    """One of the two runs, `drafted` as for a rerun, with what is asked of the engine for that."""
    digests = {data.target: data for data in run.data}
    return Side(
        run=msgspec.structs.replace(run, request=drafted.options.request),
        lock=drafted.lock,
        code=tuple(snapshots.manifest(store.path, run.code.digest).entries),
        data=tuple(_identified(data, digests) for data in drafted.data),
        inputs=drafted.sources,
    )


def _identified(data: Data, digests: Mapping[str, Data]) -> Data:
    known = digests.get(data.target)
    return msgspec.structs.replace(data, digest=known.digest if known else None)


def reader(store: Store) -> Callable[[CodeEntry], bytes]:
    """Gives the contents of the store's code; raises StoreError for what it has lost."""
    contents = packs.load(store.path)
    return lambda entry: packs.read(store.path, contents, bytes.fromhex(entry.sha256))


class Hands(Protocol):
    """What acts."""

    def build(self, lock: Lock) -> None:
        """Have the engine have the image; raises BuildError and others when that can't be done."""
        ...

    def train(self, drafting: Callable[[], Draft], signals: Signals) -> Run:
        """Run to the end, in a thread of its own; `signals` are for all that go on."""
        ...

    def options(self, gpus: str | None, lock: Lock) -> Options:
        """How a hybrid is run that asks for these GPUs."""
        ...


def ready(hands: Hands, make: Callable[[], Hybrid]) -> Hybrid | str:
    """What is made, its image there; why that can't be, where it can't. Raises what is not the hybrid's own fault."""
    try:
        hybrid = make()
        hands.build(hybrid.lock)
    except IntegrityError:
        raise
    except (BuildError, ResolveError, UsageError) as problem:
        return problem.message
    return hybrid


def draft(store: Store, base: Draft, hybrid: Hybrid, options: Options, *, note: str, mixed: Path) -> Draft:
    """The run of a hybrid; `base` is that of the good run. Its code is kept in the store; data are put together
    of two in the folder `mixed`.

    To be called with the store's lock held. Raises HostError when the disk is full.
    """
    return msgspec.structs.replace(
        base,
        invocation=recorded(hybrid.command),
        options=msgspec.structs.replace(
            options, request=hybrid.settings.request, determinism=hybrid.settings.determinism
        ),
        lock=hybrid.lock,
        lock_file=lock_document.dumps(hybrid.lock).encode(),
        code=_kept(store, hybrid, base.code),
        data=tuple(msgspec.structs.replace(_laid_out(store.project, one, mixed), digest=None) for one in hybrid.data),
        sources=hybrid.inputs,
        notes=(note,),
        rerun=None,
    )


def edits(store: Store, old: Data, new: Data) -> tuple[Edit, ...]:
    """What was changed to make one folder of the other; raises StoreError when the store has lost their lists."""
    return tuple(manifest.diff(store.path, old.digest or "", new.digest or ""))


def _laid_out(project: Path, data: Mixed, into: Path) -> Data:
    """The data set, put together of hard links where it has files of another: a run writes to none of them."""
    if data.other is None:
        return data.data
    name = hashlib.sha256("\0".join((data.data.target, *data.paths)).encode()).hexdigest()[:16]
    folder = into / name
    if not folder.exists():
        partial = folder.with_name(f".{name}")
        remove_tree(partial)
        good, bad = data.data.place(project), data.other.place(project)
        with disk_errors(folder):
            shutil.copytree(good, partial, symlinks=True, copy_function=link_or_copy)
            for path in map(from_text, data.paths):
                (partial / path).unlink(missing_ok=True)
                if os.path.lexists(bad / path):
                    (partial / path).parent.mkdir(parents=True, exist_ok=True)
                    link_or_copy(bad / path, partial / path)
            partial.rename(folder)
    return msgspec.structs.replace(data.data, at=to_text(str(folder)))


def _kept(store: Store, hybrid: Hybrid, base: Code) -> Code:
    """The code of the hybrid, in the store."""
    digest = snapshots.identity(hybrid.code)
    if not snapshots.manifest_path(store.path, digest).exists():
        adoption.adopt(
            store.path, Manifest(entries=hybrid.code), digest, lambda entry: _content(hybrid.contents, entry)
        )
    sizes = [entry.size for entry in hybrid.code if entry.sha256]
    return msgspec.structs.replace(base, digest=digest, files=len(sizes), bytes=sum(sizes), git=None)


def _content(contents: Mapping[str, bytes], entry: CodeEntry) -> Iterator[bytes]:
    if entry.sha256 not in contents:
        raise StoreError(f"the store lacks the content of `{from_text(entry.path)}`", hint="see `snap fsck`")
    yield contents[entry.sha256]


def requires(package: Package, cache: Path) -> tuple[str, ...]:
    """What the wheel of a package says that it requires (core metadata, `Requires-Dist`), if the wheel is here."""
    from email.parser import HeaderParser

    path = files.cache_path(cache, package.wheel)
    try:
        with ZipFile(path) as wheel:
            name = next(
                name for name in wheel.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
            )
            with wheel.open(name) as file:
                text = file.read(_LARGEST).decode(errors="replace")
    except (OSError, BadZipFile, StopIteration):
        return ()
    return tuple(HeaderParser().parsestr(text).get_all("Requires-Dist") or ())
