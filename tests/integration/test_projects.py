"""One small project of each kind: locked, built, and its `verify` run in the image."""

import shutil
import tomllib
from pathlib import Path

import pytest

from tests.integration.scenario import Project

PROJECTS = Path(__file__).resolve().parents[1] / "projects"


def test_there_are_projects() -> None:
    assert {path.name for path in PROJECTS.iterdir()} >= {"uv", "poetry", "conda", "imports"}


@pytest.mark.parametrize("kind", sorted(path.name for path in PROJECTS.iterdir()))
def test_a_project_runs_with_what_it_asks_for(kind: str, tmp_path: Path, engine: dict[str, str]) -> None:
    project = Project(tmp_path / kind, engine)
    (project.path / "requirements.txt").unlink()
    shutil.copytree(PROJECTS / kind, project.path, dirs_exist_ok=True)
    for command in (["lock"], ["build"], ["run", "verify"]):
        done = project.snap(*command)
        assert done.returncode == 0, f"snap {' '.join(command)}: {done.stderr}"
    assert done.stdout.splitlines()[-1] == "verified"
    lock = tomllib.loads(project.read("snap.lock"))
    assert lock.get("packages") or lock.get("os-packages")
    assert project.snap("lock").returncode == 0
