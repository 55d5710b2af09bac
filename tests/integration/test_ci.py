"""The examples of docs/how-to/ci.md are valid, and their steps do what they say, with the program from a wheel."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.test_package import outside

Environment = dict[str, str]

TRAIN = """
import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
epochs = parser.parse_args().epochs
json.dump({"loss": 1 / (1 + epochs)}, open("metrics.json", "w"))
"""
IN_A_FILE_SYSTEM_OF_ITS_OWN = 'mount -t tmpfs tmpfs "$HOME" && exec bash -eo pipefail -c "$0"'
"""What the job has of its own, the engine does not see."""


@pytest.fixture(scope="module")
def examples(repository: Path) -> dict[str, str]:
    """The text of each example, by the file that it is."""
    text = (repository / "docs/how-to/ci.md").read_text()
    hook, workflow, step, pipeline = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return {"hook": hook, "workflow": workflow, "step": step, "pipeline": pipeline}


@pytest.fixture(scope="module")
def index(command, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Where pip and pipx find this program, as they would find a release."""
    folder = tmp_path_factory.mktemp("index")
    command(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=repository)
    return {"PIP_FIND_LINKS": str(folder), "UV_FIND_LINKS": str(folder)}


@pytest.fixture
def runner(engine: Environment, index: Environment, cache: Path, tmp_path: Path) -> Environment:
    """The environment of a job: an engine, Python, pipx, a home that is empty, and a cache that another job left."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pipx").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipx "$@"\n')
    (tools / "pipx").chmod(0o755)
    shutil.copytree(engine["DOCKER_CONFIG"], tmp_path / "docker")  # `docker login` writes there
    home = tmp_path / "home"
    home.mkdir()
    env = outside() | {"DOCKER_HOST": engine["DOCKER_HOST"], "DOCKER_CONFIG": str(tmp_path / "docker")} | index
    env |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(cache),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
    }
    paths = [str(tmp_path / "bin"), str(tools), engine["PATH"].split(":")[0], env["PATH"]]
    return {key: value for key, value in env.items() if key != "PYTHONDONTWRITEBYTECODE"} | {"PATH": ":".join(paths)}


def project(command, folder: Path, runner: Environment) -> Path:
    """A project with a lock, as a job checks it out."""
    folder.mkdir(parents=True)
    (folder / "train.py").write_text(TRAIN)
    (folder / "requirements.txt").write_text("")
    command(sys.executable, "-m", "snapshot", "lock", cwd=folder, env=runner)
    return folder


def steps(job: dict[str, Any]) -> list[str]:
    """What a job runs where nothing goes wrong; what others' actions do is theirs."""
    return [step["run"] for step in job["steps"] if "run" in step and "failure" not in step.get("if", "")]


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("github-workflows", "workflow", ()),
        ("gitlab-ci", "pipeline", ("--data-transform", "gitlab-ci")),
    ],
)
def test_the_examples_are_what_github_and_gitlab_take(
    command, examples: dict[str, str], tmp_path: Path, kind: str, name: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "ci.yml").write_text(examples[name])
    check(command, kind, tmp_path / "ci.yml", *options)


def check(command, kind: str, path: Path, *options: str) -> None:
    command(sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{kind}", *options, path)


def test_the_action_is_one_and_gets_inputs_that_it_has(command, repository: Path, examples: dict[str, str]) -> None:
    check(command, "github-actions", repository / "action.yml")
    action = yaml.safe_load((repository / "action.yml").read_text())
    (told,) = re.findall(r"with ([^.]*) as its inputs", (repository / "docs/how-to/ci.md").read_text())
    assert set(re.findall(r"`([\w-]+)`", told)) == set(action["inputs"])
    used = {name for step in action["runs"]["steps"] for name in re.findall(r"inputs\.([\w-]+)", str(step))}
    assert used == set(action["inputs"])


def test_the_hook_is_one_that_is_there(repository: Path, examples: dict[str, str]) -> None:
    (repo,) = yaml.safe_load(examples["hook"])["repos"]
    known = {hook["id"] for hook in yaml.safe_load((repository / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in repo["hooks"]} <= known


def test_the_steps_of_the_workflow_and_of_the_action(
    command, examples: dict[str, str], repository: Path, runner: Environment, registry: str, tmp_path: Path
) -> None:
    jobs = yaml.safe_load(examples["workflow"])["jobs"]
    folder = project(command, tmp_path / "digits", runner)
    for step in steps(jobs["train"]):
        command("bash", "-e", "-c", step, cwd=folder, env=runner)
    assert "digits" in (folder / "report.html").read_text()
    best = f"{registry}/acme/digits:best"
    command("snap", "push", "latest", best, cwd=folder, env=runner)

    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    install, rerun = steps(jobs["still-the-same"])
    assert install in steps(jobs["train"])
    said = command("bash", "-e", "-c", rerun, cwd=elsewhere, env=runner | {"BEST": best}).stdout
    assert "identical" in said

    # On somebody else's machine, as the page ends.
    command("snap", "import", folder / "run.tar", cwd=elsewhere, env=runner)
    assert "identical" in command("snap", "rerun", "latest", cwd=elsewhere, env=runner).stdout

    action = yaml.safe_load((repository / "action.yml").read_text())["runs"]["steps"]
    *_, checked = [step["run"] for step in action if "run" in step]
    (folder / "requirements.txt").write_text("six\n")
    assert command("bash", "-e", "-c", checked, cwd=folder, env=runner, check=False).returncode == 1


def test_the_script_of_the_pipeline(
    command, examples: dict[str, str], runner: Environment, registry: str, cache: Path, tmp_path: Path
) -> None:
    """The job and its engine share `/builds` alone."""
    if os.getuid() != 0:
        pytest.skip("needs root for a file system of its own")
    pipeline = yaml.safe_load(examples["pipeline"])
    builds = tmp_path / "builds"
    folder = project(command, builds / "acme/digits", runner)
    shutil.copytree(cache, folder / ".cache")  # restored, as an earlier pipeline left it
    given = {
        "CI_BUILDS_DIR": str(builds), "CI_PROJECT_DIR": str(folder), "CI_REGISTRY": registry,
        "CI_REGISTRY_IMAGE": f"{registry}/acme/digits", "CI_REGISTRY_USER": "ann", "CI_REGISTRY_PASSWORD": "secret",
    }  # fmt: skip
    ours = {
        name: re.sub(r"\$(\w+)", lambda found: given[found[1]], value)
        for name, value in pipeline["variables"].items()
        if not name.startswith("DOCKER_")  # the engine is where it is
    }
    before = [line for line in pipeline["default"]["before_script"] if not line.startswith("apt-get ")]
    env = runner | given | ours | {"TMPDIR": runner["HOME"]}

    def run(job: str) -> str:
        script = "\n".join([*before, *pipeline[job]["script"]])
        words = ["unshare", "--mount", "bash", "-c", IN_A_FILE_SYSTEM_OF_ITS_OWN]
        said: str = command(*words, script, cwd=folder, env=env).stdout
        command(*words, "\n".join(pipeline["default"]["after_script"]), cwd=folder, env=env)
        return said

    run("train")
    kept = pipeline["train"]["artifacts"]["paths"] + pipeline["train"]["cache"]["paths"]
    assert [path for path in kept if not (folder / path).exists()] == []
    command(builds / "snap/bin/snap", "push", "latest", ours["BEST"], cwd=folder, env=runner)
    assert "identical" in run("still-the-same")
