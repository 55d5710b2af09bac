"""The hand-over board of a real run: what is lost is seen, one thing after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Project


@pytest.fixture
def trained(engine, tmp_path: Path) -> Project:
    """Two runs, the second with what the first one wrote, in an image of their own that may go."""
    project = Project(tmp_path / "project", engine)
    project.write("snap.toml", 'packages = ["tree"]\n')
    project.write(".gitignore", "data/\n")
    project.write("data/a.csv", "1\n")
    project.script("open('model.pt', 'w').write(open('data/a.csv').read())")
    project.write("tune.py", "open('tuned.pt', 'w').write(open('w.pt').read())")
    for arguments in (["train.py"], ["--from", "latest:model.pt=w.pt", "tune.py"]):
        done = project.snap("run", *arguments)
        assert done.returncode == 0, done.stderr
    return project


def board(project: Project, *options: str, code: int = 1) -> list[dict[str, Any]]:
    done = project.snap("verify", "--all", "--json", *options)
    assert done.returncode == code, done.stderr
    return list(json.loads(done.stdout)["runs"])


def test_what_is_lost_is_seen_and_named(trained: Project) -> None:
    tuned, first = board(trained, "--build", "--train", code=0)
    assert [row["train"]["reason"].split(":")[0] for row in (tuned, first)] == ["identical", "identical"]
    reruns = trained.snap("ls", "--filter", "for=verify", "--columns", "id").stdout.split()[1:]
    assert len(reruns) == 2 and trained.snap("rm", *reruns).returncode == 0
    assert (first["build"]["reason"], tuned["weights"]["state"]) == ("the same image, bit for bit", "ok")
    assert {row["retrain"] for row in (tuned, first)} == {"here only"}

    run = trained.record("latest~1")
    trained.docker("image", "rm", run["platform"]["reference"])
    for row in board(trained):
        assert (row["image"]["state"], row["retrain"]) == ("missing", "here only")
        assert row["image"]["reason"] == "not in the engine; all that it is built of is here"
    assert trained.snap("build", "--run", run["id"], "--offline").returncode == 0
    board(trained, code=0)

    trained.write("data/a.csv", "2\n")
    (trained.path / ".snap/runs" / run["id"] / "outputs/model.pt").unlink()
    (pack,) = sorted((trained.path / ".snap/code/packs").glob("*.tar"))[-1:]
    pack.write_bytes(pack.read_bytes().replace(b"w.pt').read()", b"x.pt').read()"))
    tuned, first = board(trained)
    assert (first["data"]["reason"], first["results"]["reason"]) == ("`data` changed `a.csv`", "`model.pt` is gone")
    assert (tuned["weights"]["state"], tuned["code"]["state"], "`tune.py`" in tuned["code"]["reason"]) == (
        "missing", "changed", True,
    )  # fmt: skip
    assert [row["retrain"] for row in (tuned, first)] == ["no", "no"]
    said = trained.snap("verify", "latest")
    assert "no: code changed, data changed, weights missing" in said.stdout
