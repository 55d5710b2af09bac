"""Kits of small runs, made without an engine, and ways to spoil them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from snapshot.document import encode_json
from snapshot.lock import document as lock_document
from snapshot.lock.document import Base, Lock, OperatingSystem, Package, Python, Sources, Wheel
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.record.sums import write_sums
from snapshot.share import bundle
from snapshot.share.entry import Entry
from snapshot.share.kit import document, readme, sums, target
from snapshot.share.kit.document import Kit
from tests.unit.record.records import a_run
from tests.unit.record.stores import trained

WHEEL = "spam-1.0-py3-none-any.whl"
LAYER = "sha256:" + "a" * 64
EPOCH = 1783764997
OUTPUTS = {"out/model.pt": b"weights", "loss.json": b'{"loss": 0.5}'}


def a_lock(wheel: bytes = b"a wheel", **base: Any) -> Lock:
    package = Package(
        name="spam", version="1.0", wheels=(Wheel(name=WHEEL, hashes={"sha256": hashlib.sha256(wheel).hexdigest()}),)
    )
    return Lock(
        source_date_epoch=EPOCH,
        sources=Sources(requirements=("spam",), base="b (chosen)", python="3.11 (base)", resolver="none"),
        base=Base(**{"reference": "base:12", "layers": (LAYER,), "os": "linux", "architecture": "amd64", **base}),
        os=OperatingSystem(id="debian", version="12", name="Debian 12"),
        python=Python(
            version="3.11.2", implementation="cpython", build="", executable="/usr/bin/python3", platform="x"
        ),
        packages=(package,),
    )


def kept(store: Store, number: int = 1, lock: Lock | None = None, **changes: Any) -> Run:
    """A finished run with its lock and its sums."""
    lock = lock or a_lock()
    platform = msgspec.structs.replace(a_run().platform, lock=lock.digest)
    run = trained(store, number, OUTPUTS, **{"platform": platform, **changes})
    folder = store.folder(run.id)
    (folder / "snap.lock").write_text(lock_document.dumps(lock))
    write_sums(folder)
    return run


def layout(folder: Path, name: str = "base:12", layers: tuple[str, ...] = (LAYER,), **changes: Any) -> Path:
    """An OCI layout as `docker save` writes it, of a base whose layer is no real one."""
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": layers}}).encode()
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    paths = []
    for data in (config, b"a layer"):
        path = blobs / hashlib.sha256(data).hexdigest()
        path.write_bytes(data)
        paths.append(path.relative_to(folder).as_posix())
    saved = {"Config": paths[0], "RepoTags": [name], "Layers": paths[1:], **changes}
    index = {"manifests": [{"digest": LAYER, "annotations": {"io.containerd.image.name": f"docker.io/library/{name}"}}]}
    (folder / "manifest.json").write_text(json.dumps([saved]))
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def entries(store: Store, run: Run, lock: Lock | None = None, wheel: bytes = b"a wheel") -> Iterator[Entry]:
    """What is in the kit, but for the base, which only an engine can load."""
    lock = lock or a_lock(wheel)
    base = document.Base(reference="base:12", name="base:12", layers=(LAYER,))
    kit = Kit(
        run=run.id, lock=lock.digest, reference="snap:1", image="sha256:1", store="overlay2", base=base, data=False
    )
    yield Entry(path="README.md", source=readme.render(run, lock, (), kit).encode())
    yield Entry(path="kit.json", source=encode_json(kit))
    yield Entry(path=f"wheels/wheels-tiny/{WHEEL}", source=wheel)
    yield from bundle.pack(store, run)


def write(found: Iterator[Entry] | list[Entry], path: Path) -> Path:
    with target.beside(path) as folder:
        target.write(found, path, folder, EPOCH, lambda done: None)
    return path


def resum(kit: Path) -> None:
    """Write the sums anew, as whoever spoils a kit on purpose does."""
    files = [path for path in sorted(kit.rglob("*")) if path.is_file() and not path.is_symlink()]
    found = {path.relative_to(kit).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    found.pop(document.SUMS)
    (kit / document.SUMS).write_bytes(sums.dumps(found))


def change_json(path: Path, change: Callable[[Any], None]) -> None:
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


def with_member(kit: Path, target: Path, member: tarfile.TarInfo, data: bytes = b"") -> Path:
    """The tar `kit` with one more member."""
    with tarfile.open(kit) as source, tarfile.open(target, "w") as archive:
        for one in source:
            archive.addfile(one, source.extractfile(one) if one.isreg() else None)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return target
