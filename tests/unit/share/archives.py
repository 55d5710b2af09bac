"""Runs in a registry's double, with a double of the engine that has their platform; and ways to forge them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from snapshot import digest
from snapshot.host.engine import Image
from snapshot.image.dockerfile import image_reference
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.share.tar import Chunks
from tests.unit.host.registry_double import RegistryDouble, digest_of
from tests.unit.record.records import a_run
from tests.unit.share import kits

OCI, DOCKER = "application/vnd.oci.image", "application/vnd.docker"


def tar_of(files: dict[str, bytes], links: dict[str, bytes] | None = None) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, text in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, text.decode()
            archive.addfile(info)
    return data.getvalue()


BASE, TOP = tar_of({"etc/os-release": b"debian\n" * 1000}), tar_of({"usr/lib/spam.py": b"spam = 1\n"})


class EngineDouble:
    """One of either kind of store; it loads and saves images as real ones do, layouts and IDs included."""

    def __init__(self, store: str = "overlay2") -> None:
        self.store = store
        self.images: dict[str, Image] = {}
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, str] = {}
        self.saves = 0

    def info(self) -> dict[str, Any]:
        return {"Driver": {"containerd": "overlayfs"}.get(self.store, self.store), "DockerRootDir": "/nowhere"}

    def have(self, reference: str, layers: Iterable[bytes] = (BASE, TOP)) -> str:
        """Give it an image; the base is compressed in containerd's store, as one that was pulled. Its ID."""
        tars = list(layers)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Env": ["PATH=/bin", "HOME=/root"],
                "Entrypoint": ["/entry"],
                "User": "1000",
                "Labels": {"a": "b"},
            },
            "history": [{"created_by": "one"}],
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        }
        blobs = [gzip.compress(tars[0], mtime=0), *tars[1:]] if self.store == "containerd" else tars
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{DOCKER}.distribution.manifest.v2+json",
            "config": self._descriptor(f"{DOCKER}.container.image.v1+json", json.dumps(config).encode()),
            "layers": [self._descriptor(f"{DOCKER}.image.rootfs.diff.tar", blob) for blob in blobs],
        }
        return self._register(reference, self._descriptor("", json.dumps(manifest, indent=1).encode())["digest"])

    def _descriptor(self, kind: str, data: bytes) -> dict[str, Any]:
        self.blobs[digest_of(data)] = data
        return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}

    def _register(self, reference: str, manifest: str) -> str:
        config = json.loads(self.blobs[manifest])["config"]["digest"]
        layers = tuple(json.loads(self.blobs[config])["rootfs"]["diff_ids"])
        image_id = manifest if self.store == "containerd" else config
        self.manifests[image_id] = manifest
        self.images[reference] = Image(
            id=image_id, reference=reference, layers=layers, digest=None, created="", os="linux", architecture="amd64"
        )
        return image_id

    def image(self, reference: str) -> Image | None:
        return next((one for name, one in self.images.items() if reference in (name, one.id)), None)

    def untag(self, reference: str) -> None:
        self.images.pop(reference, None)

    def save(self, reference: str) -> Iterator[bytes]:
        self.saves += 1
        manifest = self.manifests[reference]
        said = json.loads(self.blobs[manifest])
        names = sorted({manifest, said["config"]["digest"], *(layer["digest"] for layer in said["layers"])})
        files = {f"blobs/sha256/{digest.hex_of(name)}": self.blobs[name] for name in names}
        files["index.json"] = json.dumps({"manifests": [{"digest": manifest}]}).encode()
        data = tar_of({**files, "oci-layout": b"{}"})
        yield from (data[start : start + 1000] for start in range(0, len(data), 1000))

    def load(self, chunks: Iterator[bytes]) -> None:
        with tarfile.open(fileobj=Chunks(chunks), mode="r|") as archive:
            files = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
        for name, data in files.items():
            if name.startswith("blobs/"):
                assert name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"
                self.blobs[digest_of(data)] = data
        (one,) = json.loads(files["index.json"])["manifests"]
        (saved,) = json.loads(files["manifest.json"])
        assert one["annotations"]["io.containerd.image.name"] == f"docker.io/library/{saved['RepoTags'][0]}"
        assert all(path in files for path in (saved["Config"], *saved["Layers"]))
        layers = json.loads(self.blobs[one["digest"]])["layers"]
        assert [f"blobs/sha256/{digest.hex_of(layer['digest'])}" for layer in layers] == saved["Layers"]
        self._register(saved["RepoTags"][0], one["digest"])


def trained(store: Store, engine: EngineDouble, number: int = 1, lock: Lock | None = None, **changes: Any) -> Run:
    """A run that is kept in `store` and whose platform `engine` has."""
    lock = lock or kits.a_lock()
    reference = image_reference(lock)
    known = engine.image(reference)
    image = known.id if known else engine.have(reference)
    platform = msgspec.structs.replace(a_run().platform, image=image, reference=reference, lock=lock.digest)
    return kits.kept(store, number, lock, **{"platform": platform, **changes})


class Forger:
    """Somebody who changes what a registry has, with all digests right again."""

    def __init__(self, registry: RegistryDouble, tag: str) -> None:
        self.registry, self.tag = registry, tag
        self.manifest = json.loads(registry.manifests[tag])
        self.config = json.loads(registry.blobs[self.manifest["config"]["digest"]])

    def layer(self, role: str) -> int:
        return next(n for n, one in enumerate(self.manifest["layers"]) if self.role(n) == role)

    def role(self, number: int) -> str:
        return str(self.manifest["layers"][number]["annotations"]["org.snapshot-ml.layer"])

    def files(self, role: str) -> dict[str, bytes]:
        """The files in a layer."""
        data = gzip.decompress(self.registry.blobs[self.manifest["layers"][self.layer(role)]["digest"]])
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return {one.name: archive.extractfile(one).read() for one in archive if one.isreg()}  # type: ignore[union-attr]

    def replace(self, role: str, tar: bytes, *, size: int | None = None, blob: bytes | None = None) -> None:
        """Put another tar in the place of a layer."""
        number = self.layer(role)
        blob = gzip.compress(tar) if blob is None else blob
        self.registry.blobs[digest_of(blob)] = blob
        said = self.manifest["layers"][number]
        said |= {"digest": digest_of(blob), "size": len(blob)}
        said["annotations"]["org.snapshot-ml.size"] = str(len(tar) if size is None else size)
        self.config["rootfs"]["diff_ids"][number] = digest_of(tar)

    def change_record(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the record, and its digest in the run's own sums."""
        files = self.files("record")
        run = json.loads(files["opt/snap/run.json"])
        change(run)
        old = hashlib.sha256(files["opt/snap/run.json"]).hexdigest().encode()
        files["opt/snap/run.json"] = json.dumps(run).encode()
        new = hashlib.sha256(files["opt/snap/run.json"]).hexdigest().encode()
        files["opt/snap/SHA256SUMS"] = files["opt/snap/SHA256SUMS"].replace(old, new)
        self.replace("record", tar_of(files))

    def push(self) -> None:
        config = json.dumps(self.config).encode()
        self.registry.blobs[digest_of(config)] = config
        self.manifest["config"] |= {"digest": digest_of(config), "size": len(config)}
        self.registry.manifests[self.tag] = json.dumps(self.manifest).encode()
