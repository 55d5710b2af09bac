"""Packages that are of no index, or on one as source only: repositories, URLs, folders beside the project, sdists."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from snapshot.errors import BuildError, IntegrityError, NetworkError, ResolveError, SnapshotError
from snapshot.host import pip_config
from snapshot.host.download import Access
from snapshot.host.engine import Engine
from snapshot.image.fetch import fetch
from snapshot.lock import files, resolve
from snapshot.lock.document import Lock, Package
from snapshot.lock.locking import Settings, is_current, lock_project
from snapshot.project.requirements import Pin, Requirements
from tests.integration.indexes import PASSWORD, USER, Index, sdist, source, wheel, write
from tests.integration.scenario import no_image

BASE = "snapshot-base:bookworm"
SETTINGS = Settings(base=BASE)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


class Locking:
    """Locks the project with `index` as the only one."""

    def __init__(self, index: Index, project: Path, cache: Path) -> None:
        self.index, self.project, self.cache = index, project, cache
        self.said: list[str] = []
        self.environment = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index.url,
            "PIP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1",
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
        }

    def __call__(self, *requirements: str, **more: object) -> dict[str, Package]:
        if requirements:
            (self.project / "requirements.txt").write_text("\n".join(requirements) + "\n")
        lock, _ = lock_project(
            self.project,
            SETTINGS,
            Engine(),
            build=no_image,
            cache=self.cache,
            environment=self.environment,
            say=self.said.append,
            **more,  # type: ignore[arg-type]
        )
        return {package.name: package for package in lock.packages}

    def refused(self, *requirements: str, **more: object) -> SnapshotError:
        with pytest.raises(SnapshotError) as caught:
            self(*requirements, **more)
        return caught.value

    @property
    def lock(self) -> Lock:
        from snapshot.lock import document

        found = document.read(self.project / "snap.lock")
        assert found
        return found

    def pip(self) -> pip_config.PipConfig:
        return pip_config.read(self.environment, home=self.project, etc=self.project)

    def find(self, *pins: Pin) -> dict[str, Package]:
        found = resolve.find(
            BASE,
            pins,
            python="3.11.2",
            root=self.project,
            pip=self.pip(),
            cache=self.cache,
            requirements=Requirements(source="poetry.lock"),
        )
        return {package.name: package for package in found.packages}


@pytest.fixture
def lock_it(
    engine: dict[str, str], index: Index, project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Locking:
    for name in ("DOCKER_HOST", "DOCKER_CONFIG", "PATH"):
        if name in engine:
            monkeypatch.setenv(name, engine[name])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Locking(index, project, cache)


Git = Callable[..., str]


@pytest.fixture
def git() -> Git:
    def run(folder: Path, *arguments: str) -> str:
        who = {f"GIT_{role}_{key}": "ada@host" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        command = ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments]
        return subprocess.run(
            command, env={**os.environ, **who}, check=True, capture_output=True, text=True
        ).stdout.strip()

    return run


@pytest.fixture
def upstream(tmp_path: Path, git: Git) -> Path:
    """A repository with the package `spam` on its branch `main`, tagged `v1`."""
    folder = tmp_path / "repository"
    write(folder, source("spam"))
    git(folder, "init", "-q", "-b", "main")
    commit(git, folder)
    git(folder, "tag", "v1")
    return folder


def commit(git: Git, folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "more")
    return git(folder, "rev-parse", "HEAD")


def test_an_sdist_is_built_once_and_kept(lock_it: Locking, index: Index, project: Path, cache: Path) -> None:
    index.files["spam-1.0.tar.gz"] = sdist("spam", requires=["eggs"])
    index.add("eggs", "1.0")
    spam = lock_it("spam")["spam"]
    assert spam.wheel.name == "spam-1.0-py3-none-any.whl" and spam.dependencies == ("eggs",)
    assert (spam.wheel.url, spam.wheel.path, spam.index, spam.build) == (None, None, index.url, ())
    assert (
        spam.sdist
        and spam.sdist.name == "spam-1.0.tar.gz"
        and spam.sdist.url == index.url.replace("/simple", "/files/spam-1.0.tar.gz")
    )
    assert spam.sdist.hashes["sha256"] == hashlib.sha256(index.files["spam-1.0.tar.gz"]).hexdigest()
    assert lock_it.said.count("building spam 1.0 from source") == 1
    asked = index.asked.count("/files/spam-1.0.tar.gz")
    assert lock_it("spam", "eggs")["spam"] == spam
    assert lock_it.said.count("building spam 1.0 from source") == 1
    assert index.asked.count("/files/spam-1.0.tar.gz") == asked
    assert is_current(project, SETTINGS) is None


def test_the_same_source_gives_the_same_wheel_and_anywhere(lock_it: Locking, index: Index, tmp_path: Path) -> None:
    """The backend of the test writes the time of the build into the wheel; on another machine nothing is cached."""
    index.files["spam-1.0.tar.gz"] = sdist("spam")
    lock_it("spam")
    lock, other = lock_it.lock, tmp_path / "other"
    found = fetch(lock, cache_dir=other, access=Access(), platform=lambda: BASE)
    assert found["spam-1.0-py3-none-any.whl"].path.is_relative_to(other)
    bad = msgspec.structs.replace(lock.packages[0].wheel, hashes={"sha256": "0" * 64})
    changed = msgspec.structs.replace(lock, packages=(msgspec.structs.replace(lock.packages[0], wheels=(bad,)),))
    with pytest.raises(IntegrityError, match="built anew from what is locked, is another wheel"):
        fetch(changed, cache_dir=other, access=Access(), platform=lambda: BASE)


def test_a_built_wheel_offline(lock_it: Locking, index: Index, tmp_path: Path) -> None:
    index.files["spam-1.0.tar.gz"] = sdist("spam")
    lock_it("spam")
    with pytest.raises(NetworkError, match=r"offline, and not on this host: `spam==1\.0`"):
        fetch(lock_it.lock, cache_dir=tmp_path / "other", access=Access(), offline=True, platform=lambda: BASE)


def test_build_requirements_are_pinned(lock_it: Locking, index: Index) -> None:
    index.add("tool", "1.0", "part"), index.add("part", "3.0"), index.add("late", "2.0")
    index.files["spam-1.0.tar.gz"] = sdist("spam", build=["tool"], more=["late>=1"], body="import tool, part, late")
    spam = lock_it("spam")["spam"]
    assert [(item.name, item.version) for item in spam.build] == [("late", "2.0"), ("part", "3.0"), ("tool", "1.0")]
    assert all(item.wheel.hashes["sha256"] and item.index == index.url for item in spam.build)
    index.add("tool", "1.1")
    index.files["eggs-1.0.tar.gz"] = sdist("eggs", build=["tool"])
    found = lock_it("spam", "eggs")
    assert found["spam"] == spam and found["eggs"].build[-1].version == "1.1"


def test_build_requirements_without_wheels_are_refused(lock_it: Locking, index: Index) -> None:
    index.files["tool-1.0.tar.gz"] = sdist("tool", mtime=10**9)
    index.files["spam-1.0.tar.gz"] = sdist("spam", build=["tool"])
    found = lock_it.refused("spam")
    assert "tool" in found.message and "the build requirements of spam" in found.message
    assert not (lock_it.project / "snap.lock").exists()


def test_a_build_has_no_network_and_nothing_of_the_host(lock_it: Locking, index: Index) -> None:
    body = (
        "import socket, sys; "
        "assert os.getuid() != 0 and os.environ['SOURCE_DATE_EPOCH'] and os.getcwd() == '/snap/build/source'; "
        "assert not any(name.startswith(('SPAM_', 'DOCKER_')) for name in os.environ); "
        f"socket.create_connection({('127.0.0.1', int(index.url.split(':')[2].split('/')[0]))!r})"
    )
    index.files["spam-1.0.tar.gz"] = sdist("spam", body=body)
    lock_it.environment["SPAM_TOKEN"] = PASSWORD
    found = lock_it.refused("spam")
    assert isinstance(found, BuildError) and "ConnectionRefusedError" in found.message


@pytest.mark.parametrize(
    ("body", "words", "hint"),
    [
        ("__import__('subprocess').run(['gcc', '-c', 'x.c'])", "No such file or directory: 'gcc'", '"gcc"'),
        ("import torch", "No module named 'torch'", "needs `torch` without saying so"),
        ("raise SystemExit('fatal error: png.h: No such file or directory')", "png.h", "`png.h`"),
    ],
)
def test_a_build_that_fails(lock_it: Locking, index: Index, body: str, words: str, hint: str) -> None:
    index.files["spam-1.0.tar.gz"] = sdist("spam", body=body)
    found = lock_it.refused("spam")
    assert isinstance(found, BuildError) and found.exit_code == 5
    assert "`spam` 1.0 can't be built: " in found.message and words in found.message and len(found.message) < 500
    assert found.hint and hint in found.hint
    assert not list((lock_it.cache / "builds").iterdir())


def test_metadata_that_can_not_be_had(lock_it: Locking, index: Index) -> None:
    index.files["spam-1.0.tar.gz"] = sdist("spam", version="1.0\\nx")
    index.files["eggs-1.0.tar.gz"] = sdist("eggs", build=["nowhere"])
    assert "nowhere" in lock_it.refused("eggs").message


def test_a_wheel_of_another_name(lock_it: Locking, index: Index) -> None:
    index.files["spam-1.0.tar.gz"] = sdist("spam", body="global NAME; NAME = 'backend'")
    found = lock_it.refused("spam")
    assert isinstance(found, BuildError) and "`backend-1.0-py3-none-any.whl`" in found.message


def test_no_binary(lock_it: Locking, index: Index) -> None:
    index.add("spam", "1.0")
    index.files["spam-1.0.tar.gz"] = sdist("spam")
    assert lock_it("spam")["spam"].sdist is None
    (lock_it.project / "snap.lock").unlink()
    assert lock_it("--no-binary spam", "spam")["spam"].sdist


@pytest.mark.parametrize("way", ["url", "netrc", "line"])
def test_credentials_of_sources_land_nowhere(lock_it: Locking, index: Index, tmp_path: Path, way: str) -> None:
    index.protected = True
    index.add("tool", "1.0")
    index.files["spam-1.0.tar.gz"] = sdist("spam", build=["tool"])
    index.files["eggs-1.0.tar.gz"] = sdist("eggs")
    protected = index.with_credentials
    eggs = (index.url if way == "netrc" else protected).replace("/simple", "/files/eggs-1.0.tar.gz")
    lines = ["spam", f"eggs @ {eggs}"]
    if way == "url":
        lock_it.environment["PIP_INDEX_URL"] = protected
    elif way == "netrc":
        (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
        (tmp_path / ".netrc").chmod(0o600)
    else:
        lines.insert(0, f"--index-url {protected}")
    found = lock_it(*lines)
    assert found["spam"].build[0].index == found["spam"].index == index.url
    text = (lock_it.project / "snap.lock").read_text()
    assert PASSWORD not in text and USER + ":" not in text and PASSWORD not in "".join(lock_it.said)
    held = [path for path in lock_it.cache.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in path.read_bytes() for path in held)


def test_an_archive_behind_an_url(lock_it: Locking, index: Index) -> None:
    data = index.files["spam-1.0.tar.gz"] = sdist("spam")
    sha256 = hashlib.sha256(data).hexdigest()
    url = index.url.replace("/simple", "/files/spam-1.0.tar.gz")
    spam = lock_it(f"spam @ {url}")["spam"]
    assert spam.sdist and (spam.sdist.url, spam.sdist.hashes["sha256"], spam.index) == (url, sha256, None)
    assert lock_it(f"spam @ {url}#sha256={sha256}")["spam"] == spam
    found = lock_it.refused(f"spam @ {url}#sha256={'0' * 64}")
    assert isinstance(found, IntegrityError) and "spam" in found.message


@pytest.mark.parametrize(("status", "kind"), [(404, ResolveError), (500, NetworkError), (403, NetworkError)])
def test_an_url_that_refuses(lock_it: Locking, index: Index, status: int, kind: type[SnapshotError]) -> None:
    index.answers["spam-1.0.tar.gz"] = (status, b"")
    found = lock_it.refused(f"spam @ {index.url.replace('/simple', '/files/spam-1.0.tar.gz')}")
    assert isinstance(found, kind) and str(status) in found.message and "/files/spam-1.0.tar.gz" in found.message


def test_a_truncated_archive(lock_it: Locking, index: Index) -> None:
    index.answers["spam-1.0.tar.gz"] = (200, sdist("spam")[:200])
    found = lock_it.refused(f"spam @ {index.url.replace('/simple', '/files/spam-1.0.tar.gz')}")
    assert found.exit_code in (4, 5) and "spam-1.0.tar.gz" in found.message and found.hint


def test_other_bytes_than_the_index_says(lock_it: Locking, index: Index) -> None:
    index.files["bytes-1.0.tar.gz"] = sdist("bytes")
    index.answers["bytes-1.0.tar.gz"] = (200, sdist("bytes", requires=["evil"]))
    found = lock_it.refused("bytes")
    assert isinstance(found, IntegrityError) and "bytes" in found.message


def test_other_bytes_than_the_lock_says(lock_it: Locking, index: Index) -> None:
    index.add("spam", "1.0"), index.add("eggs", "1.0")
    lock_it("spam")
    index.files["spam-1.0-py3-none-any.whl"] = wheel("spam", "1.0", python=">=3")
    found = lock_it.refused("spam", "eggs")
    assert isinstance(found, IntegrityError) and "`spam-1.0-py3-none-any.whl` has changed" in found.message
    assert found.hint and "--upgrade-package spam" in found.hint
    assert lock_it("spam", "eggs", upgrade_packages=["spam"])


def test_a_withdrawn_version_is_told(lock_it: Locking, index: Index) -> None:
    index.add("spam", "1.0")
    index.attributes["spam-1.0-py3-none-any.whl"] = 'data-yanked="eats files"'
    lock_it("spam==1.0")
    assert "spam 1.0 was withdrawn from its index: eats files" in lock_it.said


def test_wheels_for_other_platforms_only(lock_it: Locking, index: Index) -> None:
    for tags in ("cp39-cp39-win_amd64", "cp312-cp312-macosx_11_0_arm64"):
        index.files[f"spam-1.0-{tags}.whl"] = wheel("spam", "1.0")
    found = lock_it.refused("spam")
    assert isinstance(found, ResolveError)
    assert "wheels are for cp312 on macosx_11_0_arm64; cp39 on win_amd64" in found.message


def test_hashes_that_the_configuration_demands(lock_it: Locking, index: Index) -> None:
    index.add("spam", "1.0")
    lock_it.environment["PIP_REQUIRE_HASHES"] = "1"
    found = lock_it.refused("spam==1.0")
    assert isinstance(found, ResolveError) and "gives none for spam==1.0" in found.message


def test_a_repository_is_pinned_to_its_commit(lock_it: Locking, upstream: Path, git: Git, project: Path) -> None:
    first = git(upstream, "rev-parse", "HEAD")
    spam = lock_it(f"spam @ git+file://{upstream}@main")["spam"]
    assert spam.vcs and spam.sdist and spam.sdist.name == f"repository-{first[:12]}.tar"
    assert (spam.vcs.type, spam.vcs.url, spam.vcs.requested_revision, spam.vcs.commit_id) == (
        "git", f"file://{upstream}", "main", first,
    )  # fmt: skip
    write(upstream, source("spam", "2.0"))
    second = commit(git, upstream)
    lock_it.index.add("eggs", "1.0")
    assert lock_it(f"spam @ git+file://{upstream}@main", "eggs")["spam"] == spam
    moved = lock_it(upgrade_packages=["spam"])["spam"]
    assert moved.vcs and (moved.version, moved.vcs.commit_id) == ("2.0", second)
    tagged = lock_it(f"git+file://{upstream}@v1")["spam"]
    assert tagged.vcs and (tagged.vcs.commit_id, tagged.sdist) == (first, spam.sdist)


def test_a_repository_on_another_machine(lock_it: Locking, upstream: Path, tmp_path: Path, git: Git) -> None:
    lock_it(f"spam @ git+file://{upstream}@main")
    (upstream / "more.py").write_text("")
    commit(git, upstream)
    assert fetch(lock_it.lock, cache_dir=tmp_path / "other", access=Access(), platform=lambda: BASE)


def test_a_repository_that_another_package_needs(lock_it: Locking, upstream: Path, tmp_path: Path) -> None:
    write(tmp_path / "lib", source("lib", requires=[f"spam @ git+file://{upstream}@v1"]))
    found = lock_it("../lib")
    assert found["spam"].vcs and found["lib"].dependencies == ("spam",)


def test_subdirectories_submodules_and_placeholders(lock_it: Locking, upstream: Path, tmp_path: Path, git: Git) -> None:
    part = tmp_path / "part"
    write(part, source("part"))
    git(part, "init", "-q", "-b", "main")
    commit(git, part)
    (tmp_path / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    git(upstream, "submodule", "--quiet", "add", f"file://{part}", "below/part")
    (upstream / ".gitattributes").write_text("said.txt export-subst\nbelow export-ignore\n")
    (upstream / "said.txt").write_text("$Format:%H$\n")
    head = commit(git, upstream)
    found = lock_it(f"part @ git+file://{upstream}#subdirectory=below/part")["part"]
    assert found.vcs and found.sdist and found.vcs.subdirectory == "below/part"
    archive = files.cache_path(lock_it.cache, found.sdist)
    listed = subprocess.run(["tar", "-xOf", archive, "repository/said.txt"], capture_output=True, text=True).stdout
    assert listed == f"{head}\n"
    archival = ["tar", "-xOf", str(archive), "repository/.git_archival.txt"]
    assert f"describe-name: v1-1-g{head[:12]}" in subprocess.run(archival, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("reference", "kind", "words"),
    [
        ("git+file://{}@nope", ResolveError, "has no revision `nope`"),
        ("git+file:///nowhere/at/all", NetworkError, "there is no repository `file:///nowhere/at/all`"),
        ("git+https://ada:s3cret-t0ken@127.0.0.1:9/x", NetworkError, "`https://127.0.0.1:9/x` can't be reached"),
        ("git+ssh://git@127.0.0.1:9/x", NetworkError, "`ssh://git@127.0.0.1:9/x`"),
        ("x @ git+file://{}#subdirectory=nowhere", ResolveError, "neither `pyproject.toml` nor `setup.py`"),
        ("eggs @ git+file://{}", ResolveError, "what is there is `spam`"),
        ("../nowhere", ResolveError, "requirements.txt, line 1: `../nowhere` is not there"),
        ("-e ../empty", ResolveError, "it has neither `pyproject.toml` nor `setup.py`"),
    ],
)
def test_what_is_not_there(
    lock_it: Locking, upstream: Path, tmp_path: Path, reference: str, kind: type[SnapshotError], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    found = lock_it.refused(reference.format(upstream))
    assert isinstance(found, kind) and words in found.message and found.hint
    assert PASSWORD not in found.message + found.hint


def test_without_ssh(lock_it: Locking) -> None:
    lock_it.environment["GIT_SSH_COMMAND"] = "/nowhere/ssh"
    found = lock_it.refused("spam @ git+ssh://git@127.0.0.1/spam")
    assert "cannot run /nowhere/ssh" in found.message and "GIT_SSH_COMMAND" in (found.hint or "")


def test_without_git(lock_it: Locking, upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = shutil.which("docker")
    assert docker
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").symlink_to(docker)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = lock_it.refused(f"spam @ git+file://{upstream}")
    assert found.exit_code == 3 and "`git`" in found.message


@pytest.mark.parametrize("line", ["../lib", "-e ../lib", "lib @ file://{}/lib", "../lib[more] ; python_version > '3'"])
def test_a_folder_beside_the_project(lock_it: Locking, tmp_path: Path, project: Path, line: str) -> None:
    lib = tmp_path / "lib"
    write(lib, source("lib"))
    found = lock_it(line.format(tmp_path))["lib"]
    path = str(lib) if "file:" in line else "../lib"
    assert found.sdist and found.sdist.path == path and found.wheel.name == "lib-1.0-py3-none-any.whl"
    assert lock_it.lock.sources.files[path] == f"sha256:{found.sdist.hashes['sha256']}"
    assert not (lib / "build").exists() and sorted(p.name for p in lib.iterdir()) == sorted(source("lib"))
    assert is_current(project, SETTINGS) is None
    (lib / "lib.py").write_text("x = 2\n")
    assert is_current(project, SETTINGS) == f"`{path}` has changed"
    assert lock_it()["lib"].sdist != found.sdist


def test_wheels_and_archives_beside_the_project(lock_it: Locking, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "spam-1.0-py3-none-any.whl").write_bytes(wheel("spam", "1.0"))
    (tmp_path / "dist" / "eggs-1.0.tar.gz").write_bytes(sdist("eggs"))
    found = lock_it("../dist/spam-1.0-py3-none-any.whl", "../dist/eggs-1.0.tar.gz")
    assert found["spam"].wheel.path == "../dist/spam-1.0-py3-none-any.whl" and found["spam"].sdist is None
    assert found["eggs"].sdist and found["eggs"].sdist.path == "../dist/eggs-1.0.tar.gz"
    other = Access(root=lock_it.project)
    assert len(fetch(lock_it.lock, cache_dir=tmp_path / "other", access=other, platform=lambda: BASE)) == 2


def test_files_are_found_for_pins(lock_it: Locking, index: Index) -> None:
    wanted = index.add("spam", "1.0")
    index.add("spam", "2.0"), index.add("eggs", "1.0")
    index.files["ham-1.0.tar.gz"] = sdist("ham", requires=["nowhere"])
    index.files["eggs-1.0-7-py3-none-any.whl"] = wheel("eggs", "1.0", "nowhere")
    eggs = hashlib.sha256(index.files["eggs-1.0-py3-none-any.whl"]).hexdigest()
    found = lock_it.find(
        Pin(name="spam", version="1.0"),
        Pin(name="eggs", version="1.0", hashes=(f"sha256:{'0' * 64}", f"sha256:{eggs}")),
        Pin(name="ham", version="1.0"),
    )
    assert found["spam"].wheel.hashes["sha256"] == wanted and found["spam"].index == index.url
    assert found["eggs"].wheel.name == "eggs-1.0-py3-none-any.whl"
    assert found["ham"].wheels == () and found["ham"].sdist and found["ham"].sdist.name == "ham-1.0.tar.gz"
    assert not any(path.endswith((".whl", ".gz")) for path in index.asked)


def test_all_pins_that_have_no_file_are_told(lock_it: Locking, index: Index) -> None:
    index.add("spam", "1.0")
    index.files["ham-1.0-cp39-cp39-win_amd64.whl"] = wheel("ham", "1.0")
    with pytest.raises(ResolveError) as caught:
        lock_it.find(
            Pin(name="spam", version="2.0"),
            Pin(name="ham", version="1.0"),
            Pin(name="nowhere", version="1.0"),
            Pin(name="spam", version="1.0", hashes=(f"sha256:{'0' * 64}",)),
        )
    message = caught.value.message
    assert "`spam==2.0` is not on the indexes; there are 1.0" in message
    assert "`ham==1.0` has no file for Python 3.11 on this base: wheels are for cp39 on win_amd64" in message
    assert "`nowhere==1.0` is not on the indexes" in message and "no file of `spam==1.0`" in message


def test_direct_references_among_pins(lock_it: Locking, index: Index, upstream: Path) -> None:
    index.files["eggs-1.0.tar.gz"] = sdist("eggs")
    url = index.url.replace("/simple", "/files/eggs-1.0.tar.gz")
    found = lock_it.find(
        Pin(name="spam", version=None, direct=f"git+file://{upstream}@v1"),
        Pin(name="eggs", version=None, direct=url),
    )
    assert found["spam"].vcs and found["spam"].version == "" and found["spam"].sdist
    assert found["eggs"].sdist and (found["eggs"].version, found["eggs"].sdist.url) == ("1.0", url)


def test_a_repository_of_a_notebook_is_named_with_its_cell(lock_it: Locking, index: Index, tmp_path: Path) -> None:
    cells = ["import json", "%pip install spam\n", f"%pip install 'ham @ git+file://{tmp_path}/nowhere'\n"]
    content = [{"cell_type": "code", "source": text} for text in cells]
    index.add("spam", "1.0")
    (lock_it.project / "a.ipynb").write_text(json.dumps({"cells": content, "metadata": {}, "nbformat": 4}))
    assert lock_it.refused().message.startswith("a.ipynb, code cell 3: ")
