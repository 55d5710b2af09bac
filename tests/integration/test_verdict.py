"""Results that are not the same bit for bit: what a rerun says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Project

TRAIN = """
    import datetime, json, os, pickle, time

    class Model:
        pass

    noise = int.from_bytes(os.urandom(4), "little") / 2**32 * 1e-9
    model = Model()
    model.weights = [float(n) for n in range(100)]
    model.weights[7] += noise
    pickle.dump({"model": model, "epoch": 3}, open("model.pkl", "wb"))
    json.dump({"loss": 0.5 + noise, "train_runtime": time.time() % 1}, open("metrics.json", "w"))
    now = datetime.datetime.now()
    os.makedirs(f"logs/{now:%Y%m%d_%H%M%S}")
    with open(f"logs/{now:%Y%m%d_%H%M%S}/train.log", "w") as log:
        log.write(f"{now} epoch 3 loss {0.5:.4f} took {noise * 1e9:.6f} s\\n")
"""


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run whose result is another each time, by very little."""
    project = Project(tmp_path_factory.mktemp("verdict") / "project", engine)
    project.script(TRAIN)
    done = project.snap("run", "--name", "first", "train.py")
    assert done.returncode == 0, done.stderr
    return project


def told(stdout: str) -> dict[str, Any]:
    return {output["path"].split("/")[-1]: output for output in json.loads(stdout)["outputs"]}


def test_numbers_decide_with_what_is_allowed_and_times_do_not(project: Project, tmp_path: Path) -> None:
    exact = project.snap("rerun", "first")
    assert exact.returncode == 1, exact.stderr
    assert exact.stdout.startswith("different: ")
    project.write("snap.toml", '[tolerance]\n"*.json" = {atol = 1e-8}\n"*.pkl" = {atol = 1e-8, rtol = 1e-8}\n')
    allowed = project.snap("rerun", "first", "--json")
    assert allowed.returncode == 0, allowed.stderr
    assert json.loads(allowed.stdout)["verdict"] == "within tolerance"
    found = told(allowed.stdout)
    assert {name: output["verdict"] for name, output in found.items()} == {
        "metrics.json": "within tolerance",
        "model.pkl": "within tolerance",
        "train.log": "identical",
    }
    model = found["model.pkl"]
    assert (model["kind"], model["where"], model["values"]) == ("pickle", "model.weights[7]", 101)
    assert 0 < model["absolute"] < 1e-8
    assert found["metrics.json"]["reason"] == "ignored: `train_runtime`"
    assert found["train.log"]["reason"].startswith("ignored: 1 duration, 1 time stamp; the rerun calls it logs/")
