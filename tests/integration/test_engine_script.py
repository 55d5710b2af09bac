"""scripts/engine: private engines come and go without a trace on each other or on the machine's own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("test-one", "test-two")


class Engines:
    """The script, with a home of its own so that no engine of the developer's is in reach."""

    def __init__(self, command, engine_environment, home: Path) -> None:
        self.command = command
        self.engine_environment = engine_environment
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
        self.env["SNAP_ENGINE_HOME"] = str(home)
        self.home = home

    def __call__(self, *arguments: str, check: bool = True):
        return self.command("scripts/engine", *arguments, env=self.env, check=check)

    def docker(self, name: str, *arguments: str) -> str:
        return self.command("docker", *arguments, env=self.environment(name)).stdout.strip()

    def environment(self, name: str) -> dict[str, str]:
        return self.engine_environment(name, self.env)


@pytest.fixture(scope="module")
def engines(command, second_engine, engine_environment) -> Iterator[Engines]:
    # The second engine is a private one for certain, so its programs are unpacked already.
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "snapshot" / "engine"
    # Not pytest's tmp_path: the path of a socket is limited to 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="snap-"))
    (home / "dist").symlink_to(Path(os.environ.get("SNAP_ENGINE_HOME", cache)) / "dist")
    engines = Engines(command, engine_environment, home)
    yield engines
    for name in NAMES:
        engines("stop", name, "--wipe")
    (home / "dist").unlink()
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def one(engines) -> str:
    engines("start", "test-one")
    return "test-one"


@pytest.fixture(scope="module")
def two(engines) -> str:
    engines("start", "test-two", "--store", "containerd")
    return "test-two"


def beside(command) -> tuple[list[str], list[str]]:
    """Addresses and firewall rules of `docker0`, where there is one, and of `test-one`.

    Only of these two: other engines of the developer's may come and go during a test.
    """

    def lines(*argv: str) -> list[str]:
        output = command(*argv).stdout.splitlines()
        return [line for line in output if "docker0" in line.split() or "sn-test-one" in line.split()]

    return lines("ip", "-4", "-o", "addr", "show"), lines("iptables-save")


def test_two_at_once_with_different_stores(engines, one, two):
    kinds = {name: engines.docker(name, "info", "--format", "{{.Driver}} {{.DriverStatus}}") for name in (one, two)}
    assert kinds[one].startswith("overlay2 ")
    assert "io.containerd.snapshotter.v1" in kinds[two]
    assert engines.docker(one, "info", "--format", "{{.ID}}") != engines.docker(two, "info", "--format", "{{.ID}}")


def test_status_and_env_of_a_running_one(engines, one):
    status = engines("status", one).stdout
    assert status.startswith("test-one: running, Docker ")
    assert "store overlay2" in status
    env = engines.environment(one)
    assert env["DOCKER_HOST"] == f"unix://{engines.home}/test-one/docker.sock"
    assert engines.docker(one, "buildx", "version").startswith("github.com/docker/buildx")


def test_starting_again_changes_nothing(engines, one):
    pid = (engines.home / one / "pid").read_text()
    assert "runs already" in engines("start", one).stderr
    assert (engines.home / one / "pid").read_text() == pid


def test_nothing_beside_it_is_touched(command, engines, one):
    before = beside(command)
    identity = engines.docker(one, "info", "--format", "{{.ID}}")
    engines("stop", "test-two", "--wipe")
    engines("start", "test-two", "--store", "containerd")
    assert "sn-test-two" in command("iptables-save").stdout
    assert beside(command) == before
    assert engines.docker(one, "info", "--format", "{{.ID}}") == identity

    engines("stop", "test-two")
    assert "sn-test-two" not in command("ip", "addr", "show").stdout + command("iptables-save").stdout
    assert beside(command) == before
    assert engines.docker(one, "info", "--format", "{{.ID}}") == identity


def test_stopped_one_keeps_its_images_until_wiped(command, engines, one, tmp_path):
    (tmp_path / "file").write_text("kept")
    command("tar", "-cf", tmp_path / "image.tar", "-C", tmp_path, "file")
    engines.docker(one, "import", str(tmp_path / "image.tar"), "kept:1")
    engines("stop", one)

    assert engines("stop", one).stderr == "engine: `test-one` does not run\n"
    status = engines("status", one, check=False)
    assert (status.returncode, status.stdout) == (1, "test-one: not running\n")
    env = engines("env", one, check=False)
    assert (env.returncode, env.stdout) == (3, "")
    assert env.stderr == "error: engine `test-one` does not run\nhint: start it with `scripts/engine start test-one`\n"

    other_store = engines("start", one, "--store", "containerd", check=False)
    assert other_store.returncode == 3
    assert "hint: use another NAME, or `scripts/engine stop test-one --wipe` first" in other_store.stderr

    engines("start", one)
    assert engines.docker(one, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}") == "kept:1"
    engines("stop", one, "--wipe")
    assert not (engines.home / one).exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["start", "--frob"], "error: unknown option `--frob`\nhint: "),
        (["start", "x", "--store", "zfs"], "error: unknown store `zfs`\nhint: "),
        (["start", "x", "--store=zfs"], "error: unknown store `zfs`\nhint: "),
        (["start", "Not_A_Name"], "error: engine name `Not_A_Name` is not made of a-z, 0-9 and -\n"),
        (["start", "rather-too-long"], "error: engine name `rather-too-long` is longer than 10 characters\nhint: "),
    ],
)
def test_wrong_usage_says_what_and_what_to_do(command, arguments, error):
    done = command("scripts/engine", *arguments, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(error)


def test_no_command_shows_the_usage_and_an_unknown_one_says_where_it_is(command):
    nothing = command("scripts/engine", check=False)
    assert (nothing.returncode, nothing.stderr.startswith("usage: scripts/engine COMMAND")) == (2, True)
    unknown = command("scripts/engine", "dance", check=False)
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "error: unknown command `dance`\nhint: see `scripts/engine --help`\n",
    )
