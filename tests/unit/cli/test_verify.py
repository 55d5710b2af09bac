"""`snap verify`, typed where no engine answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from snapshot.host import machine
from snapshot.host.nvml import Gpus
from snapshot.record.document import Given, Host
from snapshot.record.store import Store
from tests.unit.record.records import a_run, keep, run_id
from tests.unit.share import kits


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Runs without a GPU, and under two drivers."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "snap.toml").write_text("")
    store = Store(place)
    code = kits.kept(store, 1).code
    given = Given(way="nvidia", devices=("0",))
    for number, driver in ((2, "580.65.06"), (3, "575.1"), (4, None)):
        gpus = Gpus(driver=driver, cuda="13.0", devices=()) if driver else None
        host = Host(machine=machine.probe(), engine="29", store="overlay2", gpus=gpus, user="0:0")
        keep(store, a_run(number, gpus=given, host=host, code=code))
    keep(store, msgspec.structs.replace(a_run(5, code=code), host=host))
    return place


def snap(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_CACHE_HOME": str(project.parent / "cache"), "DOCKER_HOST": "unix:///nowhere"}
    return subprocess.run(
        [sys.executable, "-m", "snapshot", "verify", *arguments], cwd=project, env=env, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def test_without_an_engine_the_rest_is_done(project: Path) -> None:
    done = snap(project, "--all")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) > 6
    assert "image of " in done.stdout and "unknown: no Docker engine answers at unix:///nowhere" in done.stdout
    found = json.loads(snap(project, run_id(1), run_id(1), "--json").stdout)
    assert (found["schema"], found["fine"], found["driver"]) == ("snap.handover/1", False, None)
    assert [row["run"] for row in found["runs"]] == [run_id(1)]
    assert (found["runs"][0]["image"]["state"], found["runs"][0]["results"]["state"]) == ("unknown", "ok")


def test_only_runs_of_another_driver(project: Path) -> None:
    for arguments, expected in (
        (("--changed-since-driver", "580.65.06"), [4, 3]),
        (("--changed-since-driver=575.1", "--all"), [4, 2]),
        (("--changed-since-driver=575.1", run_id(2), run_id(3)), [2]),
    ):
        found = json.loads(snap(project, *arguments, "--json").stdout)
        assert [row["run"] for row in found["runs"]] == [run_id(number) for number in expected]
    (project / ".snap/runs" / run_id(5) / "run.json").write_text("{")
    assert len(json.loads(snap(project, "--changed-since-driver", "9.9", "--json").stdout)["runs"]) == 4
    none = snap(project, "--changed-since-driver", "580.65.06", run_id(2))
    assert (none.returncode, none.stdout) == (0, "")
    assert "no run used a GPU under another driver than 580.65.06" in none.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "takes either RUNs or `--all`"),
        (("--all", "latest"), 2, "takes either RUNs or `--all`"),
        (("nobody",), 2, "there is no run `nobody`"),
        (("--changed-since-driver", "latest"), 2, "`latest` is not the version of an NVIDIA driver"),
    ],
)
def test_what_can_not_be_asked(project: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = snap(project, *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_without_a_driver_its_version_is_to_be_named(project: Path) -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this host has a driver")
    done = snap(project, "--changed-since-driver")
    assert done.returncode == 3
    assert "hint: name its version, as in `--changed-since-driver 580.65.06`" in done.stderr


def test_a_folder_without_runs_has_nothing_wrong(tmp_path: Path) -> None:
    done = snap(tmp_path, "--all")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no runs yet" in done.stderr
    assert list(tmp_path.iterdir()) == []
