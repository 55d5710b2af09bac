"""The hook of `.pre-commit-hooks.yaml`, installed by pre-commit in a real repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.scenario import Project
from tests.integration.test_package import outside

Git = Callable[..., subprocess.CompletedProcess[str]]
SHIPPED = ("snapshot", "templates", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
CONFIGURATION = "repos: [{{repo: '{where}', rev: v1, hooks: [{{id: snap-lock-check}}]}}]\n"


def git(command, folder: Path, env: dict[str, str]) -> Git:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"]
    return lambda *words, **options: command("git", *who, *words, cwd=folder, env=env, **options)


@pytest.fixture(scope="module")
def published(command, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that has the program at the tag `v1`."""
    folder = tmp_path_factory.mktemp("published")
    for name in SHIPPED:
        if (repository / name).is_dir():
            shutil.copytree(repository / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(repository / name, folder / name)
    call = git(command, folder, outside())
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "1"], ["tag", "v1"]):
        call(*words)
    return folder


def test_a_commit_with_a_stale_lock_is_refused(
    command, engine: dict[str, str], published: Path, tmp_path: Path
) -> None:
    reach = {key: engine[key] for key in ("DOCKER_HOST", "DOCKER_CONFIG", "PATH")}
    project = Project(tmp_path / "project", outside() | reach)
    env = project.env | {"PRE_COMMIT_HOME": str(tmp_path / "pre-commit")}
    call = git(command, project.path, env)
    call("init", "--quiet")
    project.write(".pre-commit-config.yaml", CONFIGURATION.format(where=published))
    assert project.snap("lock").returncode == 0
    command(sys.executable, "-m", "pre_commit", "install", "--install-hooks", cwd=project.path, env=env)

    call("add", "--all")
    said = call("commit", "--message", "with a lock").stderr
    assert "snap.lock is current" in said and "Passed" in said

    project.write("requirements.txt", "six\n")
    call("add", "--all")
    refused = call("commit", "--message", "stale", check=False)
    assert refused.returncode == 1
    assert "Failed" in refused.stderr and "six" in refused.stderr
    assert call("log", "--format=%s").stdout == "with a lock\n"

    project.write("requirements.txt", "")
    project.write("notes.md", "nothing that is locked\n")
    call("add", "--all")
    assert "Skipped" in call("commit", "--message", "notes").stderr
