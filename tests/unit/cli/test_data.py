"""`snap data`, typed in a project whose run had data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.record.data.identity import Identifier
from snapshot.record.data.walk import look
from snapshot.record.document import Code, Command, Data, Edit, Platform, Request, Run
from snapshot.record.store import Store
from tests.terminal import terminal


@pytest.fixture
def project(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    (place / "images").mkdir(parents=True)
    for number in range(30):
        (place / "images" / f"{number:02}").write_text("1")
    (place / "images" / "\x1b[2J\n").write_text("1")
    (place / "snap.toml").write_text("")
    record(place, "20260101T000000000-aaaa")
    return place


def record(place: Path, run_id: str, *edits: Edit) -> None:
    store = Store(place)
    store.create()
    found = Identifier(store.path, None).identify(look(place / "images"))
    data = Data(
        path="images", target="/workspace/images", kind="folder", reason="ignored", digest=found.digest,
        files=found.files, bytes=found.bytes, identified="content", edits=edits,
    )  # fmt: skip
    store.folder(run_id).mkdir()
    store.write(
        Run(
            id=run_id,
            status="finished",
            project=str(place),
            command=Command(argv=("train.py",), kind="script", directory="."),
            request=Request(),
            code=Code(digest="sha256:0", files=1, bytes=1, git=None),
            data=(data, Data(path="old", target="", kind="file", reason="large")),
            platform=Platform(lock="", image="", reference="", base="", base_digest=None, base_layers=(), python=""),
            container="c",
            write_back=True,
            created="2026-01-01T00:00:00.000Z",
        )
    )


def snap(project: Path, *arguments: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "snapshot", "data", *arguments], cwd=project / cwd, env=environment(project), text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def environment(project: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(project.parent / "cache"), "COLUMNS": "120"}


def test_ls_lists_what_the_run_had_and_what_was_edited(project):
    record(project, "20260102T000000000-bbbb", *(Edit(path=f"{n}\x1b", change="changed") for n in range(21)))
    done = snap(project, "ls")
    assert done.stdout.splitlines()[1].split()[:5] == ["images", "folder", "31", "31", "B"]
    assert done.stdout.splitlines()[2].split() == ["old", "file", "-", "-", "-", "-"]
    assert "edited in images while the run went on:" in done.stdout
    assert "… and 1 more" in done.stdout
    assert "\x1b" not in done.stdout
    first = json.loads(snap(project, "ls", "aaaa", "--json").stdout)
    assert [(d["path"], d["files"], d["edits"]) for d in first] == [("images", 31, []), ("old", None, [])]


def test_status_says_since_when_and_which_files(project):
    done = snap(project, "status", "images")
    assert (done.returncode, done.stdout) == (0, "images: unchanged since run 20260101T000000000-aaaa\n")
    (project / "images/03").write_text("2")
    (project / "images/new").write_text("2")
    (project / "images/04").unlink()
    done = snap(project, "status", ".", cwd="images")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        ".: changed since run 20260101T000000000-aaaa: 1 file added, 1 file changed, 1 file removed",
        "  changed  03",
        "  removed  04",
        "  added    new",
    ]
    assert snap(project, "status", "images/05").returncode == 0


def test_status_without_a_path_is_of_the_data_of_the_latest_run(project):
    done = snap(project, "status")
    assert (done.returncode, done.stdout.splitlines()) == (
        1, ["images: unchanged since run 20260101T000000000-aaaa", "old: no run is known to have used it"],
    )  # fmt: skip
    assert [(s["path"], s["same"]) for s in json.loads(snap(project, "status", "--json").stdout)] == [
        ("images", True), ("old", False),
    ]  # fmt: skip


def test_diff_tells_what_makes_two_runs_data_different(project):
    (project / "images" / "\x1b[2J\n").unlink()
    record(project, "20260102T000000000-bbbb")
    done = snap(project, "diff", "latest~1", "latest")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("images: 1 file removed (")
    assert done.stdout.splitlines()[1:] == ["  removed  \\x1b[2J\\n", "old: not identified in either run"]
    found = json.loads(snap(project, "diff", "latest~1", "latest", "--json").stdout)
    assert found[0]["edits"] == [{"path": "\x1b[2J\n", "change": "removed"}]


def test_verify_reads_all_of_it_and_names_what_is_different(project):
    assert snap(project, "verify").stdout.splitlines() == [
        "images: as recorded", "old: the record does not say what it was",
    ]  # fmt: skip
    (project / "images/03").write_text("2")
    done = snap(project, "verify", "latest")
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == ["images: not as recorded: 1 file changed", "  changed  03"]


def test_a_damaged_manifest_is_an_error_with_a_hint(project):
    for file in (project / ".snap/data").iterdir():
        file.write_bytes(b"x")
    (project / "images/03").write_text("2")
    done = snap(project, "status", "images")
    assert done.returncode == 2
    assert "is damaged\nhint: see `snap fsck`" in done.stderr


def test_what_takes_no_second_is_said_and_drawn_nowhere(project):
    assert snap(project, "verify").stderr == ""
    with terminal(
        [sys.executable, "-m", "snapshot", "data", "verify"], cwd=project, env=environment(project)
    ) as screen:
        screen.end()
    assert b"reading" not in screen.written and b"\x1b" not in screen.written
    assert screen.lines[0].startswith("images: as recorded")
