"""The cause of a differing result, found by hybrids of two real runs."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scenario import Project, wait_for

OLD = {
    "wcwidth": "0.2.5", "six": "1.15.0", "idna": "3.3", "tabulate": "0.8.9", "zipp": "3.7.0", "toml": "0.10.1",
    "certifi": "2022.5.18", "packaging": "21.3", "pyparsing": "3.0.7", "colorama": "0.4.3", "pluggy": "1.0.0",
}  # fmt: skip
NEW = {
    "wcwidth": "0.2.13", "six": "1.16.0", "idna": "3.10", "tabulate": "0.9.0", "zipp": "3.20.0", "toml": "0.10.2",
    "certifi": "2024.8.30", "packaging": "24.1", "pyparsing": "3.1.4", "colorama": "0.4.6", "pluggy": "1.5.0",
}  # fmt: skip
WIDTH = """
    import json, sys
    import certifi, colorama, idna, packaging, pluggy, six, tabulate, toml, zipp
    import wcwidth
    # The sign of Unicode 15 that the old tables do not know.
    json.dump({"width": wcwidth.wcwidth(chr(0x1F6DC))}, open("metrics.json", "w"))
"""
TRAIN = """
    import json, os, sys

    def scale():
        return 1

    def offset():
        return 0

    def total():
        return sum(float(line) for line in open("data/numbers.txt"))

    first, more = int(os.environ.get("FIRST", "0")), int(os.environ.get("MORE", "0"))
    rate = float(sys.argv[sys.argv.index("--rate") + 1])
    extra = int(os.environ.get("EXTRA", "0"))
    result = {"score": total() * scale() + offset() + 10 * (rate > 0.1) * extra}
    result["score"] += first * (20 + 80 * more)
    json.dump(result, open("metrics.json", "w"))
"""


def search(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = project.snap("bisect", *arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def causes(found: dict[str, Any]) -> list[list[str]]:
    return [cause["differences"] for cause in found["causes"]]


def test_a_package_that_behaves_otherwise_is_found_among_others(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    project.script(WIDTH)
    for name, pins in (("good", OLD), ("bad", NEW)):
        project.write("requirements.txt", "".join(f"{package}=={version}\n" for package, version in pins.items()))
        done = project.snap("run", "--name", name, "train.py")
        assert done.returncode == 0, done.stderr
    done = project.snap("bisect", "good", "bad")
    assert done.returncode == 0, done.stderr
    answer = done.stdout.splitlines()[0]
    assert answer == (
        "`wcwidth 0.2.5 → 0.2.13` alone moves width 1 → 2 (noise ±0); 1 code change and 10 other packages make no "
        "difference"
    )
    found = search(project, "good", "bad")
    assert len(found["candidates"]) == 12
    assert len(found["trials"]) <= 12
    # Each hybrid is a run like any other, and says what it is.
    hybrid = project.record(found["trials"][-1]["runs"][0])
    assert hybrid["notes"][0].startswith(f"a hybrid of `snap bisect`: run {found['good']} with ")
    assert project.snap("fsck").returncode == 0


@pytest.fixture(scope="module")
def project(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run, and others that differ from it in several things each."""
    project = Project(tmp_path_factory.mktemp("bisect") / "project", engine)
    project.write(".gitignore", "data/\nbefore/\n")
    for folder in ("before", "data"):
        project.write(f"{folder}/numbers.txt", "1\n2\n")
        project.write(f"{folder}/other.txt", "1\n")
    project.script(TRAIN)

    def run(name: str, *options: str, rate: str = "0.1") -> None:
        done = project.snap("run", "--name", name, *options, "train.py", "--rate", rate)
        assert done.returncode == 0, done.stderr

    run("good")
    run("extra", "-e", "EXTRA=1", "--no-write-back")
    run("pair", "-e", "EXTRA=1", "-e", "OTHER=1", "--no-write-back", rate="0.2")
    run("after", "-e", "FIRST=1", "-e", "MORE=1", "-e", "OTHER=1")
    project.script(TRAIN.replace("return 0", "return 5").replace("return 1", "return 1.0"))
    run("code", "-e", "OTHER=1", rate="0.2")
    project.script(TRAIN.replace("return 0", "return 5").replace("return 1", "return 2"))
    run("both")
    project.script(TRAIN.replace("return 1", "return 1.0"))
    project.write("data/numbers.txt", "1\n4\n")
    project.write("data/other.txt", "2\n")
    run("data", rate="0.3")
    project.write("data/numbers.txt", "1\n2\n")
    project.write("data/other.txt", "1\n")
    return project


def test_an_argument_among_others(project: Project) -> None:
    found = search(project, "extra", "pair")
    assert causes(found) == [["argument --rate"]]
    assert len(found["candidates"]) == 2


def test_a_hunk_among_others(project: Project) -> None:
    found = search(project, "good", "code")
    assert [[key.partition(":")[0] for key in cause] for cause in causes(found)] == [["code train.py"]]
    assert len(found["candidates"]) == 4
    assert found["innocent"]
    said = project.snap("bisect", "good", "code").stdout
    assert "1 argument, 1 variable and 1 other code change make no difference" in said


def test_two_that_need_each_other(project: Project) -> None:
    found = search(project, "good", "pair")
    assert causes(found) == [["argument --rate", "environment EXTRA"]]
    said = project.snap("bisect", "good", "pair").stdout.splitlines()[0]
    assert "together, and none without the others, move score 3 → 13 (noise ±0)" in said


def test_two_that_each_move_it_and_more_together(project: Project) -> None:
    found = search(project, "good", "both")
    assert [(len(cause["differences"]), cause["start"], cause["values"]) for cause in found["causes"]] == [
        (1, 3.0, [6.0]),
        (1, 3.0, [8.0]),
    ]
    assert found["innocent"]
    said = project.snap("bisect", "good", "both").stdout.splitlines()[0]
    assert said.count("alone moves score 3 → ") == 2


def test_what_makes_a_difference_only_after_another(project: Project) -> None:
    found = search(project, "good", "after")
    assert [(cause["differences"], cause["after"], cause["values"]) for cause in found["causes"]] == [
        (["environment FIRST"], [], [23.0]),
        (["environment MORE"], ["environment FIRST"], [103.0]),
    ]
    assert project.snap("bisect", "good", "after").stdout.splitlines()[0] == (
        "`FIRST: not set → 1` alone moves score 3 → 23 (noise ±0); with that, `MORE: not set → 1` alone moves it on "
        "23 → 103; 1 other variable makes no difference"
    )


def test_data_that_were_changed(project: Project) -> None:
    project.write("data/numbers.txt", "1\n4\n")
    project.write("data/other.txt", "2\n")
    try:
        gone = project.snap("bisect", "good", "data")
        assert gone.returncode == 1
        assert "are not what the run had: `numbers.txt` changed, `other.txt` changed" in gone.stderr
        found = search(project, "good", "data", "--good-data", "data=before")
        assert causes(found) == [["data /workspace/data/numbers.txt"]]
        assert not any((project.path / ".snap/cache/bisect").iterdir())
        assert {candidate["kind"] for candidate in found["candidates"]} == {"argument", "code", "data"}
    finally:
        project.write("data/numbers.txt", "1\n2\n")
        project.write("data/other.txt", "1\n")


def test_a_check_of_her_own_and_an_output(project: Project) -> None:
    check = """python3 -c 'import json; exit(json.load(open("metrics.json"))["score"] > 4)'"""
    by_check = search(project, "good", "pair", "--check", check)
    assert causes(by_check) == [["argument --rate", "environment EXTRA"]]
    assert causes(search(project, "good", "pair", "--output", "metrics.json")) == causes(by_check)


def test_interrupted_it_goes_on_where_it_was(project: Project) -> None:
    limited = search(project, "code", "pair", "--budget", "3", code=1)
    assert (limited["status"], len(limited["trials"])) == ("unfinished", 3)
    going = project.start("bisect", "code", "pair")
    (state,) = [
        path
        for path in (project.path / ".snap/bisect").glob("*.json")
        if json.loads(path.read_text())["good"] == limited["good"]
    ]
    wait_for(lambda: len(json.loads(state.read_text())["trials"]) > 3)
    going.send_signal(signal.SIGKILL)
    going.wait()
    before = json.loads(state.read_text())["trials"]
    found = search(project, "code", "pair")
    assert found["status"] == "found"
    assert found["trials"][: len(before)] == before


def test_ctrl_c_ends_it_and_counts_for_nothing(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    project.script("""
        import json, os, time
        try:
            time.sleep(float(os.environ["SLEEP"]))
        except KeyboardInterrupt:
            pass
        json.dump({"score": int(os.environ["SCORE"])}, open("metrics.json", "w"))
    """)
    for name, sleep, score in (("good", "0", "0"), ("bad", "3", "1")):
        done = project.snap("run", "--name", name, "-e", f"SLEEP={sleep}", "-e", f"SCORE={score}", "train.py")
        assert done.returncode == 0, done.stderr
    going = project.start("bisect", "good", "latest", "--jobs", "1")
    wait_for(lambda: list((project.path / ".snap/bisect").glob("*.json")))
    wait_for(project.containers)
    runs = project.path / ".snap/runs"
    wait_for(lambda: project.record(max(run.name for run in runs.iterdir())).get("status") == "running")
    going.send_signal(signal.SIGINT)
    _, said = going.communicate(timeout=60)
    assert going.returncode == 130
    assert "interrupted; the same command goes on where it was" in said
    (state,) = (project.path / ".snap/bisect").glob("*.json")
    assert [trial["outcome"] for trial in json.loads(state.read_text())["trials"]] == ["good"]
    assert causes(search(project, "good", "latest")) == [["environment SCORE"]]


def test_what_differs_by_itself_is_called_noise(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    text = "import json, random; json.dump({'loss': 1 + random.random()}, open('metrics.json', 'w'))"
    project.script(text)
    assert project.snap("run", "--name", "one", "train.py").returncode == 0
    project.script(text + "  # edited")
    assert project.snap("run", "--name", "two", "train.py").returncode == 0
    found = search(project, "one", "two", code=1)
    assert (found["status"], causes(found)) == ("noise", [])
    assert "that is noise: metric loss differs as much when one and the same run" in project.snap(
        "bisect", "one", "two"
    ).stdout.replace(" is repeated", "")


def test_the_first_bad_commit_and_the_first_bad_release(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    project.write("requirements.txt", "wcwidth>=0.2.5,<0.2.8\n")

    def git(*words: str) -> None:
        name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *name, *words], cwd=project.path, check=True, capture_output=True)

    git("init", "--quiet")
    for number in range(6):
        more = 100 if number >= 3 else 0
        project.script(f"""
            import json, wcwidth
            json.dump({{"score": {more} + wcwidth.wcwidth(chr(0x1F6DC))}}, open("metrics.json", "w"))  # {number}
        """)
        git("add", "--all")
        git("commit", "--quiet", "--message", f"change {number}")
    assert project.snap("run", "--name", "first", "train.py").returncode == 0

    def check(text: str) -> str:
        return f"""python3 -c 'import json; score = json.load(open("metrics.json"))["score"]; exit({text})'"""

    done = project.snap("bisect", "--commits", "HEAD~5..HEAD", "--check", check("score > 50"))
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert "change 3` is the first bad one after" in first
    assert first.endswith("change 2` (of 6, 4 trials)")

    found = search(project, "first", "--versions", "wcwidth", "0.2.5..0.2.7", "--check", check("score % 100 > 1"))
    assert causes(found) == [["0.2.6"]]
    refused = project.snap("bisect", "--versions", "wcwidth", "0.2.5..9.9", "--check", "true")
    assert (refused.returncode, "does not have both ends" in refused.stderr) == (2, True)
    refused = project.snap("bisect", "--commits", "HEAD~5..nowhere", "--check", "true")
    assert (refused.returncode, "git says: " in refused.stderr) == (2, True)
    assert project.snap("bisect", "--commits", "HEAD~1..HEAD").returncode == 2
    alike = project.snap("bisect", "--commits", "HEAD~1..HEAD", "--check", "true")
    assert (alike.returncode, "the first is not good, or the last not bad" in alike.stdout) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["good", "good"], 2, "are the same run"),
        (["good", "nothing"], 2, "there is no run `nothing`"),
        (["good", "pair", "--metric", "loss"], 2, "has no metric `loss`"),
        (["good", "pair", "--output", "model.pt"], 2, "does not differ, or is not there"),
        (["good", "pair", "--budget", "soon"], 2, "is no number of runs and no time"),
        (["good", "pair", "--metric", "score", "--check", "true"], 2, "are three ways"),
        (["good", "pair", "--check", "true"], 2, "is good, and not bad"),
        (["good", "pair", "--check", "mkdir seen 2>/dev/null || ! rmdir seen"], 2, "is flaky"),
    ],
)
def test_bad_input(project: Project, arguments: list[str], code: int, says: str) -> None:
    done = project.snap("bisect", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
