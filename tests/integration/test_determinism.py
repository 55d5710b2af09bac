"""`--deterministic` on real PyTorch: the same bits each time, and what can't be is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.scenario import Project

TRAIN = """
    import random, sys
    import numpy, torch
    from torch import nn

    model = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.LayerNorm(128), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    x, y = torch.randn(256, 64), torch.randint(0, 10, (256,))
    for _ in range(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    torch.save(model.state_dict(), "model.pt")
    open("drawn.txt", "w").write(f"{random.random()} {numpy.random.rand()} {list({'a', 'b', 'c', 'd', 'e'})}")
    if "unpool" in sys.argv:
        pooled, places = nn.MaxPool1d(2, return_indices=True)(torch.randn(1, 1, 8))
        nn.MaxUnpool1d(2)(pooled, places)
"""


@pytest.fixture(scope="module")
def project(engine, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("determinism") / "project", engine)
    shutil.copy(repository / "examples/torch/requirements.txt", project.path)
    project.script(TRAIN)
    return project


def test_nothing_in_the_script_and_the_same_weights_five_times(project: Project) -> None:
    done = project.snap("run", "--deterministic", "--name", "first", "train.py")
    assert done.returncode == 0, done.stderr
    again = project.snap("rerun", "first", "--repeat", "4", "--json")
    assert [verdict["verdict"] for verdict in json.loads(again.stdout)] == ["identical"] * 4, again.stderr
    found = project.record("latest")["determinism"]
    assert found == project.record("first")["determinism"]
    assert (found["mode"], found["seed"], found["warnings"]) == ("warn", 0, [])
    assert [name.partition(" ")[0] for name in found["frameworks"]] == ["numpy", "torch"]


def test_without_it_the_weights_are_others(project: Project) -> None:
    assert project.snap("run", "--name", "plain", "train.py").returncode == 0
    again = project.snap("rerun", "plain", "--json")
    assert again.returncode == 1
    verdicts = {output["path"]: output["verdict"] for output in json.loads(again.stdout)["outputs"]}
    assert verdicts == {"model.pt": "different", "drawn.txt": "different"}


def test_an_operation_that_can_not_be_is_told_with_its_place_and_refused_when_strict(project: Project) -> None:
    done = project.snap("run", "--deterministic", "--seed", "3", "train.py", "unpool")
    assert done.returncode == 0, done.stderr
    (warning,) = project.record()["determinism"]["warnings"]
    assert "does not have a deterministic implementation" in warning["message"]
    assert "/workspace/train.py:17 <module>" in warning["stack"]
    shown = project.snap("show").stdout
    assert "1 time at /workspace/train.py:17 <module>: max_unpooling2d" in shown
    assert "warnings, seed 3" in shown
    strict = project.snap("run", "--deterministic=strict", "train.py", "unpool")
    assert strict.returncode == 1
    assert "RuntimeError: max_unpooling2d" in strict.stderr
    assert project.record()["determinism"]["mode"] == "strict"
