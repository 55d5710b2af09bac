"""A base whose Python our own tools do not run on: Debian 11 with Python 3.9, without distutils as Debian has it."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapshot.lock import tools
from tests.integration.scenario import Project

BASE = "snap-test:bullseye"
KEYRING = Path("/usr/share/keyrings")

# With and without a source compiled before it that looks up a character by name.
COMPILE_TWICE = """
import sys
sys.path.insert(0, "/tools")
import install_wheels
install_wheels.warm_up()
first = install_wheels.compiled(b"import decimal", "x.py")
install_wheels.compiled(b"'\\\\N{DIGIT ONE}'", "y.py")
assert install_wheels.compiled(b"import decimal", "x.py") == first
"""


@pytest.fixture(scope="module")
def base(command, engine: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the image; gone after the module."""
    folder = tmp_path_factory.mktemp("bullseye")
    sites = command("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", check=False).stdout
    archive = next(iter(re.findall(r"^\S+/debian(?:/\d+T\d+Z)?/?$", sites, re.MULTILINE)), None)
    keyring = next(iter(sorted(KEYRING.glob("debian-archive-keyring.*"))), None)
    if not (archive and keyring and shutil.which("mmdebstrap")):
        skip("a base of Debian 11 needs mmdebstrap, Debian's keyring, and an archive among apt's sources")
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={keyring}] {archive} bullseye main\n")
    # BuildKit mounts over these three, and leaves marks where they are missing.
    places = " ".join(f'"$1/etc/{name}"' for name in ("hosts", "hostname", "resolv.conf"))
    options = ["--quiet", "--variant=minbase", "--include=python3", f"--customize-hook=rm -f {places}; touch {places}"]
    done = command("mmdebstrap", *options, "bullseye", folder / "base.tar", sources, check=False)
    if done.returncode != 0:
        skip(f"Debian 11 can't be had: {done.stderr.strip()}")
    command("docker", "import", "--change", "ENV LANG=C.UTF-8", folder / "base.tar", BASE, env=engine)
    (folder / "base.tar").unlink()
    yield BASE
    command("docker", "image", "rm", "-f", BASE, env=engine)


def skip(reason: str) -> None:
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


def test_a_project_is_locked_built_and_run(base: str, tmp_path: Path, engine: dict[str, str]) -> None:
    project = Project(tmp_path / "project", engine)
    project.write("snap.toml", f'base = "{base}"\n')
    # docopt is to be had as source only.
    project.write("requirements.txt", "six\ndocopt\n")
    project.script("""
        import json, sys
        from importlib.metadata import version
        import docopt, six
        print(json.dumps([list(sys.version_info[:2]), six.__name__, version("docopt")]))
    """)
    for command in (["lock"], ["build"], ["build", "--check", "--offline"], ["run", "train.py"]):
        done = project.snap(*command)
        assert done.returncode == 0, f"snap {' '.join(command)}: {done.stderr}"
    python, _, docopt = json.loads(done.stdout.splitlines()[-1])
    lock = project.read("snap.lock")
    assert python == [3, 9] and f'version = "{docopt}"' in lock
    assert tools.versions("3.9") in lock and tools.versions("3.9") != tools.versions("3.13")
    assert project.snap("lock", "--check").returncode == 0


def test_compiling_is_the_same_whatever_came_before(base: str, tmp_path: Path, command, engine: dict[str, str]) -> None:
    from snapshot.image import tools as image_tools

    folder = image_tools.folder(tmp_path, "3.9.2")
    run = ("docker", "run", "--rm", "--network=none", f"--volume={folder}:/tools:ro", base)
    command(*run, "python3", "-B", "-c", COMPILE_TWICE, env=engine)
