"""The wheel and the sdist, installed as a user would, with nothing of the checkout in reach."""

import email
import json
import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from snapshot import __version__

NAME = f"snapshot_ml-{__version__}"
WHEEL = f"{NAME}-py3-none-any.whl"
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
def built(command, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is made of it when somebody installs it: as for an upload."""
    folder = tmp_path_factory.mktemp("built")
    command(sys.executable, "-m", "build", "--outdir", folder, repository, cwd=folder, env=outside())
    return folder


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    return built / f"{NAME}.tar.gz"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return built / WHEEL


@pytest.fixture(scope="module")
def installed(command, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `pipx install` has put the commands first on the path."""
    folder = tmp_path_factory.mktemp("pipx")
    env = outside() | {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    env |= {"PIPX_MAN_DIR": str(folder / "man"), "PIPX_GLOBAL_HOME": str(folder / "global")}
    command(sys.executable, "-m", "pipx", "install", "--python", sys.executable, wheel, cwd=folder, env=env)
    return env | {"PATH": f"{folder / 'bin'}:{env['PATH']}"}


def interpreter(installed: dict[str, str]) -> Path:
    return Path(installed["PIPX_HOME"]) / "venvs/snapshot-ml/bin/python"


def outside() -> dict[str, str]:
    """The environment without what could lead back to the checkout."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ours = str(Path(sys.executable).parent)
    return env | {"PATH": ":".join(folder for folder in env["PATH"].split(":") if folder != ours)}


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


def test_the_sdist_holds_all_that_a_checkout_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        found = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    wanted = ["README.md", "LICENSE", "Dockerfile.base", "scripts/test", "templates/Dockerfile.j2", "tests/conftest.py"]
    assert set(wanted) - found == set()


def test_what_is_built_once_more_is_the_same_to_the_bit(
    command, repository: Path, sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    """Not of the sdist but of the checkout, at another time, and with other permissions on what is written."""
    env = outside() | {"TZ": "Asia/Tokyo"}
    build = f'umask 077; exec "{sys.executable}" -m hatchling build -d "{tmp_path}"'
    command("bash", "-c", build, cwd=repository, env=env)
    assert (tmp_path / WHEEL).read_bytes() == wheel.read_bytes()
    assert (tmp_path / sdist.name).read_bytes() == sdist.read_bytes()


def test_it_can_be_uploaded(command, built: Path) -> None:
    done = command(sys.executable, "-m", "twine", "check", "--strict", *sorted(built.iterdir()))
    assert done.stdout.count("PASSED") == 2


def test_what_an_index_is_told(wheel: Path) -> None:
    told = email.message_from_bytes(contents(wheel)[f"{NAME}.dist-info/METADATA"])
    assert (told["Name"], told["Version"]) == ("snapshot-ml", __version__)
    assert (told["License-Expression"], told["License-File"]) == ("Apache-2.0", "LICENSE")
    assert set(told.get_all("Provides-Extra", [])) == {"cyclonedx", "mlflow", "uv", "wandb"}
    text = str(told.get_payload())
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert links and [link for link in links if not link.startswith("https://")] == []
    entries = contents(wheel)[f"{NAME}.dist-info/entry_points.txt"].decode().split()
    assert entries == ["[console_scripts]", "snap", "=", "snapshot.cli:main", "snapshot", "=", "snapshot.cli:main"]
    assert "snapshot/py.typed" in contents(wheel)


def test_pages_of_the_readme_are_pages_of_the_site(wheel: Path, repository: Path) -> None:
    text = contents(wheel)[f"{NAME}.dist-info/METADATA"].decode()
    pages = re.findall(r"\]\(https://snapshot-ml\.readthedocs\.io/([^)#]*)[)#]", text)
    files = [f"docs/{page.removesuffix('/')}.md" if page.endswith("/") else f"docs/{page}" for page in pages]
    assert files and [file for file in files if not (repository / file).is_file()] == []


def test_the_version_is_said_in_one_place(command, repository: Path, installed: dict[str, str], tmp_path: Path) -> None:
    heading = re.search(r"^## \[?([^\s\]]+)", (repository / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading and heading[1] == __version__
    assert command("snap", "--version", cwd=tmp_path, env=installed).stdout == f"snap, version {__version__}\n"
    assert f'"{__version__}"' not in (repository / "pyproject.toml").read_text()


def test_the_commands_work(command, installed: dict[str, str], tmp_path: Path) -> None:
    def said(*argv: str | Path) -> str:
        return command(*argv, cwd=tmp_path, env=installed).stdout

    assert "Commands:" in said("snap", "--help")
    assert said(interpreter(installed), "-m", "snapshot", "--help").startswith("Usage: python -m snapshot ")
    done = command("snapshot", "ls", cwd=tmp_path, env=installed)
    assert (done.stdout, done.stderr) == ("", "no runs yet; start one with `snap run train.py`\n")
    assert list(tmp_path.iterdir()) == []


def test_a_run_with_nothing_but_what_was_installed(
    command, engine: dict[str, str], installed: dict[str, str], tmp_path: Path
) -> None:
    path = f"{installed['PATH']}:{engine['PATH']}"
    env = installed | {key: engine[key] for key in ("DOCKER_HOST", "DOCKER_CONFIG")} | {"PATH": path}
    env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text("")
    (project / "train.py").write_text("import snapshot\nsnapshot.log(step=1, loss=0.5)\nopen('out', 'w').write('1')\n")
    findings = json.loads(command("snap", "doctor", "--json", cwd=project, env=env, check=False).stdout)
    assert [f["message"] for f in findings if f["check"] in ("engine", "snapshot") and f["severity"] != "ok"] == []
    command("snap", "run", "train.py", cwd=project, env=env)
    record = json.loads(command("snap", "show", "--json", cwd=project, env=env).stdout)
    assert record["exit"]["code"] == 0
    assert [(metric["name"], metric["value"]) for metric in record["metrics"]] == [("loss", 0.5)]
    assert (project / "out").read_text() == "1"


def test_templates_tables_and_tools_come_along(command, installed: dict[str, str], tmp_path: Path) -> None:
    said = command(interpreter(installed), "-c", USE, LOCK, cwd=tmp_path, env=installed).stdout
    assert "\nFROM base:1\n" in said
    assert "driver 525." in said
    assert "tools install_debs.py install_wheels.py installer" in said
    assert "lock tools True" in said
