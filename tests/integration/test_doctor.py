"""`snap doctor` on real engines, disks and networks, well and broken."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.host import nvml
from snapshot.lock import document
from snapshot.lock.document import Cuda
from tests.integration.scenario import Project

NOBODY = 65534
Findings = list[dict[str, Any]]


@pytest.fixture
def project(tmp_path: Path, engine: dict[str, str]) -> Project:
    project = Project(tmp_path / "project", engine)
    project.script("print('never')")
    return project


@pytest.fixture
def index() -> Iterator[ThreadingHTTPServer]:
    """An index that answers with the status in its path: `/404/simple/pip/`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.split("/")[1]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def doctor(project: Project, *, env: Mapping[str, str] | None = None, become: int | None = None) -> Findings:
    """What it finds; its exit code agrees, and nothing of it stays in the project."""
    before = project.files()
    done = project.snap("doctor", "--json", env=env, become=become)
    assert "Traceback" not in done.stderr
    found: Findings = json.loads(done.stdout)
    assert done.returncode == int(any(one["severity"] == "error" for one in found)), done.stderr
    assert [one for one in found if one["severity"] in ("warning", "error") and not one["remedy"]] == []
    assert not [one for one in found if "this check failed" in one["message"]]
    assert project.files() == before
    return found


def errors(found: Findings, check: str) -> list[str]:
    return [one["message"] for one in found if one["check"] == check and one["severity"] == "error"]


def test_a_machine_that_runs_trainings_is_well(project: Project):
    found = doctor(project)
    assert errors(found, "engine") == errors(found, "overlay") == errors(found, "file system") == []
    assert {"check": "overlay", "severity": "ok", "message": "a run sees the project and what it writes arrives"} in [
        {key: value for key, value in one.items() if key != "remedy"} for one in found
    ]
    said = project.snap("doctor")
    assert "Docker " in said.stdout and said.stdout.splitlines()[-1].endswith("checks")
    assert project.docker("ps", "-aq", "--filter", "name=snap-doctor-") == []
    assert [name for name in project.docker("volume", "ls", "-q") if name.startswith("snap-doctor-")] == []


def test_the_other_image_store_is_as_good(second_engine: dict[str, str], tmp_path: Path):
    found = doctor(Project(tmp_path / "project", second_engine))
    assert errors(found, "engine") == errors(found, "overlay") == errors(found, "buildx") == []


def test_a_folder_that_is_no_project(tmp_path: Path, engine: dict[str, str]):
    project = Project(tmp_path / "project", engine)
    (project.path / "requirements.txt").unlink()
    assert any("is no project yet" in one["message"] for one in doctor(project))
    assert list(project.path.iterdir()) == []


def test_no_engine_is_one_error_among_all_the_other_findings(project: Project, tmp_path: Path):
    found = doctor(project, env={"DOCKER_HOST": f"unix://{tmp_path}/none"})
    (said,) = errors(found, "engine")
    assert said == f"no Docker engine answers at unix://{tmp_path}/none"
    assert {"disk", "file system", "index", "gpu", "lock"} <= {one["check"] for one in found}


def test_an_engine_that_never_answers_does_not_hold_up_the_rest(project: Project, tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(50)
        found = doctor(project, env={"DOCKER_HOST": f"unix://{tmp_path}/s"})
    assert any("did not answer" in said for said in errors(found, "engine"))
    assert "file system" in {one["check"] for one in found}


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"junk\r\n\r\n", b""])
def test_what_answers_is_no_engine(project: Project, tmp_path: Path, answer: bytes):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(50)

        def serve() -> None:
            with suppress(OSError):  # its end: the socket is shut
                while True:
                    connection = server.accept()[0]
                    with suppress(OSError), connection:
                        connection.recv(65536)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        found = doctor(project, env={"DOCKER_HOST": f"unix://{tmp_path}/s"})
        server.shutdown(socket.SHUT_RDWR)
    assert len(errors(found, "engine")) == 1
    assert "file system" in {one["check"] for one in found}


def test_no_docker_on_the_path_is_said_once(project: Project):
    found = doctor(project, env={"PATH": "/nowhere"})
    said = [one["message"] for one in found if one["severity"] == "error"]
    assert [text for text in said if "docker" in text] == ["`docker` is not on the PATH"]


def test_a_context_that_leads_the_cli_elsewhere(project: Project, second_engine: dict[str, str], tmp_path: Path):
    config = {**second_engine, "DOCKER_CONFIG": str(tmp_path / "config")}
    where = f"host={second_engine['DOCKER_HOST']}"
    subprocess.run(["docker", "context", "create", "other", "--docker", where], env=config, check=True)
    elsewhere = {"DOCKER_CONFIG": config["DOCKER_CONFIG"], "DOCKER_CONTEXT": "other", "DOCKER_HOST": ""}
    said = [one for one in doctor(project, env=elsewhere) if one["check"] == "engine" and one["severity"] == "error"]
    assert any("`other`" in one["message"] and second_engine["DOCKER_HOST"] in one["remedy"] for one in said)


def test_an_index_that_refuses(project: Project, index: ThreadingHTTPServer):
    url = f"http://user:secret@127.0.0.1:{index.server_port}"
    env = {"PIP_NO_INDEX": "", "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    urls = f"{url}/200/simple {url}/404/simple {url}/503/simple http://127.0.0.1:1/simple file:///not/there"
    found = doctor(project, env={**env, "PIP_INDEX_URL": f"{url}/403/simple", "PIP_EXTRA_INDEX_URL": urls})
    refused, missing, trouble, closed, folder = errors(found, "index")
    assert refused.endswith("/403/simple refuses: 403")
    assert missing.endswith("/404/simple is no package index: 404")
    assert trouble.endswith("/503/simple is in trouble: 503")
    assert closed.startswith("127.0.0.1:1 can't be reached")
    assert folder == "file:///not/there is not there"
    assert any(one["message"].endswith("/200/simple answers") for one in found)
    assert "secret" not in json.dumps(found)


def test_a_proxy_that_is_not_there(project: Project):
    found = doctor(project, env={"HTTPS_PROXY": "http://user:secret@127.0.0.1:1", "https_proxy": ""})
    assert any("127.0.0.1:1 can't be reached" in said for said in errors(found, "proxy"))
    assert "secret" not in json.dumps(found)


def test_an_index_that_never_answers_is_named(project: Project):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        env = {"PIP_INDEX_URL": url, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        found = doctor(project, env={**env, "PIP_CONFIG_FILE": os.devnull})
    assert any("timed out" in said and url.split("/")[2] in said for said in errors(found, "index"))


def test_the_proxy_of_pip_alone(project: Project):
    found = doctor(project, env={"PIP_PROXY": "http://127.0.0.1:1"})
    assert any("127.0.0.1:1 can't be reached" in said for said in errors(found, "proxy"))


@pytest.mark.parametrize("content", [None, "", "junk"])
def test_a_certificate_bundle_that_is_none(project: Project, tmp_path: Path, content: str | None):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    found = doctor(project, env={"PIP_CERT": str(path)})
    assert any(str(path) in said for said in errors(found, "certificates"))


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_a_user_who_may_read_neither_certificates_nor_the_socket(project: Project, tmp_path: Path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("x")
    bundle.chmod(0)
    os.chown(project.path, NOBODY, NOBODY)
    for folder in project.path.parents:
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    env = {"REQUESTS_CA_BUNDLE": str(bundle), "PIP_CERT": str(bundle), "HOME": str(project.path), "XDG_CACHE_HOME": ""}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        (tmp_path / "s").chmod(0)
        found = doctor(project, env={**env, "DOCKER_HOST": f"unix://{tmp_path}/s"}, become=NOBODY)
    assert any(f"no permission to read the certificate bundle `{bundle}`" in s for s in errors(found, "certificates"))
    assert "no permission to talk to the Docker engine" in errors(found, "engine")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_a_user_without_a_home(project: Project):
    project.path.chmod(0o777)
    for folder in project.path.parents:
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    for name in ("HOME", "XDG_CACHE_HOME"):
        project.env.pop(name, None)
    found = doctor(project, become=54321)
    assert errors(found, "cache") == ["this user has no home folder for a cache"]
    done = project.snap("lock", become=54321)
    assert done.returncode == 3, done.stderr
    assert "error: this user has no home folder for a cache\nhint: set `HOME`" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to mount a disk")
def test_a_full_disk(engine: dict[str, str], tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        project = Project(disk / "project", engine)
        with (disk / "much").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(512))
        found = doctor(project, env={"XDG_CACHE_HOME": str(disk)})
        assert any("only 0 B free for the project" in said for said in errors(found, "disk"))
        assert any("no space left" in said for said in errors(found, "cache"))
        assert any("no space left" in said for said in errors(found, "file system"))
    finally:
        subprocess.run(["umount", disk], check=True)


def test_locks_that_are_broken_stale_and_below(project: Project):
    assert project.snap("lock").returncode == 0
    project.write("other/requirements.txt", "")
    project.write("other/snap.lock", project.read("snap.lock") + "\nnonsense = [")
    project.write("requirements.txt", "six\n")
    found = [one for one in doctor(project) if one["check"] == "lock"]
    assert [one["severity"] for one in found if "snap.lock is not up to date" in one["message"]] == ["warning"]
    assert any("other/snap.lock" in said for said in errors(found, "lock"))


def test_a_lock_on_a_base_that_is_not_here(project: Project):
    project.write("snap.toml", 'base = "snapshot-base:not-made"\n')
    assert any("is not here, and of no registry" in said for said in errors(doctor(project), "base"))


def test_a_registry_is_asked_through_the_engine(project: Project, registry: str):
    tag = f"{registry}/doctor/base:1"
    project.docker("tag", "snapshot-base:bookworm", tag)
    project.docker("push", "-q", tag)
    project.docker("rmi", tag)
    project.write("snap.toml", f'base = "{tag}"\n')
    assert any(f"the engine can pull `{tag}`" in one["message"] for one in doctor(project))
    project.write("snap.toml", f'base = "{registry}/doctor/none:1"\n')
    assert any("doctor/none:1" in said for said in errors(doctor(project), "registry"))


def test_a_run_that_lost_its_snap_is_left_alone(project: Project):
    project.script("print('done')")
    assert project.snap("run", "train.py").returncode == 0
    run = project.record()["id"]
    (project.path / ".snap/active" / run).touch()
    found = [one for one in doctor(project) if one["check"] == "runs"]
    assert [one["severity"] for one in found] == ["warning"]
    assert run in found[0]["message"]
    assert (project.path / ".snap/active" / run).exists()


NEEDS = Cuda(runtime="13.0", because="test", driver_minimum="580.65.06", architectures=("sm_80",))


@pytest.mark.skipif(nvml.look().state != "absent", reason="this machine has a driver of its own")
def test_fake_gpu_a_driver_and_devices_against_a_lock(project: Project, fake_nvml: Path):
    assert project.snap("lock").returncode == 0
    lock = document.loads(project.read("snap.lock"))
    project.write("snap.lock", document.dumps(msgspec.structs.replace(lock, cuda=NEEDS)))
    env = {"LD_LIBRARY_PATH": str(fake_nvml), "FAKE_NVML_GPUS": "NVIDIA A100:8.0:40960;NVIDIA V100:7.0:16384"}
    found = doctor(project, env={**env, "FAKE_NVML_DRIVER": "535.104.05"})
    assert any("2 GPUs: NVIDIA A100 (8.0), NVIDIA V100 (7.0)" in one["message"] for one in found)
    (old,) = errors(found, "lock")
    assert "the driver 535.104.05 is too old for CUDA 13.0" in old
    assert any("no code for NVIDIA V100 (7.0)" in one["message"] for one in found if one["severity"] == "warning")
    assert errors(found, "toolkit") != []


@pytest.mark.skipif(nvml.look().state != "absent", reason="this machine has a driver of its own")
def test_fake_gpu_a_driver_in_trouble(project: Project, fake_nvml: Path):
    found = doctor(project, env={"LD_LIBRARY_PATH": str(fake_nvml), "FAKE_NVML_INIT_RC": "18"})
    assert len(errors(found, "gpu")) == 1
