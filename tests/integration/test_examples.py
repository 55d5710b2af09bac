"""An example, trained for real: a complete record, images that come out the same again, a base from a registry."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.scenario import Project, complete


@pytest.fixture
def example(tmp_path: Path, engine: dict[str, str], repository: Path):
    def copy(name: str) -> Project:
        project = Project(tmp_path / name, engine)
        for file in ("train.py", "requirements.txt"):
            shutil.copy(repository / "examples" / name / file, project.path)
        return project

    return copy


def test_digits_trains_and_the_same_code_gives_the_same_model(example):
    project = example("digits")
    done = project.snap("run", "train.py")
    assert done.returncode == 0, done.stderr
    assert json.loads(project.read("metrics.json"))["accuracy"] > 0.9
    first = project.record()
    complete(first)
    assert {o["path"] for o in first["outputs"]} == {"model.pkl", "metrics.json"}
    assert project.snap("run", "train.py").returncode == 0
    again = project.record()
    assert {o["path"]: o["sha256"] for o in again["outputs"]} == {o["path"]: o["sha256"] for o in first["outputs"]}
    packages = project.snap("show").stdout
    assert "scikit-learn" in packages


def test_a_base_from_a_registry_is_pinned_by_digest(tmp_path: Path, engine: dict[str, str], registry: str):
    project = Project(tmp_path / "project", engine)
    name = f"{registry}/team/python:3.11"
    subprocess.run(["docker", "tag", "snapshot-base:bookworm", name], env=engine, check=True)
    subprocess.run(["docker", "push", "-q", name], env=engine, check=True, capture_output=True)
    subprocess.run(["docker", "rmi", name], env=engine, check=True, capture_output=True)
    try:
        project.write("snap.toml", f'base = "{name}"\n')
        project.script("print('ran')")
        done = project.snap("run", "train.py")
        assert done.stdout == "ran\n", done.stderr
        record = project.record()
        assert record["platform"]["base"] == name
        assert record["platform"]["base_digest"].startswith("sha256:")
        assert record["platform"]["base_digest"] in project.read("snap.lock")
        # The tag moves on; the lock does not.
        other = subprocess.run(
            ["docker", "build", "-q", "-t", name, "-"], env=engine, input=b"FROM snapshot-base:bookworm\nLABEL a=1\n",
            check=True, capture_output=True,
        )  # fmt: skip
        assert other.returncode == 0
        subprocess.run(["docker", "push", "-q", name], env=engine, check=True, capture_output=True)
        assert project.snap("lock").returncode == 0
        assert record["platform"]["base_digest"] in project.read("snap.lock")
        assert project.snap("run", "train.py").stdout == "ran\n"
    finally:
        subprocess.run(["docker", "rmi", "-f", name], env=engine, check=False, capture_output=True)


def test_a_base_that_can_not_be_pulled_says_how_to_make_one(tmp_path: Path, engine: dict[str, str], registry: str):
    project = Project(tmp_path / "project", engine)
    project.write("snap.toml", f'base = "{registry}/no/such:tag"\n')
    project.script("print('never')")
    done = project.snap("lock")
    assert done.returncode in (4, 7)
    assert f"error: `{registry}/no/such:tag` can't be pulled" in done.stderr
    assert "scripts/build-base" in done.stderr
    assert not (project.path / "snap.lock").exists()


def test_another_engine_builds_the_same_image(
    tmp_path: Path, engine: dict[str, str], twin: str, engine_environment
) -> None:
    here = Project(tmp_path / "here", engine)
    here.write("requirements.txt", "numpy\nsix\n")
    built = here.snap("build", "--no-cache")
    assert built.returncode == 0, built.stderr
    there = Project(tmp_path / "there", engine_environment(twin))
    for name in ("requirements.txt", "snap.lock"):
        shutil.copy(here.path / name, there.path)
    again = there.snap("build", "--offline")
    assert again.returncode == 0, again.stderr
    assert again.stdout == built.stdout


def test_plain_docker_builds_the_same_image_from_what_snap_writes(tmp_path: Path, engine: dict[str, str]):
    project = Project(tmp_path / "project", engine)
    project.write("requirements.txt", "six\nclick\n")
    built = project.snap("build")
    assert built.returncode == 0, built.stderr
    context = tmp_path / "context"
    assert project.snap("build", "--context", str(context)).returncode == 0
    text = (context / "Dockerfile").read_text()
    lines = text[text.index("docker buildx build") : text.index("- < Dockerfile")].splitlines()
    plain = " ".join(line.strip("# \\") for line in lines).replace("name=snap:", "name=plain:")
    subprocess.run(
        ["sh", "-c", f"{plain} --no-cache - < Dockerfile"], cwd=context, env=engine, check=True, capture_output=True
    )
    name = next(word.split(",")[1].removeprefix("name=") for word in plain.split() if word.startswith("type=image"))
    image = subprocess.run(
        ["docker", "image", "inspect", "-f", "{{.Id}}", name], env=engine, check=True, capture_output=True, text=True
    ).stdout
    subprocess.run(["docker", "rmi", name], env=engine, check=True, capture_output=True)
    assert image == built.stdout
    assert project.snap("build", "--context", str(context)).returncode == 2, "a folder that is not empty is refused"
