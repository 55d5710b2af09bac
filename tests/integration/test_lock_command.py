"""What `snap lock` says: what changed, what would change, and the lock in the formats of other tools."""

import json
import os
import platform
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from snapshot.lock import document
from snapshot.lock.document import Lock

from .indexes import wheel
from .scenario import Project, wait_for


@pytest.fixture
def project(engine: dict[str, str], tmp_path: Path, cache: Path) -> Project:
    """One whose packages come from a folder, to which `add` adds."""
    found = Project(tmp_path / "project", {**engine, "XDG_CACHE_HOME": str(cache)})
    (tmp_path / "wheels").mkdir()
    found.write("snap.toml", 'base = "snapshot-base:bookworm"\n')
    return found


def add(project: Project, name: str, *versions: str) -> None:
    for version in versions:
        path = project.path.parent / "wheels" / f"{name}-{version}-py3-none-any.whl"
        path.write_bytes(wheel(name, version))


def ask_for(project: Project, *requirements: str) -> None:
    lines = ["--no-index", f"--find-links {project.path.parent / 'wheels'}", *requirements]
    project.write("requirements.txt", "\n".join(lines) + "\n")


def table(text: str) -> list[str]:
    """The lines of the table in what was said, without its head."""
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("CHANGE ")]
    if not heads:
        return []
    rows = [" ".join(line.split()) for line in lines[heads[0] + 1 :]]
    return [row for row in rows if row.split(" ")[0] in ("up", "down", "added", "gone", "changed", "…")]


def locked(project: Project) -> Lock:
    found = document.read(project.path / "snap.lock")
    assert found is not None
    return found


def minor(lock: Lock) -> str:
    return lock.python.version.rpartition(".")[0] + "."


def test_a_first_lock_is_summed_up_and_a_later_one_tells_what_changed(project: Project) -> None:
    add(project, "spam", "1.0"), add(project, "eggs", "2.0"), add(project, "ham", "1.0")
    ask_for(project, "spam", "eggs", "ham")
    first = project.snap("lock")
    assert first.returncode == 0 and "3 packages" in first.stderr and table(first.stderr) == []

    add(project, "spam", "1.10"), add(project, "eggs", "3.0"), add(project, "toast", "1.0")
    upgraded = project.snap("lock", "--upgrade-package", "spam")
    assert table(upgraded.stderr) == ["up spam 1.0 1.10"] and upgraded.stdout == ""

    ask_for(project, "spam<1.10", "eggs", "toast")
    assert table(project.snap("lock").stderr) == ["gone ham 1.0 -", "down spam 1.10 1.0", "added toast - 1.0"]
    assert table(project.snap("lock").stderr) == []


def test_check_tells_what_would_change_and_changes_nothing(project: Project) -> None:
    add(project, "spam", "1.0", "2.0")
    ask_for(project, "spam<2")
    assert project.snap("lock").returncode == 0
    assert project.snap("lock", "--check").returncode == 0
    before = (project.path / "snap.lock").read_bytes()
    ask_for(project, "spam<3")
    assert "nothing of the stack would change" in project.snap("lock", "--check").stderr
    ask_for(project, "spam>=2")
    stale = project.snap("lock", "--check")
    assert (stale.returncode, stale.stdout) == (1, "")
    assert table(stale.stderr) == ["up spam 1.0 2.0"]
    assert "error: snap.lock is not up to date: `requirements.txt` has changed" in stale.stderr
    assert (project.path / "snap.lock").read_bytes() == before


@pytest.mark.parametrize("trouble", ["no solution", "no engine", "no lock"])
def test_check_needs_neither_a_solution_nor_an_engine_to_say_no(project: Project, trouble: str) -> None:
    add(project, "spam", "1.0")
    ask_for(project, "spam")
    if trouble != "no lock":
        assert project.snap("lock").returncode == 0
    ask_for(project, "spam>7" if trouble == "no solution" else "spam # changed")
    env = {"DOCKER_HOST": "unix:///nowhere.sock"} if trouble != "no solution" else {}
    stale = project.snap("lock", "--check", env=env)
    reason = "there is no `snap.lock`" if trouble == "no lock" else "`requirements.txt` has changed"
    assert stale.returncode == 1 and f"error: snap.lock is not up to date: {reason}" in stale.stderr
    assert stale.stderr.count("error:") == 1 and table(stale.stderr) == []


def test_who_locks_on_the_way_tells_ten_changes(project: Project) -> None:
    names = [f"spam{letter}" for letter in "abcdefghijklm"]
    for name in names:
        add(project, name, "1.0")
    ask_for(project)
    assert project.snap("lock").returncode == 0
    ask_for(project, *names)
    project.script("print('hello')")
    done = project.snap("run", "--offline", "train.py")  # an offline run locks nothing: it is told to
    assert done.returncode == 125 and "snap.lock must be made first" in done.stderr
    told = project.snap("build", "--context", str(project.path.parent / "context")).stderr
    assert table(told) == [f"added {name} - 1.0" for name in names[:10]] + ["… 3 more"]


def test_exports_are_written_and_printed(project: Project) -> None:
    add(project, "spam", "1.0")
    ask_for(project, "spam")
    printed = project.snap("lock", "--export", "pylock")
    assert printed.returncode == 0
    assert [package["name"] for package in tomllib.loads(printed.stdout)["packages"]] == ["spam"]
    for form, name in (("pylock", "pylock.toml"), ("requirements", "pinned.txt"), ("cyclonedx", "sbom.json")):
        again = project.snap("lock", "--export", form)
        written = project.snap("lock", "--export", form, "-o", name)
        assert (written.returncode, written.stdout) == (0, "") and f"`{name}` is written" in written.stderr
        assert project.read(name) == again.stdout != ""
    assert project.read("pylock.toml") == printed.stdout
    components = json.loads(project.read("sbom.json"))["components"]
    purls = {component.get("purl") for component in components}
    assert "pkg:pypi/spam@1.0" in purls and any(str(purl).startswith("pkg:deb/debian/libc6@") for purl in purls)


def test_the_image_of_the_dev_container_has_her_as_its_user(project: Project) -> None:
    done = project.snap("lock", "--export", "devcontainer", "-o", ".devcontainer/devcontainer.json")
    assert done.returncode == 0, done.stderr
    told = json.loads(project.read(".devcontainer/devcontainer.json"))
    image = told["image"]
    # As its command line does it: with a shell, in the project's folder.
    env = {**project.env, "PATH": f"{Path(sys.executable).parent}:{project.env['PATH']}"}
    try:
        made = subprocess.run(told["initializeCommand"], shell=True, cwd=project.path, env=env, capture_output=True)
        assert made.returncode == 0, made.stderr.decode()
        mount = told["workspaceMount"].replace("${localWorkspaceFolder}", str(project.path))
        write = ("sh", "-c", 'id -u; id -g; touch "$HOME/x" /workspace/written')
        ids = project.docker("run", "--rm", "--user", told["remoteUser"], "--mount", mount, image, *write)
        assert ids == [str(os.getuid()), str(os.getgid())]
        assert (project.path / "written").stat().st_uid == os.getuid()
    finally:
        subprocess.run(["docker", "image", "rm", image, f"{image}-platform"], env=env, capture_output=True)


@pytest.mark.parametrize(("form", "name"), [("pylock", "pylock.toml"), ("requirements", "pinned.txt")])
def test_pip_installs_from_an_export_and_checks_the_hashes(project: Project, form: str, name: str) -> None:
    pip = [sys.executable, "-m", "pip", "--isolated", "install"]
    told = subprocess.run([*pip, "--help"], capture_output=True, text=True, check=True).stdout
    if form == "pylock" and "pylock" not in told:
        pytest.skip("this pip does not read pylock.toml")
    add(project, "spam", "1.0")
    ask_for(project, "spam")
    assert project.snap("lock", "--export", form, "-o", name).returncode == 0
    if form == "pylock" and not platform.python_version().startswith(minor(locked(project))):
        pytest.skip("the export is for the Python of the base, and that of the tests is another")
    command = [*pip, "--dry-run", "--no-index", "--ignore-installed", "-r", name]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Would install spam-1.0" in done.stdout, done.stderr
    project.write(name, project.read(name).replace(locked(project).packages[0].wheel.hashes["sha256"], "0" * 64))
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "hash" in done.stderr.lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--check", "--export", "pylock"), "two things to do"),
        (("-o", "x.toml"), "where an export goes"),
        (("--export", "pylock", "-o", "."), "is a folder"),
        (("--export", "pylock", "-o", "no/pylock.toml"), "a folder that does not exist"),
        (("--export", "pylok"), "pylock"),
    ],
)
def test_what_can_not_be_exported_is_refused_before_anything_is_locked(
    project: Project, arguments: tuple[str, ...], words: str
) -> None:
    done = project.snap("lock", *arguments)
    assert done.returncode == 2 and words in done.stderr
    assert not (project.path / "snap.lock").exists()


def test_an_export_replaces_no_device_and_no_link(project: Project) -> None:
    ask_for(project)
    pipe, target = project.path / "pipe", project.path / "target.txt"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        assert project.snap("lock", "--export", "requirements", "-o", "pipe").returncode == 0
        said, _ = reader.communicate(timeout=10)
    assert pipe.is_fifo() and said.startswith(b"# Made by `snap lock --export requirements`")
    target.write_text("")
    (project.path / "link.txt").symlink_to("target.txt")
    assert project.snap("lock", "--export", "requirements", "-o", "link.txt").returncode == 0
    assert (project.path / "link.txt").is_symlink() and target.read_bytes() == said


def test_what_was_read_is_said_of_a_failure_too(project: Project) -> None:
    (project.path / "requirements.txt").unlink()
    project.write("train.py", "import nobodys_own_library\n")
    done = project.snap("lock", env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(project.path.parent / "wheels")})
    assert done.returncode == 4 and "requirements of the imports" in done.stderr
    assert "`nobodys_own_library` is imported and not installed here: taken for the package" in done.stderr


def test_a_project_with_its_packages_in_src_runs_its_modules(project: Project) -> None:
    """Its requirements are in a file of their own, which does not say `-e .`."""
    ask_for(project)
    project.write("pyproject.toml", '[project]\nname = "own"\nversion = "1"\n')
    project.write("src/own/__init__.py", "")
    project.write("src/own/train.py", "import own; print(own.__file__)\n")
    project.write("look.py", "from own import train\n")
    for command in (("-m", "own.train"), ("look.py",), ("--", "python3", "-c", "import own; print(own.__file__)")):
        done = project.snap("run", *command)
        assert (done.returncode, done.stdout) == (0, "/workspace/src/own/__init__.py\n"), done.stderr


BACKEND = """
import time
def get_requires_for_build_wheel(*_): return []
def prepare_metadata_for_build_wheel(folder, *_):
    import pathlib
    info = pathlib.Path(folder, "spam-1.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: spam\\nVersion: 1\\n")
    return "spam-1.dist-info"
def build_wheel(*_): time.sleep(120)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_build_behind(project: Project, number: signal.Signals) -> None:
    ask_for(project, "../lib")
    (project.path.parent / "lib").mkdir()
    project.write(
        "../lib/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    )
    project.write("../lib/own.py", BACKEND)
    builds = Path(project.env["XDG_CACHE_HOME"]) / "snapshot" / "builds"

    def containers() -> list[str]:
        mine = {str(path) for path in builds.glob("wheel-*")}
        ids = project.docker("ps", "-q", "--filter", "label=org.snapshot-ml.role=wheel")
        places = "{{range .Mounts}}{{println .Source}}{{end}}"
        return [found for found in ids if mine & {*project.docker("inspect", "-f", places, found)}]

    # A suite that runs under `nohup` would hand down that it is to be ignored.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        running = project.start("lock")
    finally:
        signal.signal(number, before)
    wait_for(containers)
    (left,) = containers()
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130 and said.endswith("error: interrupted\n")
    wait_for(lambda: left not in project.docker("ps", "-aq"))
    assert list(builds.iterdir()) == [] and not (project.path / "snap.lock").exists()
