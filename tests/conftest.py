"""What every test may ask for."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


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
