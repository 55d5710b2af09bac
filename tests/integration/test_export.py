"""A run exported for the public: plain Docker builds it elsewhere, and trains it again to the same results."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import textwrap
import zipfile
from pathlib import Path

import pytest

from tests.integration.scenario import Project, wait_for

TRAIN = """
    import json, sys
    from model import net
    rows = open("data/a.csv").read().split()
    net.save(len(rows), sys.argv[1])
    json.dump({"loss": net.RATE}, open("metrics.json", "w"))
"""
NET = """
RATE = 0.5
def save(rows, name):
    with open(name, "w") as file:
        file.write("rows: %d\\n" % rows)
"""


@pytest.fixture(scope="module")
def trained(engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("export") / "project", engine)
    subprocess.run(["git", "init", "--quiet"], cwd=project.path, check=True)
    project.write(".gitignore", "data/\n")
    project.write("data/a.csv", "1\n2\n")
    project.write("model/__init__.py", "")
    project.write("model/net.py", NET)
    project.write("idea.py", "print('not for the public')\n")
    (project.path / "out").mkdir()
    project.script(TRAIN)
    done = project.snap("run", "--name", "first", "--env", "TOKEN=do-not-tell", "train.py", "out/rows.txt")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture(scope="module")
def exported(trained: Project) -> Path:
    path = trained.path.parent / "public"
    done = trained.snap("export", "first", str(path))
    assert done.returncode == 0, done.stderr
    return path


TERMS = (
    *(
        "about",
        "actionStatus",
        "contentSize",
        "CreateAction",
        "CreativeWork",
        "Dataset",
        "datePublished",
        "description",
    ),
    *("encodingFormat", "endTime", "hasPart", "identifier", "instrument", "license", "mentions", "name"),
    *("object", "programmingLanguage", "PropertyValue", "result", "SoftwareApplication", "SoftwareSourceCode"),
    *("startTime", "value", "variableMeasured", "version"),
)
"""What RO-Crate 1.1 takes of schema.org, as far as exports have it."""


def offline(crate: Path) -> None:
    """Write out the context of a crate, which the validator would fetch."""
    path = crate / "ro-crate-metadata.json"
    document = json.loads(path.read_text())
    remote, own = document["@context"]
    assert remote == "https://w3id.org/ro/crate/1.1/context"
    document["@context"] = {
        **{term: f"http://schema.org/{term}" for term in TERMS},
        "File": "http://schema.org/MediaObject",
        "conformsTo": "http://purl.org/dc/terms/conformsTo",
        **own,
    }
    path.write_text(json.dumps(document))


def files(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.startswith(("tools/", "base/")))


def test_it_has_what_the_run_used_and_nothing_of_who_and_where(trained: Project, exported: Path) -> None:
    (listed,) = (path.name for path in (exported / "manifests").iterdir())
    assert files(exported) == [
        *(".dockerignore", "CITATION.cff", "Dockerfile", "README.md", "REDACTION.md", "SHA256SUMS", "log"),
        *(f"manifests/{listed}", "requirements.txt", "results/metrics.json", "results/out/rows.txt"),
        *("ro-crate-metadata.json", "run.public.json", "snap.lock"),
        *("workspace/model/__init__.py", "workspace/model/net.py", "workspace/train.py"),
    ]
    record = trained.record()
    private = [str(trained.path), record["host"]["machine"]["hostname"], record["container"], "do-not-tell", ".git/"]
    for path in exported.rglob("*"):
        if path.is_file() and path.name != "rootfs.tar.gz":
            content = path.read_bytes()
            assert [word for word in private if word.encode() in content] == [], path
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=exported, check=True)


def test_plain_docker_trains_it_again_with_the_two_commands(trained: Project, exported: Path, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    shutil.copytree(exported, place)
    (text,) = re.findall(r"```sh\n(.*?)```", (place / "README.md").read_text(), re.DOTALL)
    build, again = text.strip().splitlines()
    image = build.split()[-2]

    def bash(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], cwd=place, env=trained.env, capture_output=True, text=True)

    try:
        assert bash(build).returncode == 0
        (place / "data/workspace/data").mkdir(parents=True)
        lacking = bash(again)
        assert (lacking.returncode, "`a.csv` is missing" in lacking.stderr) == (2, True)
        (place / "data/workspace/data/a.csv").write_text("1\n2\n")
        (place / "retrained").chmod(0o777)
        shutil.chown(place / "retrained", 1234, 1234)
        done = bash(again)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "2 of 2 results are the same, bit for bit")
        rows = place / "retrained/out/rows.txt"
        assert (rows.read_text(), rows.stat().st_uid) == ("rows: 2\n", 1234)
    finally:
        trained.docker("image", "rm", "--force", image)


def test_what_looks_like_a_secret_keeps_it_back(trained: Project) -> None:
    target = trained.path.parent / "held-back"
    planted = {
        "model/net.py": (NET + 'KEY = "AKIAQYLPMN5HHHFPZAM2"\n', "workspace/model/net.py:aws-access-token:6"),
        "train.py": (textwrap.dedent(TRAIN) + f"print({str(trained.path)!r})\n", "log:folder:1"),
        # Not even opened by the run:
        "idea.pem": ("-----BEGIN PRIVATE KEY-----\n", "workspace/idea.pem:file-name:0"),
        ".env": ("TOKEN=1\n", "workspace/.env:file-name:0"),
    }
    for name, (text, _) in planted.items():
        trained.write(name, text)
    assert trained.snap("run", "train.py", "out/rows.txt").returncode == 0
    refused = trained.snap("export", "latest", str(target))
    assert refused.returncode == 1
    assert [finding for _, finding in planted.values() if finding not in refused.stderr] == []
    assert [path.name for path in target.parent.glob("*held-back*")] == []
    for name in planted:
        (trained.path / name).unlink()
    trained.write("model/net.py", NET)


def test_it_is_trained_again_before_it_is_handed_over(trained: Project, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    proven = trained.snap("export", "first", str(first), "--prove", "--with-data")
    assert proven.returncode == 0, proven.stderr
    assert "plain Docker has trained it again: identical" in proven.stderr
    assert "come out otherwise" not in proven.stderr
    assert trained.snap("export", "first", str(second), "--with-data").returncode == 0
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.read("data/workspace/data/a.csv") == b"1\n2\n"
        assert archive.getinfo("retrained/").is_dir()

    trained.script(TRAIN + "    import os; open('dice.txt', 'w').write(os.urandom(9).hex())\n")
    assert trained.snap("run", "--name", "other", "train.py", "out/rows.txt").returncode == 0
    other = trained.snap("export", "other", str(tmp_path / "other"), "--prove")
    assert (other.returncode, "dice.txt: different" in other.stderr) == (1, True), other.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.zip", "second.zip"]


def test_ctrl_c_leaves_nothing(trained: Project, tmp_path: Path) -> None:
    going = trained.start("export", "first", str(tmp_path / "public"))
    wait_for(lambda: list(tmp_path.glob(".public.partial/*/export")))
    going.send_signal(signal.SIGINT)
    assert going.wait(30) == 130
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_at_once(trained: Project, exported: Path) -> None:
    for target, words in (
        (exported, "is there already"),
        (Path("x.tar"), "neither a folder nor a `.zip`"),
        (trained.path / ".snap/x", "where others keep their files"),
    ):
        refused = trained.snap("export", "latest", str(target))
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr


def test_it_is_a_process_run_crate(exported: Path, tmp_path: Path) -> None:
    from rocrate_validator import services

    shutil.copytree(exported, tmp_path / "crate", ignore=shutil.ignore_patterns("base"))
    (tmp_path / "crate" / "base").mkdir()
    offline(tmp_path / "crate")
    settings = services.ValidationSettings(
        rocrate_uri=str(tmp_path / "crate"), profile_identifier="process-run-crate", requirement_severity="REQUIRED",
        offline=True, cache_path=tmp_path / "http",
    )  # fmt: skip
    result = services.validate(settings)
    assert [issue.message for issue in result.get_issues()] == []


def test_record_is_public(exported: Path) -> None:
    public = json.loads((exported / "run.public.json").read_text())
    assert public["unset"] == ["TOKEN"]
    assert [one["path"] for one in public["code"]] == ["model/__init__.py", "model/net.py", "train.py"]
