"""A run is pushed, and somebody else gets the same result of it: another user, another engine with another kind of
store, a folder with nothing in it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Project, complete, open_to

COLLEAGUE = 54321
Pushed = Callable[..., Project]


@pytest.fixture
def pushed(tmp_path: Path, engine: dict[str, str], registry: str, repository: Path) -> Pushed:
    """An example, trained and pushed; its project."""

    def train(name: str, *arguments: str) -> Project:
        project = Project(tmp_path / name, engine)
        for file in ("train.py", "requirements.txt"):
            shutil.copy(repository / "examples" / name / file, project.path)
        assert project.snap("build").returncode == 0
        # With one thread: on another machine the number of cores would decide the last bits.
        done = project.snap("run", "--offline", "-e", "OMP_NUM_THREADS=1", "train.py", *arguments)
        assert done.returncode == 0, done.stderr
        done = project.snap("push", "latest", f"{registry}/team/{name}:best")
        assert done.returncode == 0, done.stderr
        return project

    return train


class Colleague:
    """Somebody who was not there, on a machine that has nothing of it yet."""

    def __init__(self, path: Path, engine: dict[str, str], hers: dict[str, str]) -> None:
        self._project = Project(path, {**engine, **hers, "DOCKER_CONFIG": hers["HOME"]})
        (path / "requirements.txt").unlink()
        os.chown(path, COLLEAGUE, COLLEAGUE)
        self.path = path

    def snap(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._project.snap(*arguments, become=COLLEAGUE)

    def repeat(self, reference: str) -> dict[str, Any]:
        """Pull the run, repeat it, and return the verdict."""
        done = self.snap("pull", reference)
        assert done.returncode == 0, done.stderr
        done = self.snap("rerun", "latest", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "code that was not made here" in done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def colleague(tmp_path: Path, second_engine: dict[str, str]):
    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    with open_to(COLLEAGUE, second_engine, tmp_path / "home") as hers:
        yield Colleague(tmp_path / "hers", second_engine, hers)


@pytest.mark.parametrize(
    ("example", "arguments", "outputs"),
    [
        ("digits", (), {"model.pkl", "metrics.json"}),
        ("torch", ("--epochs", "2"), {"model.pt", "metrics.jsonl"}),
    ],
)
def test_somebody_else_gets_the_same_result(
    pushed: Pushed, colleague: Colleague, registry: str, example: str, arguments: tuple[str, ...], outputs: set[str]
) -> None:
    run = pushed(example, *arguments).record()
    complete(run)
    assert {output["path"] for output in run["outputs"]} == outputs
    verdict = colleague.repeat(f"{registry}/team/{example}:best")
    assert verdict["verdict"] == "identical"
    assert {output["path"]: output["verdict"] for output in verdict["outputs"]} == dict.fromkeys(outputs, "identical")
    assert verdict["first"] == run["id"]
    # Nothing was put into her folder but the store, and all of that is hers.
    assert [path.name for path in colleague.path.iterdir()] == [".snap"]
    owners = {path.stat(follow_symlinks=False).st_uid for path in colleague.path.rglob("*")}
    assert owners == {COLLEAGUE}
    assert colleague.snap("fsck").returncode == 0
