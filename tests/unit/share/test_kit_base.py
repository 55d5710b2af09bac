"""The base in a kit: the locked one, under its own name and no other."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from snapshot.errors import IntegrityError
from snapshot.image import bases
from snapshot.share.kit import base
from snapshot.share.tar import tar
from tests.unit.share import kits
from tests.unit.share.kits import LAYER, layout


def refused(folder: Path) -> None:
    with pytest.raises(IntegrityError, match="is not the one that its lock names"):
        base.check(folder, "base:12", (LAYER,))


def test_the_one_that_the_lock_names(tmp_path: Path) -> None:
    base.check(layout(tmp_path / "a"), "base:12", (LAYER,))


def test_other_layers_other_names_and_more_names(tmp_path: Path) -> None:
    refused(layout(tmp_path / "a", layers=("sha256:" + "b" * 64,)))
    refused(layout(tmp_path / "b", name="python:3.12"))
    refused(layout(tmp_path / "c", RepoTags=["base:12", "python:3.12"]))
    refused(layout(tmp_path / "d", RepoTags=None))


def test_a_second_image_in_the_index_alone(tmp_path: Path) -> None:
    folder = layout(tmp_path / "a")
    found = json.loads((folder / "index.json").read_text())
    found["manifests"].append({"digest": LAYER, "annotations": {"io.containerd.image.name": "docker.io/library/x:1"}})
    (folder / "index.json").write_text(json.dumps(found))
    refused(folder)


def test_documents_that_are_gone_or_lead_out(tmp_path: Path) -> None:
    for name in ("index.json", "manifest.json"):
        folder = layout(tmp_path / name)
        (folder / name).unlink()
        refused(folder)
    refused(layout(tmp_path / "a", Config="../../secret.json"))
    refused(layout(tmp_path / "b", Layers=["../layer.tar"]))
    refused(layout(tmp_path / "c", Layers=["blobs/sha256/" + "0" * 64]))


def test_what_the_engine_gets_is_the_layout_and_nothing_beside_it(tmp_path: Path) -> None:
    folder = layout(tmp_path / "a")
    (folder / "repositories").write_text("{}")
    (folder / "blobs" / "more").write_text("x")
    data = b"".join(tar(base.entries(folder, ""), 0))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert sorted(name for name in names if "/" not in name) == ["index.json", "manifest.json", "oci-layout"]
    assert len([name for name in names if name.startswith("blobs/sha256/")]) == len(names) - 3 == 2


def test_a_base_of_a_registry_has_a_name_of_its_own() -> None:
    own, registered = kits.a_lock(), kits.a_lock(digest="sha256:" + "5" * 64)
    assert bases.archived_reference(own) == "base:12"
    assert bases.archived_reference(registered) == "snap-base:5555555555555555"
    assert bases.contexts(own, "base:12") == {}
    name = "base:12@sha256:" + "5" * 64
    assert bases.contexts(registered, name) == {}
    assert bases.contexts(registered, "snap-base:5555555555555555") == {
        name: "docker-image://snap-base:5555555555555555"
    }
