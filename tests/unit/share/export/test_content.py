"""What an export has, file by file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.image.dockerfile import Layer
from snapshot.lock import document as lock_document
from snapshot.record import reads
from snapshot.record.document import Data, Determinism, Run
from snapshot.record.reads import ReadsFile
from snapshot.record.store import Store
from snapshot.share.export import lock as locks
from snapshot.share.export.content import Content, Platform, gather
from snapshot.share.export.options import Options
from snapshot.share.export.private import Private
from snapshot.share.export.redaction import report
from tests.unit.record.stores import listed, trained
from tests.unit.share import kits

NOTEBOOK = {
    "cells": [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [{"text": "alice"}]}],
    "nbformat": 4,
    "nbformat_minor": 5,
}
CODE = {
    "train.py": "import snapshot\n",
    "see.ipynb": json.dumps(NOTEBOOK),
    "notes.md": "an idea",
    "LICENSE": "MIT",
    "snap.lock": "made at http://127.0.0.1:1/simple",
}


@pytest.fixture
def run(store: Store) -> Run:
    run = trained(store, 1, kits.OUTPUTS, CODE)
    reads.write(store.folder(run.id), ReadsFile(processes=1, project=("train.py", "see.ipynb")))
    return run


def gathered(store: Store, run: Run, tmp_path: Path, *, url: str | None = None, **options: Any) -> Content:
    lock = kits.a_lock()
    wheel = msgspec.structs.replace(lock.packages[0].wheel, url=url)
    lock = msgspec.structs.replace(lock, packages=(msgspec.structs.replace(lock.packages[0], wheels=(wheel,)),))
    (tmp_path / "context/tools").mkdir(parents=True, exist_ok=True)
    (tmp_path / "context/tools/install_wheels.py").write_text("")
    platform = Platform(
        lock=locks.public(lock),
        layers=(Layer(context="wheels-tiny", packages=lock.packages),),
        context=tmp_path / "context",
        base=tmp_path / "rootfs.tar.gz",
        environment={"PATH": "/bin:$X"},
    )
    return gather(store, run, platform, Options(**options), Private())


def content(found: Content, path: str) -> str:
    (entry,) = [one for one in found.entries if one.path == path]
    return (entry.source if isinstance(entry.source, bytes) else entry.source.read_bytes()).decode()


def paths(found: Content) -> list[str]:
    return sorted(one.path for one in found.entries if one.path.partition("/")[0] not in ("tools", "image"))


def test_it_has_the_code_that_was_used_and_the_results(store: Store, run: Run, tmp_path: Path) -> None:
    found = gathered(store, run, tmp_path)
    assert paths(found) == [
        *(".dockerignore", "CITATION.cff", "Dockerfile", "LICENSE", "README.md", "base/rootfs.tar.gz", "log"),
        *("requirements.txt", "results/loss.json", "results/out/model.pt", "retrained", "ro-crate-metadata.json"),
        *("run.public.json", "snap.lock", f"wheels/wheels-tiny/{kits.WHEEL}"),
        *("workspace/LICENSE", "workspace/see.ipynb", "workspace/train.py"),
    ]
    assert found.left_out == ("workspace/notes.md", "workspace/snap.lock")
    assert found.carried == (kits.WHEEL,)
    assert "2 files of the code" in report(found, Options(), ())


def test_notebooks_have_no_outputs_and_the_record_says_what_they_are_now(
    store: Store, run: Run, tmp_path: Path
) -> None:
    found = gathered(store, run, tmp_path)
    assert "alice" not in content(found, "workspace/see.ipynb")
    assert found.notebooks == ("workspace/see.ipynb",)
    (sha256,) = [one.sha256 for one in found.public.code if one.path == "see.ipynb"]
    (was,) = [one.sha256 for one in gathered(store, run, tmp_path).public.code if one.path == "see.ipynb"]
    assert sha256 == was
    assert "`workspace/see.ipynb`: without outputs" in report(found, Options(), ())


def test_with_all_code_the_lock_among_it_is_the_public_one(store: Store, run: Run, tmp_path: Path) -> None:
    found = gathered(store, run, tmp_path, all_code=True)
    assert found.left_out == ()
    assert content(found, "workspace/snap.lock") == content(found, "snap.lock")
    assert "127.0.0.1" not in content(found, "workspace/snap.lock")
    assert lock_document.loads(content(found, "snap.lock")).digest == kits.a_lock().digest
    assert "since it was asked for" in report(found, Options(), ())


def test_packages_that_everybody_can_fetch_are_fetched_unless_all_are_to_go_along(
    store: Store, run: Run, tmp_path: Path
) -> None:
    url = f"https://files.pythonhosted.org/packages/{kits.WHEEL}"
    found = gathered(store, run, tmp_path, url=url)
    assert f"wheels/wheels-tiny/{kits.WHEEL}" not in paths(found)
    (listed,) = json.loads(content(found, "tools/packages.json"))
    assert (listed["path"], listed["urls"]) == (f"wheels/wheels-tiny/{kits.WHEEL}", [url])
    assert "COPY --from=fetched /fetched/wheels/wheels-tiny /" in content(found, "Dockerfile")
    along = gathered(store, run, tmp_path, url=url, with_packages=True)
    assert f"wheels/wheels-tiny/{kits.WHEEL}" in paths(along)
    assert "fetch" not in content(along, "Dockerfile")
    assert along.carried == ()


def test_the_dockerfile_makes_a_base_that_travels_along(store: Store, run: Run, tmp_path: Path) -> None:
    text = content(gathered(store, run, tmp_path), "Dockerfile")
    assert "ADD base/rootfs.tar.gz /" in text
    assert 'PATH="/bin:\\$X"' in text
    assert "COPY image /\n" in text  # the script imports `snapshot`


def test_what_makes_a_run_repeat_itself_goes_along(store: Store, run: Run, tmp_path: Path) -> None:
    wanted = Determinism(mode="strict", seed=7, environment={"PYTHONHASHSEED": "7"})
    found = gathered(store, msgspec.structs.replace(run, determinism=wanted), tmp_path)
    assert (found.public.determinism, found.public.seed) == ("strict", 7)
    assert found.public.environment["SNAP_DETERMINISM"] == "strict:7"
    assert found.public.environment["PYTHONHASHSEED"] == "7"
    there = [one.path for one in found.entries if one.path.startswith("image/")]
    assert "image/opt/snap/lib/snapshot/run/inside/determined.py" in there
    (start,) = [path for path in there if path.endswith(".pth")]
    assert "/opt/snap/lib/snapshot/run/inside/determined.py" in content(found, start)


def test_data_are_named_with_their_places_and_lists(store: Store, run: Run, tmp_path: Path) -> None:
    data = listed(store, b"snap.data/1\n" + b"0" * 64 + b" 3 a.csv\0")
    found = gathered(store, msgspec.structs.replace(run, data=(data,)), tmp_path)
    assert not found.public.data  # it was ignored, and nothing of it was opened
    declared = msgspec.structs.replace(data, reason="declared")
    one = Data(path="/srv/one.csv", target="/srv/one.csv", kind="file", reason="option", digest="sha256:" + "1" * 64)
    found = gathered(store, msgspec.structs.replace(run, data=(declared, one)), tmp_path)
    assert f"manifests/{(data.digest or '').removeprefix('sha256:')}.gz" in paths(found)
    readme = content(found, "README.md")
    assert "`data/workspace/data`, a folder, sha256:" in readme
    assert "`data/srv/one.csv`, a file, sha256:1111" in readme
    assert "'--mount=type=bind,target=/srv/one.csv,source='\"$PWD\"'/data/srv/one.csv,readonly'" in readme


def test_what_is_looked_through_is_what_is_somebodys_own(store: Store, run: Run, tmp_path: Path) -> None:
    found = gathered(store, run, tmp_path)
    tops = {entry.path.partition("/")[0] for entry in found.looked_at()}
    assert tops.isdisjoint({"tools", "image", "base", "wheels"})
    assert {"workspace", "results", "log", "snap.lock", "README.md", "ro-crate-metadata.json"} <= tops
    assert found.unseen() == ("workspace/notes.md", "workspace/snap.lock")


def test_the_citation_of_a_project_is_kept(store: Store, tmp_path: Path) -> None:
    run = trained(store, 2, {}, {"train.py": "", "CITATION.cff": "title: Spirals\n"})
    reads.write(store.folder(run.id), ReadsFile(processes=1, project=("train.py",)))
    found = gathered(store, run, tmp_path)
    assert content(found, "CITATION.cff") == "title: Spirals\n"
    root = json.loads(content(found, "ro-crate-metadata.json"))["@graph"][1]
    assert (root["name"], root["license"]) == ("Spirals", {"@id": "#license"})
