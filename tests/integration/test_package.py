"""The wheel and the sdist, installed as a user would, with nothing of the checkout in reach."""

import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from snapshot import __version__

NAME = f"snapshot_ml-{__version__}"
LOCK = """
schema = "snap.lock/1"
source-date-epoch = 1700000000
sources = {requirements = [], base = "base:1 (configuration)", python = "3.11 (base)", resolver = "none"}
base = {reference = "base:1", layers = ["sha256:1"], os = "linux", architecture = "amd64"}
os = {id = "debian", version = "12", name = "Debian GNU/Linux 12"}
[python]
version = "3.11.2"
implementation = "cpython"
build = ""
executable = "/usr/bin/python3"
platform = "manylinux_2_36_x86_64"
"""
USE = """
import sys
from pathlib import Path
from snapshot import resources
from snapshot.image import dockerfile, tools
from snapshot.lock import document, drivers
from snapshot.lock import tools as lock_tools

home = Path(sys.prefix).resolve()
assert home in Path(resources.__file__).resolve().parents, resources.__file__
assert home in (resources.template_dir() / "Dockerfile.j2").resolve(strict=True).parents
print(dockerfile.render(document.loads(sys.argv[1]), {}))
print("driver", drivers.needed(12, None).minimum)
print("tools", *(path.name for path in sorted(tools.folder(Path("cache")).iterdir())))
print("lock tools", lock_tools.folder(Path("cache")).is_dir())
"""


@pytest.fixture(scope="module")
def sdist(command, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, built from the checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    command(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=repository)
    return folder / f"{NAME}.tar.gz"


@pytest.fixture(scope="module")
def wheel(command, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    return build_wheel(command, repository, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel_of_sdist(command, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built when somebody installs the sdist."""
    return build_wheel(command, sdist, tmp_path_factory.mktemp("wheel-of-sdist"))


@pytest.fixture(scope="module")
def venv(command, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("venv")
    command(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    install(command, folder, wheel)
    return folder


def build_wheel(command, source: Path, folder: Path) -> Path:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", folder]
    command(sys.executable, "-m", "pip", "wheel", *options, source, cwd=folder)
    return folder / f"{NAME}-py3-none-any.whl"


def install(command, venv: Path, *what: str | Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin/python"]
    command(*pip, "install", "--quiet", "--no-warn-script-location", *what, cwd=venv, env=outside())


def outside() -> dict[str, str]:
    """The environment without what could lead back to the checkout."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_package_and_its_files_and_nothing_else(wheel: Path, repository: Path) -> None:
    package = (path for path in (repository / "snapshot").rglob("*") if path.is_file() and path.suffix != ".pyc")
    wanted = {path.relative_to(repository).as_posix() for path in package}
    templates = (path for path in (repository / "templates").rglob("*") if path.is_file())
    wanted |= {f"snapshot/{path.relative_to(repository).as_posix()}" for path in templates}
    found = {name for name in contents(wheel) if not name.startswith(f"{NAME}.dist-info/")}
    assert found == wanted


def test_the_sdist_holds_all_that_a_checkout_needs(sdist: Path, wheel: Path, wheel_of_sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        found = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    wanted = ["README.md", "LICENSE", "Dockerfile.base", "scripts/test", "templates/Dockerfile.j2", "tests/conftest.py"]
    assert set(wanted) - found == set()
    assert contents(wheel_of_sdist) == contents(wheel)


def test_the_commands_work(command, venv: Path, tmp_path: Path) -> None:
    def said(*argv: str, name: str) -> str:
        return command(venv / "bin" / name, *argv, cwd=tmp_path, env=outside()).stdout

    assert said("--version", name="snap").split()[-1] == __version__
    assert "Commands:" in said("-m", "snapshot", "--help", name="python")
    done = command(venv / "bin/snapshot", "ls", cwd=tmp_path, env=outside())
    assert (done.stdout, done.stderr) == ("", "no runs yet; start one with `snap run train.py`\n")
    assert list(tmp_path.iterdir()) == []


def test_templates_tables_and_tools_come_along(command, venv: Path, tmp_path: Path) -> None:
    said = command(venv / "bin/python", "-c", USE, LOCK, cwd=tmp_path, env=outside()).stdout
    assert "\nFROM base:1\n" in said
    assert "driver 525." in said
    assert "tools install_debs.py install_wheels.py installer" in said
    assert "lock tools True" in said
