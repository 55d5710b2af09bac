"""What the store has of a run: its record, its code, its results, and what earlier runs wrote for it.

The packs are read once, and each output once, for all runs together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from snapshot import digest as digests
from snapshot.errors import StoreError
from snapshot.project.names import display, from_text
from snapshot.record.code import snapshots
from snapshot.record.code.survey import Pack, survey
from snapshot.record.document import Output, Parent, Run, Taken
from snapshot.record.fsck import code as fsck_code
from snapshot.record.fsck import runs as fsck_runs
from snapshot.record.fsck.fault import COPY, some
from snapshot.record.store import Store
from snapshot.record.sums import check_sums
from snapshot.share import bundle
from snapshot.share.handover.document import Standing, changed, missing, ok, together, unknown

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SEE = "see `snap fsck`"


class Kept:
    """The store, as it is now."""

    def __init__(self, store: Store, told: Callable[[str], None] = lambda text: None) -> None:
        self._store, self._told = store, told
        self._hashes = fsck_runs.Hashes()
        self._outputs: dict[tuple[Path, str], str | None] = {}
        self._code: dict[str, Standing] = {}
        self._runs = frozenset(store.ids())

    def record(self, run: Run) -> Standing:
        """The files beside the record, and itself."""
        broken = check_sums(self._store.folder(run.id))
        if not broken:
            return ok()
        found = tuple(missing(said, COPY) if said.endswith("gone") else changed(said, COPY) for said in broken)
        return together(found) or ok()

    def code(self, run: Run) -> Standing:
        """The code that it ran."""
        digest = run.code.digest
        if digest not in self._code:
            self._code[digest] = self._looked_at(digest)
        return self._code[digest]

    def _looked_at(self, digest: str) -> Standing:
        if not _DIGEST.fullmatch(digest) or not snapshots.manifest_path(self._store.path, digest).exists():
            return missing("the list of its files is gone", COPY)
        try:
            entries = snapshots.manifest(self._store.path, digest).entries
            whole = snapshots.identity(entries) == digest
        except (StoreError, OSError, ValueError) as problem:
            return changed(f"the list of its files can't be read: {problem}", COPY)
        if not whole:
            return changed("the list of its files is not the one that it was", COPY)
        if lost := fsck_code.lacking(entries, self._contents):
            damaged = [display(pack.path.name) for pack in self._packs if not pack.whole]
            if damaged:
                said = f"{some(lost)} can't be had: the pack {damaged[0][:12]} is damaged"
                return changed(said, f"{COPY}; {_SEE}")
            return missing(f"the contents of {some(lost)} are gone", f"{COPY}; {_SEE}")
        return ok()

    def results(self, run: Run) -> Standing | None:
        """What it wrote; None for a run that wrote nothing."""
        if run.outputs and bundle.lacks_results(self._store, run):
            return missing("they were not pushed with the run", "push them from where the run was made")
        folder = self._store.folder(run.id) / "outputs"
        found = [
            self._result(folder / from_text(output.path), output, f"`{display(from_text(output.path))}`")
            for output in run.outputs
        ]
        return together(tuple(found))

    def _result(self, path: Path, output: Output, name: str) -> Standing:
        if output.link is not None:
            said = fsck_runs.wrong(path, output, self._hashes)
        else:
            said = self._wrong(path, output.sha256 or "", output.size)
        if said is None:
            return ok()
        hint = fsck_runs.remedy(self._store, output, self._hashes)
        return (changed if os.path.lexists(path) else missing)(f"{name} {said}", hint)

    def _wrong(self, path: Path, sha256: str, size: int | None = None) -> str | None:
        """What is wrong with a file that was kept, each looked at once."""
        key = path, sha256
        if key not in self._outputs:
            self._outputs[key] = self._read(path, sha256, size)
        return self._outputs[key]

    def _read(self, path: Path, sha256: str, size: int | None) -> str | None:
        if size is None:
            try:
                size = path.lstat().st_size
            except (OSError, ValueError):
                return "is gone"
        said = Output(path="", size=size, sha256=sha256, mode=0, change="")
        return fsck_runs.wrong(path, said, self._hashes)

    def weights(self, run: Run, data: Mapping[str, Standing]) -> Standing | None:
        """What earlier runs wrote and this one had; None when there is nothing of the kind.

        `data` has how each of its data stands: what it had there is not lost with the run that wrote it.
        """
        taken = [self._taken(run, one) for one in run.taken]
        own = {(one.run, one.path, one.sha256) for one in run.taken}
        rest = [self._parent(run, one, data) for one in run.parents if (one.run, one.path, one.sha256) not in own]
        return together((*taken, *rest))

    def _taken(self, run: Run, one: Taken) -> Standing:
        if not bundle.is_inside(from_text(one.target)):
            return unknown(f"the record names `{display(from_text(one.target))}`, which is no place in the project")
        places = bundle.taken_places(self._store, run, one)
        tried = [self._wrong(place, one.sha256) for place in self._allowed(one.run, one.path, places)]
        return ok() if None in tried else self._lost(one.run, one.path, tried)

    def _parent(self, run: Run, one: Parent, data: Mapping[str, Standing]) -> Standing:
        place = self._store.folder(one.run) / "outputs" / from_text(one.path)
        tried = [self._wrong(place, one.sha256) for place in self._allowed(one.run, one.path, (place,))]
        if None in tried:
            return ok()
        had = f"`{display(from_text(one.input))}`"
        if digests.hex_of(one.sha256) in self._contents:
            return ok(f"{had} is in the code; the run that wrote it has lost it")
        if any(_is_in(one.input, path) and found.is_ok for path, found in data.items()):
            return ok(f"{had} is in the data; the run that wrote it has lost it")
        return self._lost(one.run, one.path, tried)

    def _allowed(self, run_id: str, path: str, places: tuple[Path, ...]) -> Iterator[Path]:
        """The places that may be looked at: IDs and paths of a record can be anybody's."""
        first, *rest = places
        if run_id in self._runs and bundle.is_inside(from_text(path)):
            yield first
        yield from rest

    def _lost(self, run_id: str, path: str, tried: list[str | None]) -> Standing:
        name = f"`{display(from_text(path))}` of run {display(run_id)}"
        said = next((text for text in tried if text and text != "is gone"), None)
        hint = f"bring that run back with `snap pull` or `snap import`; {_SEE}"
        return changed(f"{name} {said}", hint) if said else missing(f"{name} is gone", hint)

    @cached_property
    def _packs(self) -> list[Pack]:
        return survey(self._store.path, lambda done, total: self._told(f"code, {100 * done // max(total, 1)} %"))

    @cached_property
    def _contents(self) -> dict[str, int]:
        return fsck_code.contents(self._packs)


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
