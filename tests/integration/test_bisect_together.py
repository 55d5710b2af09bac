"""Several hybrids at a time; and a run against itself on another lock, or with other data."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Project, wait_for

TRAIN = """
    import json, os, time
    import six, wcwidth
    try:
        time.sleep(float(os.environ.get("SLEEP", "0")))
    except KeyboardInterrupt:
        pass
    score = sum(float(line) for line in open("data/numbers.txt"))
    score += 10 * wcwidth.wcwidth(chr(0x1F6DC)) + int(os.environ.get("B", "0")) + 2 * int(os.environ.get("G", "0"))
    json.dump({"score": score}, open("metrics.json", "w"))
"""
BARE = TRAIN.replace("import six, wcwidth", "").replace("10 * wcwidth.wcwidth(chr(0x1F6DC)) + ", "")
OLD, NEW = "six==1.15.0\nwcwidth==0.2.5\n", "six==1.16.0\nwcwidth==0.2.13\n"


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A run, the lock and the data that it did not have, and one that differs from it in eight variables."""
    project = Project(tmp_path_factory.mktemp("together") / "project", engine)
    project.write(".gitignore", "data/\nother/\n*.lock\n")
    project.write("data/numbers.txt", "1\n2\n")
    project.write("other/numbers.txt", "1\n4\n")
    project.script(TRAIN)
    for name, pins in (("new", NEW), ("old", OLD)):
        project.write("requirements.txt", pins)
        assert project.snap("lock").returncode == 0
        shutil.copy(project.path / "snap.lock", project.path / f"{name}.lock")
    for name, value in (("good", "0"), ("eight", "1")):
        options = [word for letter in "ABCDEFGH" for word in ("-e", f"{letter}={value}")]
        done = project.snap("run", "--name", name, *options, "train.py")
        assert done.returncode == 0, done.stderr
    yield project
    assert project.containers() == []
    assert project.snap("fsck").returncode == 0


def search(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = project.snap("bisect", *arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def forget(project: Project) -> None:
    shutil.rmtree(project.path / ".snap/bisect", ignore_errors=True)


def statuses(project: Project) -> list[str]:
    """Of the runs, the oldest first."""
    records = sorted((project.path / ".snap/runs").glob("*/run.json"))
    return [json.loads(record.read_text())["status"] for record in records]


def answer(found: dict[str, Any]) -> list[Any]:
    return [found["status"], found["innocent"], found["causes"]]


def test_three_at_a_time_find_what_one_after_the_other_does(project: Project) -> None:
    forget(project)
    alone = search(project, "good", "eight", "--jobs", "1")
    assert [cause["differences"] for cause in alone["causes"]] == [["environment B"], ["environment G"]]
    forget(project)
    limited = search(project, "good", "eight", "--jobs", "3", "--budget", "4", code=1)
    assert (limited["status"], sum(len(trial["runs"]) for trial in limited["trials"])) == ("unfinished", 4)
    together = search(project, "good", "eight", "--jobs", "3")
    assert together["trials"][: len(limited["trials"])] == limited["trials"]
    assert answer(together) == answer(alone)
    needed = {tuple(trial["chosen"]): trial["outcome"] for trial in alone["trials"]}
    tried = {tuple(trial["chosen"]): trial["outcome"] for trial in together["trials"]}
    assert needed.items() <= tried.items()


def test_how_many_there_is_room_for_is_told(project: Project) -> None:
    forget(project)
    said = project.snap("bisect", "good", "eight", "--budget", "1").stderr
    assert "at a time, as a run took up to " in said
    one = project.snap("bisect", "good", "eight", "--metric", "duration", "--budget", "1").stderr
    assert "one hybrid at a time, since time tells them apart" in one
    warned = project.snap("bisect", "good", "eight", "--metric", "duration", "--budget", "1", "--jobs", "2").stderr
    assert "warning: duration is a time" in warned


def test_where_one_was_made_elsewhere_no_hybrid_has_a_network(project: Project) -> None:
    forget(project)
    origin = {"origin": {"reference": "registry.example.com/a:b", "time": "2026-01-01T00:00:00Z"}}
    bad = project.record("eight")["id"]
    label = project.path / f".snap/labels/{bad}.json"
    label.parent.mkdir(exist_ok=True)
    label.write_text(json.dumps({"schema": "snap.labels/1", **origin}))
    try:
        done = project.snap("bisect", "good", "eight", "--budget", "2", "--jobs", "2", "--json")
    finally:
        label.unlink()
    assert "code that was not made here, taken in from registry.example.com/a:b; network: none" in done.stderr
    runs = [run for trial in json.loads(done.stdout)["trials"] for run in trial["runs"]]
    assert [project.record(run)["request"]["network"] for run in runs] == ["none", "none"]


def test_ctrl_c_or_a_closed_terminal_ends_all_that_go_on_and_none_of_them_counts(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    project.write("data/numbers.txt", "1\n")
    project.script(BARE)
    for name, value in (("good", "0"), ("bad", "1")):
        done = project.snap("run", "--name", name, "-e", "SLEEP=2", "-e", f"B={value}", "train.py")
        assert done.returncode == 0, done.stderr
    for number in (signal.SIGINT, signal.SIGHUP):
        going = project.start("bisect", "good", "bad", "--jobs", "2")
        wait_for(lambda: statuses(project)[-2:] == ["running", "running"])
        assert len(project.containers()) == 2
        going.send_signal(number)
        _, said = going.communicate(timeout=60)
        assert (going.returncode, project.containers()) == (130, [])
        assert "interrupted; the same command goes on where it was" in said
        assert "hybrid 1" not in said
    found = search(project, "good", "bad", "--jobs", "2")
    assert [trial["outcome"] for trial in found["trials"]] == ["good", "bad"]
    assert [cause["differences"] for cause in found["causes"]] == [["environment B"]]


def test_the_package_of_another_lock(project: Project) -> None:
    found = search(project, "good", "--lock", "new.lock")
    assert [cause["differences"] for cause in found["causes"]] == [["package wcwidth"]]
    assert {candidate["kind"] for candidate in found["candidates"]} == {"package"}
    bad = project.record(found["bad"])
    assert bad["notes"] == [f"made for `snap bisect`: run {found['good']} with the lock {bad['platform']['lock']}"]
    # The run that was made is there the next time, and so is all that was tried.
    before = sorted((project.path / ".snap/runs").iterdir())
    assert search(project, "good", "--lock", "new.lock") == found
    assert sorted((project.path / ".snap/runs").iterdir()) == before


def test_the_file_of_another_data_set_and_a_package_at_once(project: Project) -> None:
    found = search(project, "good", "--bad-data", "data=other")
    assert [cause["differences"] for cause in found["causes"]] == [["data /workspace/data/numbers.txt"]]
    found = search(project, "good", "--bad-data", "data=other", "--lock", "new.lock")
    assert sorted(cause["differences"] for cause in found["causes"]) == [
        ["data /workspace/data/numbers.txt"],
        ["package wcwidth"],
    ]


def test_a_variant_that_was_ended_is_trained_again(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    for folder, number in (("data", 1), ("other", 2)):
        project.write(f"{folder}/numbers.txt", f"{number}\n")
    project.write(".gitignore", "data/\nother/\n")
    project.script(BARE)
    assert project.snap("run", "--name", "good", "-e", "SLEEP=2", "train.py").returncode == 0
    before = sorted((project.path / ".snap/runs").iterdir())
    going = project.start("bisect", "good", "--bad-data", "data=other")
    wait_for(lambda: statuses(project)[1:] == ["running"])
    going.send_signal(signal.SIGINT)
    going.communicate(timeout=60)
    assert (going.returncode, project.containers()) == (130, [])
    assert sorted((project.path / ".snap/runs").iterdir()) == before
    assert search(project, "good", "--bad-data", "data=other", "--budget", "2")["status"] == "found"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["good", "--lock", "nothing.lock"], 2, "`nothing.lock` does not exist"),
        (["good", "--lock", "edited.lock"], 2, "was edited by hand"),
        (["good", "--lock", "train.py"], 2, "is not TOML"),
        (["good", "--lock", "old.lock"], 2, "had that lock and these data itself"),
        (["good", "eight", "--lock", "new.lock"], 2, "makes a BAD of its own"),
        (["good", "--lock", "new.lock", "--commits", "a..b", "--check", "true"], 2, "are three searches"),
        (["good", "--lock", "new.lock", "--metric", "loss"], 2, "has no metric `loss`"),
        (["good", "--lock", "new.lock", "--check", "false"], 2, "is bad, and not good"),
        (["good", "--bad-data", "images=other"], 2, "had no data `images`"),
        (["good", "--bad-data", "data=train.py"], 2, "is no folder, as the run had"),
        (["good"], 2, "it takes two runs, or one and"),
    ],
)
def test_bad_input(project: Project, arguments: list[str], code: int, says: str) -> None:
    text = project.read("new.lock")
    project.write("edited.lock", text.replace("0.2.13", "0.2.12"))
    before = len(list((project.path / ".snap/runs").iterdir()))
    done = project.snap("bisect", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert len(list((project.path / ".snap/runs").iterdir())) == before
