"""Stores with runs that have real code, outputs and checksums, for tests of what looks after them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from snapshot.project.tree import scan
from snapshot.record.code import snapshots
from snapshot.record.document import Code, Data, Output, Run
from snapshot.record.store import Store
from snapshot.record.sums import write_sums
from tests.unit.record.records import a_run, keep


def trained(
    store: Store, number: int, outputs: Mapping[str, bytes], code: Mapping[str, str] | None = None, **changes: Any
) -> Run:
    """Keep the `number`th run with these outputs; its code are the files of `code`, written into the project."""
    store.create()
    for name, text in (code or {"train.py": "print(1)\n"}).items():
        (store.project / name).write_text(text)
    taken = snapshots.take(store.path, store.project, scan(store.project))
    run = a_run(
        number,
        code=Code(digest=taken.digest, files=taken.files, bytes=taken.bytes, git=None),
        outputs=tuple(_output(name, content) for name, content in outputs.items()),
    )
    run = msgspec.structs.replace(run, **changes)
    keep(store, run)
    for name, content in outputs.items():
        path = store.folder(run.id) / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (store.folder(run.id) / "log").write_text("step 1\n")
    write_sums(store.folder(run.id))
    return run


def listed(store: Store, entries: bytes) -> Data:
    """Data whose list of files is kept in the store."""
    digest = hashlib.sha256(entries).hexdigest()
    (store.path / "data").mkdir(parents=True, exist_ok=True)
    (store.path / "data" / f"{digest}.gz").write_bytes(gzip.compress(entries, mtime=0))
    return Data(path="data", target="/workspace/data", kind="folder", reason="ignored", digest=f"sha256:{digest}")


def packs(store: Store) -> list[Path]:
    return sorted((store.path / "code/packs").glob("[!.]*.tar"))


def _output(name: str, content: bytes) -> Output:
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return Output(path=name, size=len(content), sha256=digest, mode=0o644, change="created")
