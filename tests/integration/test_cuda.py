"""CUDA in locks: of the real torch, and of a double that only answers what torch is asked."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from snapshot.lock import document
from snapshot.lock.document import Lock

from .scenario import Project

ARCHITECTURES = ("sm_70", "sm_90a", "compute_90")
TELLS = """
print("a greeting that nobody asked for")
class _C:
    @staticmethod
    def _cuda_getArchFlags():
        return "sm_70 sm_90a compute_90"
"""


def torch_double(folder: Path, source: str, version: str = "2.4.1+cu124") -> None:
    """A wheel with the name of torch that holds `source`: nothing of torch itself."""
    info = f"torch-{version}.dist-info"
    files = {
        "torch/__init__.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files.items())
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(name), text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def project(engine: dict[str, str], tmp_path: Path) -> Project:
    found = Project(tmp_path / "project", {**engine, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    found.write("snap.toml", 'base = "snapshot-base:bookworm"\n')
    return found


def with_double(project: Project, source: str, version: str = "2.4.1+cu124") -> None:
    torch_double(project.path.parent / "wheels", source, version)
    project.write("requirements.txt", f"--no-index\n--find-links {project.path.parent / 'wheels'}\ntorch\n")


def locked(project: Project) -> Lock:
    found = document.read(project.path / "snap.lock")
    assert found is not None
    return found


def test_the_lock_of_the_real_torch_tells_the_driver(project: Project) -> None:
    project.write("requirements.txt", "torch==2.4.1\n")
    done = project.snap("lock")
    assert done.returncode == 0, done.stderr
    cuda = locked(project).cuda
    assert cuda and (cuda.runtime, cuda.because) == ("12.1", "nvidia-cuda-runtime-cu12 12.1.105")
    assert (cuda.driver_minimum, cuda.driver_full) == ("525.60.13", "530.30.02")
    assert (cuda.cudnn, cuda.nccl, cuda.architectures) == ("9.1.0.70", "2.20.5", ())


def test_a_built_image_tells_the_architectures(project: Project) -> None:
    with_double(project, TELLS)
    assert project.snap("lock").returncode == 0
    before = locked(project)
    assert before.cuda and (before.cuda.runtime, before.cuda.architectures) == ("12.4", ())
    built = project.snap("build", "--no-cache")
    try:
        after = locked(project)
        assert after.cuda and after.cuda.architectures == ARCHITECTURES, built.stderr
        assert after.digest == before.digest
        assert "warning" not in built.stderr

        again = project.snap("build")
        assert again.stdout == built.stdout and "is there already" in again.stderr
        assert locked(project) == after
        assert project.snap("lock", "--check").returncode == 0

        # Resolved anew to the same wheel: known already. Another wheel: to be asked again.
        project.write("requirements.txt", project.read("requirements.txt") + "# changed\n")
        assert project.snap("lock").returncode == 0
        assert locked(project).cuda == after.cuda
        with_double(project, TELLS, "2.5.0+cu124")
        assert project.snap("lock", "--upgrade").returncode == 0
        cuda = locked(project).cuda
        assert cuda and (cuda.because, cuda.architectures) == ("torch 2.5.0+cu124", ())
    finally:
        project.docker("rmi", built.stdout.strip())


def test_noting_them_does_not_make_other_code_of_the_second_run(project: Project) -> None:
    with_double(project, TELLS, "2.6.0+cu124")
    project.script("print('hello')")
    codes, locks = [], []
    for _ in range(2):
        done = project.snap("run", "train.py")
        assert done.stdout == "hello\n", done.stderr
        codes.append(project.record()["code"]["digest"])
        locks.append(project.read(f".snap/runs/{project.record()['id']}/snap.lock"))
    try:
        assert codes[0] == codes[1]
        assert locks[0] == locks[1] == project.read("snap.lock") and "sm_90a" in locks[0]
    finally:
        project.docker("rmi", "--force", project.record()["platform"]["image"])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise ImportError('libfrob.so.1: cannot open shared object file')", "libfrob.so.1"),
        ("class _C: pass", "_cuda_getArchFlags"),
    ],
)
def test_a_framework_that_does_not_tell_is_in_nobodys_way(project: Project, source: str, words: str) -> None:
    with_double(project, source)
    built = project.snap("build", "--no-cache")
    try:
        assert built.returncode == 0
        assert "warning: torch does not tell its GPU architectures" in built.stderr and words in built.stderr
        cuda = locked(project).cuda
        assert cuda and cuda.architectures == ()
    finally:
        project.docker("rmi", built.stdout.strip())
