"""What every test may ask for."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.machine import alone

# The same examples each time, and no limit of time on a busy machine; `--hypothesis-profile=default` looks further.
settings.register_profile(
    "suite", max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

UNIT = Path(__file__).resolve().parent / "unit"
DOUBLES = Path(__file__).resolve().parent / "doubles"
Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Unit tests alone take all cores; what talks to an engine takes turns."""
    asked = [(config.invocation_params.dir / name.partition("::")[0]).resolve() for name in config.args]
    only_unit = all(path.is_relative_to(UNIT) for path in asked)
    return (os.cpu_count() or 1) if only_unit and not any("::" in name for name in config.args) else 0


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout that is tested."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def command(repository: Path) -> Command:
    """Run a program, by default from the checkout's root, and give back what it said.

    A failure is the test's own business with `check=False`; else it ends the test with the program's words.
    """

    def run(*argv: str | Path, check: bool = True, env: Mapping[str, str] | None = None, cwd: Path = repository):
        done = subprocess.run(
            [str(word) for word in argv], cwd=cwd, env=dict(os.environ if env is None else env), text=True,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(map(str, argv))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    return run


@pytest.fixture(scope="session")
def fake_nvml(command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stub `libnvidia-ml.so.1`, for LD_LIBRARY_PATH: the fake GPU of machines that have none."""
    if shutil.which("gcc") is None:
        if os.getuid() != 0 or shutil.which("apt-get") is None:
            if "CI" in os.environ:
                pytest.fail("the stub of NVML needs gcc")
            pytest.skip("the stub of NVML needs gcc")
        with alone():
            command("apt-get", "update", "-qq")
            command("apt-get", "install", "-y", "-qq", "--no-install-recommends", "gcc", "libc6-dev")
    library = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    command("gcc", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", library, DOUBLES / "fake_nvml.c")
    return library.parent
