"""A run archived, and rebuilt where there is nothing: an empty engine, empty caches, and a network without routes."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.indexes import source, write
from tests.integration.scenario import Project, wait_for

TRAIN = """
    import json, sys
    import numpy, spam
    rate = float(sys.argv[1])
    w = numpy.arange(1000.0) * rate
    numpy.save("w.npy", w)
    json.dump({"loss": float(w.sum())}, open("metrics.json", "w"))
"""


class Island:
    """An engine with nothing in it, in a network namespace from which no route leads anywhere."""

    def __init__(self, env: Mapping[str, str], pid: str) -> None:
        self.env = {key: value for key, value in env.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self._enter = ["nsenter", "--target", pid, "--net"]

    def __call__(self, *words: str, cwd: Path, cache: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command there, as a user without caches."""
        done = subprocess.run(
            [*self._enter, *words], cwd=cwd, env={**self.env, "XDG_CACHE_HOME": str(cache)},
            capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def sweep(self, folder: Path) -> None:
        """Leave nothing in the engine, not even what builds remember."""
        self("docker", "system", "prune", "--all", "--force", cwd=folder, cache=folder)
        self("docker", "builder", "prune", "--all", "--force", cwd=folder, cache=folder)
        assert self("docker", "image", "ls", "--quiet", cwd=folder, cache=folder).stdout == ""


@pytest.fixture(scope="module")
def island(command, engine, engine_environment) -> Iterator[Island]:
    driver = command("docker", "info", "--format", "{{.Driver}}", env=engine).stdout.strip()
    store = "containerd" if driver == "overlayfs" else "overlay2"
    command("scripts/engine", "stop", "island", "--wipe")
    start = ["unshare", "--net", "scripts/engine", "start", "island", "--store", store]
    done = command(*start, check=False)
    if done.returncode != 0 and "unshare" in done.stderr:
        pytest.skip("no network namespace can be made here")
    assert done.returncode == 0, done.stderr
    env = engine_environment("island")
    pid = Path(env["DOCKER_HOST"].removeprefix("unix://")).with_name("pid").read_text().strip()
    yield Island(env, pid)
    command("scripts/engine", "stop", "island", "--wipe")


@pytest.fixture(scope="module")
def trained(engine, registry: str, command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A run on a base of a registry, with an OS package, a wheel, and a package that is built of a folder."""
    base = f"{registry}/base:1"
    command("docker", "tag", "snapshot-base:bookworm", base, env=engine)
    command("docker", "push", "--quiet", base, env=engine)
    project = Project(tmp_path_factory.mktemp("kit") / "project", engine)
    write(project.path.parent / "lib", source("spam"))
    project.write("snap.toml", f'base = "{base}"\npackages = ["tree"]\n')
    project.write("requirements.txt", "numpy\n../lib\n")
    project.script(TRAIN)
    done = project.snap("run", "train.py", "0.5")
    assert done.returncode == 0, done.stderr
    yield project
    command("docker", "image", "rm", base, env=engine)


@pytest.fixture(scope="module")
def kit(trained: Project) -> Path:
    path = trained.path.parent / "kit"
    done = trained.snap("archive", "latest", str(path))
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def packed(trained: Project) -> Path:
    path = trained.path.parent / "kit.tar"
    assert trained.snap("archive", "latest", str(path)).returncode == 0
    return path


def test_imported_where_there_is_nothing_the_image_comes_out_the_same(
    trained: Project, packed: Path, island: Island, tmp_path: Path
) -> None:
    cache, here = tmp_path / "cache", tmp_path / "elsewhere"
    here.mkdir()
    island.sweep(here)
    assert island("ip", "route", "show", "default", cwd=here, cache=cache).stdout == ""
    run = trained.record()

    done = island("snap", "import", str(packed), cwd=here, cache=cache)
    assert done.stdout.strip() == run["id"]
    assert "the engine has the base image" in done.stderr
    built = island("snap", "build", "--run", run["id"], "--offline", cwd=here, cache=cache)
    assert built.stdout.strip() == run["platform"]["image"]

    shown = json.loads(island("snap", "show", run["id"], "--json", cwd=here, cache=cache).stdout)
    assert shown == run
    assert f"elsewhere, taken in from {packed}" in island("snap", "show", run["id"], cwd=here, cache=cache).stdout
    assert island("snap", "fsck", cwd=here, cache=cache).stdout.startswith("nothing is wrong")
    island("snap", "gc", cwd=here, cache=cache)
    assert island("snap", "fsck", cwd=here, cache=cache).stdout.startswith("nothing is wrong")
    # What the wheel was built of is here too, should anyone want to look at it.
    assert list((cache / "snapshot" / "packages").rglob("*.tar"))

    again = island("snap", "import", str(packed), cwd=here, cache=cache)
    assert "in this project already" in again.stderr


def test_plain_docker_does_what_the_readme_says(trained: Project, kit: Path, island: Island, tmp_path: Path) -> None:
    island.sweep(tmp_path)
    place = tmp_path / "copied"
    shutil.copytree(kit, place, symlinks=True)
    (commands,) = re.findall(r"```sh\n(.*?)```", (place / "README.md").read_text(), re.DOTALL)
    done = island("bash", "-e", "-c", commands, cwd=place, cache=tmp_path / "cache")
    run = trained.record()
    image = ["docker", "image", "inspect", "--format", "{{.Id}}", run["platform"]["reference"]]
    assert island(*image, cwd=place, cache=tmp_path).stdout.strip() == run["platform"]["image"]
    for output in run["outputs"]:
        data = (place / "rerun" / output["path"]).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == output["sha256"]
    assert "differ" not in done.stdout
    # It would tell.
    (place / "rerun" / "w.npy").write_bytes(b"other")
    compare = commands.strip().splitlines()[-1]
    assert "differ" in island("bash", "-c", compare, cwd=place, cache=tmp_path).stdout


def test_a_tar_has_what_a_folder_has(kit: Path, packed: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", packed], cwd=tmp_path, check=True)
    done = subprocess.run(["diff", "-r", kit, tmp_path], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
    assert [path.name for path in sorted((tmp_path / "sources" / "spam").iterdir())] == ["lib.tar"]


def test_nothing_half_done(trained: Project, kit: Path, tmp_path: Path) -> None:
    refused = trained.snap("archive", "latest", str(kit))
    assert (refused.returncode, "is there already" in refused.stderr) == (2, True)
    target = tmp_path / "kit.tar"
    going = trained.start("archive", "latest", str(target))
    wait_for(lambda: list(tmp_path.glob(".kit.tar.partial/*/tar")))
    going.send_signal(signal.SIGKILL)
    going.wait()
    assert not target.exists()
    done = trained.snap("archive", "latest", str(target))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kit.tar"]


def test_data_go_with_it_only_while_they_are_what_the_run_had(engine, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", engine)
    project.write("data/a.csv", "1,2\n")
    project.write(".gitignore", "data/\n")
    project.script("open('out.txt', 'w').write(open('data/a.csv').read())\n")
    assert project.snap("run", "--env", "WHO=ann", "train.py").returncode == 0
    without = project.snap("archive", "latest", str(tmp_path / "without"))
    assert "can read the values of `WHO`" in without.stderr
    assert "`--with-data` adds them" in without.stderr
    assert "put them in their places first" in (tmp_path / "without" / "README.md").read_text()
    assert project.snap("archive", "latest", str(tmp_path / "with"), "--with-data").returncode == 0
    assert (tmp_path / "with" / "data" / "workspace" / "data" / "a.csv").read_text() == "1,2\n"
    project.write("data/a.csv", "1,3\n")
    changed = project.snap("archive", "latest", str(tmp_path / "changed"), "--with-data")
    assert changed.returncode == 5
    assert "is not what it was" in changed.stderr
    assert not (tmp_path / "changed").exists()


def test_an_engine_whose_image_of_that_name_is_another_is_left_alone(
    engine, kit: Path, tmp_path: Path, command
) -> None:
    name = json.loads((kit / "kit.json").read_text())["base"]["name"]
    own = tmp_path / "own"
    own.mkdir()
    (own / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    command("docker", "buildx", "build", "--quiet", "--load", "--tag", name, own, env=engine)
    try:
        before = command("docker", "image", "inspect", "--format", "{{.Id}}", name, env=engine).stdout
        other = Project(tmp_path / "other", engine)
        # The base by its digest is here as well, and that one counts.
        done = other.snap("import", str(kit))
        assert done.returncode == 0, done.stderr
        assert command("docker", "image", "inspect", "--format", "{{.Id}}", name, env=engine).stdout == before
    finally:
        command("docker", "image", "rm", name, env=engine)
