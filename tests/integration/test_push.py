"""A run in a registry: pushed, repeated by plain Docker, pulled elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
from pathlib import Path

import pytest

from snapshot import digest
from snapshot.host import overlay2
from snapshot.host.engine import Engine
from snapshot.host.registry import Registry, parse
from tests.integration.registries import Secured
from tests.integration.scenario import Project
from tests.schemas import validate, validator

TRAIN = """
    import json, os, sys
    import snapshot
    rate = float(sys.argv[1])
    snapshot.log(step=1, loss=rate / 2)
    json.dump({"loss": rate / 2, "who": os.environ["WHO"]}, open("metrics.json", "w"))
    os.makedirs("out", exist_ok=True)
    open("out/model.bin", "wb").write(bytes(range(256)) * 100)
"""


def docker(env: dict[str, str], *words: str) -> str:
    done = subprocess.run(["docker", *words], env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def pull(folder: Path, env: dict[str, str], reference: str, *options: str) -> Project:
    """Another user's project, with caches of her own, who pulls into an empty folder."""
    other = Project(folder, {**env, "XDG_CACHE_HOME": str(folder) + "-cache"})
    (folder / "requirements.txt").unlink()
    done = other.snap("pull", reference, *options)
    assert done.returncode == 0, done.stderr
    return other


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("push")
    project = Project(folder / "project", {**engine, "XDG_CACHE_HOME": str(folder / "cache")})
    project.script(TRAIN)
    done = project.snap("run", "--env", "WHO=ada", "--name", "digits", "train.py", "0.5")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture(scope="module")
def pushed(project: Project, registry: str) -> str:
    """What `snap push` prints: the reference with the digest."""
    done = project.snap("push", "latest", f"{registry}/team/digits:best")
    assert done.returncode == 0, done.stderr
    assert "can read the values of `WHO`" in done.stderr
    return done.stdout.strip()


def test_the_registry_has_what_was_printed(project: Project, registry: str, pushed: str) -> None:
    reference, _, digest = pushed.partition("@")
    assert reference == f"{registry}/team/digits:best"
    manifest = Registry(parse(reference)).get_manifest("best")
    assert manifest is not None
    assert manifest.digest == digest
    validator("snap.image/1").validate(json.loads(manifest.data))
    told = json.loads(manifest.data)["annotations"]
    assert told["org.snapshot-ml.run"] == project.record()["id"]
    assert told["org.snapshot-ml.command"] == "train.py 0.5"
    assert json.loads(told["org.snapshot-ml.metrics"])["metrics.loss"] == 0.25
    assert "ada" not in json.dumps(told)
    labels = json.loads((project.path / ".snap/labels" / f"{project.record()['id']}.json").read_text())
    assert validate(labels) == "snap.labels/1"
    assert [(one["reference"], one["digest"]) for one in labels["pushed"]] == [(reference, digest)]


def test_layers_are_read_where_the_engine_keeps_them(project: Project, here: Engine) -> None:
    image, info = here.image(project.record()["platform"]["reference"]), here.info()
    if info["Driver"] != "overlay2" or os.geteuid() != 0:
        pytest.skip("only root can read the files of an engine, and only overlay2's are known")
    assert image is not None
    root = Path(info["DockerRootDir"])
    assert overlay2.config(root, image.id) is not None
    for diff_id, chunks in zip(image.layers, overlay2.tars(root, image.layers), strict=True):
        hasher = hashlib.sha256()
        for chunk in chunks:
            hasher.update(chunk)
        assert f"sha256:{hasher.hexdigest()}" == diff_id


def test_plain_docker_repeats_it(project: Project, pushed: str, tmp_path: Path) -> None:
    env = project.env
    try:
        docker(env, "run", "--name", "snap-test-push", pushed)
        docker(env, "cp", "snap-test-push:/workspace", str(tmp_path))
    finally:
        docker(env, "rm", "--force", "snap-test-push")
        docker(env, "image", "rm", pushed)
    for path in ("metrics.json", "out/model.bin", "snap-metrics.jsonl"):
        assert (tmp_path / "workspace" / path).read_bytes() == (project.path / path).read_bytes()


def test_the_second_push_sends_the_run_alone(project: Project, registry: str, pushed: str) -> None:
    assert project.snap("run", "--env", "WHO=bob", "train.py", "0.7").returncode == 0
    # No engine: what is known of the platform is enough.
    without = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = project.snap("push", "latest", f"{registry}/team/digits", env=without)
    assert done.returncode == 0, done.stderr
    assert " kB were new to the registry" in done.stderr
    listed = json.loads(project.snap("ls", f"{registry}/team/digits", "--json", env=without).stdout)
    told = [one["annotations"]["org.snapshot-ml.run"] for one in listed]
    assert told == [project.record()["id"], project.record("digits")["id"]]
    again = project.snap("push", "latest", f"{registry}/team/digits", env=without)
    assert again.stdout == done.stdout
    assert "0 B were new to the registry" in again.stderr
    assert project.record()["id"] in done.stdout
    # The registry has its layers in another repository.
    assert project.snap("push", "latest", f"{registry}/team/elsewhere", env=without).returncode == 0


def test_pulled_on_an_engine_with_another_store_it_is_the_same_run(
    project: Project, pushed: str, second_engine, tmp_path: Path
) -> None:
    run = project.record("digits")
    name = run["platform"]["reference"]
    subprocess.run(["docker", "image", "rm", "--force", name], env=second_engine, capture_output=True, check=False)
    other = pull(tmp_path / "other", second_engine, pushed)
    assert other.record() == run
    for output in run["outputs"]:
        kept = other.path / ".snap/runs" / run["id"] / "outputs" / output["path"]
        assert kept.read_bytes() == (project.path / ".snap/runs" / run["id"] / "outputs" / output["path"]).read_bytes()
    assert other.snap("fsck").returncode == 0
    assert f"taken in from {pushed}" in other.snap("show").stdout
    layers = "{{json .RootFS.Layers}}"
    there = docker(second_engine, "image", "inspect", "--format", layers, name)
    assert there == docker(project.env, "image", "inspect", "--format", layers, name)
    again = other.snap("pull", pushed)
    assert again.returncode == 0, again.stderr


def test_without_results_nobody_cries_wolf(project: Project, secure_registry: Secured, tmp_path: Path, engine) -> None:
    secure = {"SSL_CERT_FILE": str(secure_registry.authority), "DOCKER_CONFIG": str(secure_registry.docker_config)}
    reference = f"{secure_registry.address}/team/digits:bare"
    done = project.snap("push", "digits", reference, "--no-results", env=secure)
    assert done.returncode == 0, done.stderr
    other = pull(tmp_path / "other", {**engine, **secure}, reference, "--no-image")
    assert "they were not pushed" in other.snap("show").stdout
    assert other.snap("fsck").returncode == 0
    assert not (other.path / ".snap/runs" / project.record("digits")["id"] / "outputs").exists()
    refused = other.snap("push", "latest", reference, env={"DOCKER_CONFIG": str(tmp_path)})
    assert (refused.returncode, "docker login" in refused.stderr) == (7, True)


def test_what_was_tampered_with_is_refused(project: Project, pushed: str, engine, tmp_path: Path) -> None:
    """Somebody who may push puts another result in the place of one, with all digests of the registry right."""
    reference = parse(pushed.partition("@")[0])
    registry = Registry(reference)
    manifest = registry.get_manifest("best")
    assert manifest is not None
    said = json.loads(manifest.data)
    (number,) = (n for n, one in enumerate(said["layers"]) if one["annotations"]["org.snapshot-ml.layer"] == "results")
    layer = said["layers"][number]
    data = gzip.decompress(registry.read_blob(layer["digest"], layer["size"], layer["size"]))
    forged = data.replace(b'"loss": 0.25', b'"loss": 0.01')
    assert forged != data
    config = json.loads(registry.read_blob(said["config"]["digest"], said["config"]["size"], 1 << 20))
    config["rootfs"]["diff_ids"][number] = digest.of_bytes(forged)
    layer |= put(registry, gzip.compress(forged))
    said["config"] |= put(registry, json.dumps(config).encode())
    registry.put_manifest("forged", json.dumps(said).encode(), manifest.media_type)
    other = Project(tmp_path / "other", {**engine, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    refused = other.snap("pull", f"{reference.name}:forged", "--no-image")
    assert (refused.returncode, "is not the one that the record names" in refused.stderr) == (5, True)
    assert other.snap("ls").stdout == ""


def put(registry: Registry, data: bytes) -> dict[str, object]:
    """Have the registry keep `data`; how a manifest names it."""

    def opened(offset: int) -> io.BytesIO:
        return io.BytesIO(data[offset:])

    registry.put_blob(digest.of_bytes(data), len(data), opened)
    return {"digest": digest.of_bytes(data), "size": len(data)}
