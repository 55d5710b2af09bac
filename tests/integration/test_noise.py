"""How far results are apart when nothing changes, and by what: scripts whose only source of noise is known."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Project, wait_for

TRAIN = """
    import json, os, random, sys
    noisy = sys.argv[1] == "noisy"
    json.dump({"accuracy": 0.9 + random.random() / 100 if noisy else 0.9}, open("metrics.json", "w"))
    words = {f"word{n}" for n in range(30)}
    open("order.txt", "w").write(" ".join(words if noisy else sorted(words)))
    if sys.argv[1] == "system":
        open("entropy.bin", "wb").write(os.urandom(8))
"""


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run of each kind, named after it."""
    project = Project(tmp_path_factory.mktemp("noise") / "project", engine)
    project.script(TRAIN)
    for kind, options in (("noisy", ()), ("same", ()), ("system", ("--deterministic",))):
        done = project.snap("run", "--name", kind, *options, "train.py", kind)
        assert done.returncode == 0, done.stderr
    return project


def measured(project: Project, kind: str, *options: str) -> dict[str, Any]:
    done = project.snap("noise", kind, "--repeat", "2", "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    stored = project.path / ".snap/runs" / found["run"] / "noise.json"
    assert json.loads(stored.read_text()) == found
    return found


def test_each_source_is_found_and_a_rerun_is_told_to_be_within(project: Project) -> None:
    before = {name: (project.path / name).read_bytes() for name in project.files()}
    found = measured(project, "noisy")
    (accuracy,) = found["metrics"]
    assert (accuracy["identical"], accuracy["values"], accuracy["cause"]) == (0, 3, "seeds")
    assert 0 < accuracy["deviation"] < 0.01
    causes = {output["path"]: (output["identical"], output["cause"]) for output in found["outputs"]}
    assert causes == {"metrics.json": (0, "seeds"), "order.txt": (0, "hash seed")}
    assert [(trial["switch"], len(trial["runs"])) for trial in found["trials"]] == [("seeds", 2), ("hash seed", 2)]
    assert {name: (project.path / name).read_bytes() for name in project.files()} == before
    trial = project.record(found["trials"][0]["runs"][0])
    assert (trial["rerun"], trial["determinism"]["mode"]) == (found["run"], "seeds")
    assert f"`snap noise` of run {found['run']}, with seeds set" in trial["notes"]
    assert f"3 runs: accuracy ±{accuracy['deviation']:.2g}, 2 outputs differ" in project.snap("show", "noisy").stdout
    assert project.snap("fsck").returncode == 0

    again = project.snap("rerun", "noisy", "--json")
    assert again.returncode == 1
    (note,) = [note for note in json.loads(again.stdout)["notes"] if "accuracy" in note]
    assert "the noise measured over 3 runs" in note


def test_what_repeats_itself_is_the_same_and_nothing_is_switched_off(project: Project) -> None:
    done = project.snap("noise", "same", "--repeat", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the same: 3 runs of ")
    assert "1 metric and 2 outputs identical" in done.stdout
    assert "thread" not in done.stderr


def test_the_system_s_own_entropy_is_none_of_them(project: Project) -> None:
    found = measured(project, "system")
    assert [trial["switch"] for trial in found["trials"]] == ["threads"]
    assert [(output["path"], output["cause"]) for output in found["outputs"] if output["identical"] == 0] == [
        ("entropy.bin", None)
    ]


def test_ctrl_c_keeps_what_was_measured(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    # It ends well when it is interrupted: that must not count all the same.
    project.script("""
        import time
        open("out.txt", "w").write("x")
        try:
            time.sleep(1.5)
        except KeyboardInterrupt:
            pass
    """)
    assert project.snap("run", "train.py").returncode == 0
    runs = project.path / ".snap/runs"
    going = project.start("noise", "latest", "--json")
    wait_for(lambda: list(runs.glob("*/verdict.json")) and project.containers())
    going.send_signal(signal.SIGINT)
    out, err = going.communicate(timeout=60)
    assert going.returncode == 130, err
    assert "interrupted" in err
    found = json.loads(out)
    assert len(list(runs.glob("*/run.json"))) == len(found["runs"]) + 1
    assert len(list(runs.glob("*/verdict.json"))) == len(found["runs"]) - 1
    assert "2 runs: all the same" in project.snap("show", found["run"]).stdout


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["nothing"], 2, "there is no run `nothing`"),
        (["same", "--repeat", "1"], 2, "--repeat"),
        (["same", "--data", "x"], 2, "is not `NAME=PATH`"),
    ],
)
def test_bad_input(project: Project, options: list[str], code: int, says: str) -> None:
    done = project.snap("noise", *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
