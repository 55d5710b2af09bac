"""Real engines and a real registry, brought up once for the whole session."""

import fcntl
import os
import shutil
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from snapshot.host.engine import Engine
from tests.browser import Tab, browser
from tests.integration.indexes import Index, serve
from tests.integration.registries import RegistryProcess, Secured, registry_program, secured
from tests.integration.scenario import Gate, bring_base
from tests.machine import LOCKS, alone

Environment = dict[str, str]

LACKS_SOMETHING = 3  # exit code of scripts/engine on a host that cannot run one


@pytest.fixture(scope="session")
def engine(command) -> Environment:
    """The environment of an engine that holds `snapshot-base:bookworm`; it stays up after the session."""
    with alone():
        start(command, "main")
        return with_base(command, environment(command, "main"))


@pytest.fixture(scope="session")
def second_engine(command) -> Iterator[Environment]:
    """The same of another engine on this machine, a private one with the containerd image store."""
    ours = LOCKS / "second-is-ours"
    with alone():
        if command("scripts/engine", "status", "second", check=False).returncode != 0:
            ours.touch()
        start(command, "second", "--store", "containerd")
        env = with_base(command, environment(command, "second"))
        user = (LOCKS / "second").open("w")
        fcntl.flock(user, fcntl.LOCK_SH)
    yield env
    with alone(), suppress(BlockingIOError):
        fcntl.flock(user, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unless another worker still uses it
        if ours.exists():
            ours.unlink()
            command("scripts/engine", "stop", "second")


@pytest.fixture(scope="session")
def twin(command, engine, engine_environment) -> Iterator[str]:
    """The name of one more engine, with the image store of the old kind and the base, that a test may kill."""
    if os.getuid() != 0:
        pytest.skip("needs root to start an engine of its own")
    name = f"twin{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    start(command, name, "--store", "overlay2")
    bring_base(engine, engine_environment(name))
    yield name
    command("scripts/engine", "stop", name, "--wipe")


@pytest.fixture(scope="session")
def registry(command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`127.0.0.1:PORT` of an empty registry, Debian's docker-registry, gone after the session."""
    with alone():
        program = registry_program(command)
    served = RegistryProcess(program, tmp_path_factory.mktemp("registry"))
    yield served.address
    served.stop()


@pytest.fixture(scope="session")
def secure_registry(command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The same with TLS, by an authority that nobody trusts yet, and with a password."""
    with alone():
        served, secure = secured(command, registry_program(command), tmp_path_factory.mktemp("secure-registry"))
    yield secure
    served.stop()


@pytest.fixture(scope="session")
def engine_environment(command) -> Callable[..., Environment]:
    """The environment of any engine that runs, by name."""
    return partial(environment, command)


@pytest.fixture(scope="module")
def tab(command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A page in Chromium, which is not online."""
    if shutil.which("chromium") is None:
        if os.getuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("there is no Chromium")
        with alone():
            command("apt-get", "update", "-qq")
            done = command("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", check=False)
        if done.returncode != 0:
            pytest.skip("Chromium can't be had here")
    with browser("chromium", tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Environment], Engine]:
    """Point at the engine of an environment, as a shell does."""

    def point(env: Environment) -> Engine:
        for key in ("DOCKER_HOST", "DOCKER_CONFIG", "PATH"):
            if key in env:
                monkeypatch.setenv(key, env[key])
        return Engine()

    return point


@pytest.fixture
def here(use: Callable[[Environment], Engine], engine: Environment) -> Engine:
    return use(engine)


@pytest.fixture
def index() -> Iterator[Index]:
    """An index that serves whatever the test adds to it."""
    served = Index()
    server = serve(served)
    served.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
    yield served
    server.shutdown()


@pytest.fixture
def certified(index: Index, tmp_path: Path, command) -> tuple[str, Path]:
    """The URL of an index whose certificate nobody knows, and that certificate."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    command(*make)
    server = serve(index)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return f"https://127.0.0.1:{server.server_address[1]}/simple", certificate


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Opened after the test in any case: no training is left waiting."""
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.open()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests of a module: compiling pip for the base takes longer than any of them."""
    return tmp_path_factory.mktemp("cache")


def start(command, *arguments: str, env: Mapping[str, str] | None = None) -> None:
    done = command("scripts/engine", "start", *arguments, check=False, env=env)
    if done.returncode == LACKS_SOMETHING and "CI" not in os.environ:
        pytest.skip(f"no engine can be had here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def environment(command, name: str, env: Mapping[str, str] = os.environ) -> Environment:
    """What a shell has after `eval "$(scripts/engine env NAME)"`."""
    script = 'words=$(scripts/engine env "$1") && eval "$words" && env -0'
    output = command("bash", "-c", script, "bash", name, env=env).stdout
    return dict(line.split("=", 1) for line in output.split("\0") if "=" in line)


def with_base(command, env: Environment) -> Environment:
    if command("docker", "image", "inspect", "snapshot-base:bookworm", env=env, check=False).returncode != 0:
        command("scripts/build-base", "bookworm", env=env)
    return env
