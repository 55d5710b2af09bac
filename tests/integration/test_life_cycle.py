"""How a result comes to be, as Pete Warden tells it in "The Machine Learning Reproducibility Crisis" (2018): a data set
that is a copy of some other, code that is edited while it trains, a crash, a resumption with other code, weights taken
into another training, an image deleted, one of the weights published. Each step is told truly afterwards.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Gate, Project, wait_for

TRAIN = """
    import json, os, pickle, sys, time
    from pathlib import Path

    RATE = 0.1
    CRASH_AT = 2
    images = sorted(Path("data").glob("*.img"))
    state = {"step": 0, "w": 0.0}
    if os.path.exists("checkpoint.pt"):
        state = pickle.loads(Path("checkpoint.pt").read_bytes())
    while state["step"] < 4:
        state["w"] += RATE * sum(len(p.read_bytes()) for p in images)
        state["step"] += 1
        Path("checkpoint.pt").write_bytes(pickle.dumps(state))
        if state["step"] == CRASH_AT:
            Path("half.txt").write_text("there")
            wait
            sys.exit("cuda error: an illegal memory access was encountered")
    Path("model.pt").write_bytes(pickle.dumps(state))
    json.dump({"accuracy": 0.9, "w": state["w"]}, open("metrics.json", "w"))
"""

TUNE = """
    import json, pickle, sys
    from pathlib import Path

    weights = pickle.loads(Path(sys.argv[sys.argv.index("--init") + 1]).read_bytes())
    images = sorted(Path("data").glob("*.img"))
    weights["w"] += len(images)
    Path("tuned.pt").write_bytes(pickle.dumps(weights))
    json.dump({"accuracy": 0.95}, open("metrics.json", "w"))
"""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, engine: dict[str, str]) -> Project:
    """All of it, once: the runs are named first, second, tuned and again."""
    folder = tmp_path_factory.mktemp("life")
    project = Project(folder / "project", engine)
    project.env["XDG_CACHE_HOME"] = str(folder / "cache")
    downloads = folder / "imagenet-maybe"
    downloads.mkdir()
    for number in range(5):
        (downloads / f"{number}.img").write_bytes(bytes([number]) * (100 + number))
    shutil.copytree(downloads, project.path / "data")
    project.write(".gitignore", "data/\n*.pt\n")
    project.script(TRAIN)
    crash_while_edited(project, Gate(folder / "gate"))
    ok(project, "run", "--name", "second", "train.py")
    (project.path / "weights").mkdir()
    shutil.copy(project.path / "model.pt", project.path / "weights" / "from-a-colleague.bin")
    project.write(".gitignore", "data/\n*.pt\nweights/\n")
    write_script(project, "tune.py", TUNE)
    ok(project, "run", "--name", "tuned", "tune.py", "--init", "weights/from-a-colleague.bin")
    (project.path / "data" / "3.img").unlink()
    ok(project, "run", "--name", "again", "tune.py", "--init", "weights/from-a-colleague.bin")
    return project


def crash_while_edited(project: Project, gate: Gate) -> None:
    """The first run: its code is edited while it trains, then it crashes."""
    project.write("train.py", project.read("train.py").replace("            wait\n", f"            {gate.wait}\n"))
    running = project.start("run", "--name", "first", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/half.txt")))
    project.write("train.py", project.read("train.py").replace("RATE = 0.1", "RATE = 0.2").replace("AT = 2", "AT = 0"))
    gate.open()
    assert running.wait(60) == 1


def write_script(project: Project, name: str, text: str) -> None:
    import textwrap

    project.write(name, textwrap.dedent(text))


def ok(project: Project, *arguments: str) -> str:
    done = project.snap(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer(project: Project, *arguments: str, code: int = 0) -> Any:
    done = project.snap(*arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_the_edit_during_the_run_is_noted_and_did_not_count(life: Project):
    first = life.record("first")
    assert first["code"]["edits"] == [{"path": "train.py", "change": "changed"}]
    assert first["exit"]["code"] == 1
    assert "train.py" in ok(life, "show", "first")


def test_the_resumption_is_a_second_segment_with_its_own_code(life: Project):
    first, second = life.record("first"), life.record("second")
    (edge,) = [edge for edge in second["parents"] if edge["evidence"] != "visible"]
    assert (edge["run"], edge["relation"], edge["path"]) == (first["id"], "resumed-from", "checkpoint.pt")
    assert edge["evidence"] == "read"
    assert first["code"]["digest"] != second["code"]["digest"]
    told = ok(life, "log", "second")
    assert "resumed from" in told.replace("-", " ") and "checkpoint.pt" in told and "code" in told


def test_the_weights_of_another_run_are_known_under_another_name(life: Project):
    (edge,) = [edge for edge in life.record("tuned")["parents"] if edge["evidence"] != "visible"]
    assert edge["run"] == life.record("second")["id"]
    assert (edge["relation"], edge["path"]) == ("fine-tuned-from", "model.pt")
    assert edge["input"] == "weights/from-a-colleague.bin"


def test_the_deleted_image_is_named(life: Project):
    told = ok_or_different(life, "data", "diff", "tuned", "again")
    assert "3.img" in told and "removed" in told
    difference = ok_or_different(life, "diff", "tuned", "again")
    assert "3.img" in difference


def ok_or_different(project: Project, *arguments: str) -> str:
    done = project.snap(*arguments)
    assert done.returncode == 1, done.stderr
    return done.stdout


def test_data_are_the_same_wherever_they_were_copied_from(life: Project):
    def digest(run: str) -> str:
        (data,) = [data for data in life.record(run)["data"] if data["path"] == "data"]
        assert data["identified"] == "content"
        return data["digest"]

    assert digest("first") == digest("second") == digest("tuned") != digest("again")
    status = life.snap("data", "status", "data")
    assert status.returncode == 0, status.stdout + status.stderr
    assert "again" in status.stdout or life.record("again")["id"] in status.stdout


def test_the_published_weights_lead_back_to_everything(life: Project, tmp_path: Path):
    published = tmp_path / "best.bin"
    shutil.copy(life.path / ".snap/runs" / life.record("tuned")["id"] / "outputs/tuned.pt", published)
    told = ok(life, "which", str(published))
    for run in ("tuned", "second", "first"):
        assert life.record(run)["id"][-4:] in told
    assert "again" not in told
    code = life.record("tuned")["code"]
    assert (code["own"] or code["digest"]) in told
    unknown = tmp_path / "other.bin"
    unknown.write_bytes(b"of nobody")
    assert life.snap("which", str(unknown)).returncode == 1


def test_the_store_is_whole(life: Project):
    assert ok(life, "fsck") is not None
    whole = answer(life, "ls")
    assert [run["name"] for run in whole] == ["again", "tuned", "second", "first"]
