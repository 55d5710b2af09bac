"""`snap lock` against a real engine, a real base and real indexes."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from snapshot.errors import IntegrityError, NetworkError, ResolveError, SnapshotError, UsageError
from snapshot.host.engine import Engine
from snapshot.lock.document import Lock
from snapshot.lock.locking import Settings, is_current, lock_project
from tests.integration.indexes import PASSWORD, USER, Index, wheel
from tests.integration.scenario import no_image

LockIt = Callable[..., tuple[Lock, bool]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "mein Projekt ñ"
    folder.mkdir()
    return folder


@pytest.fixture
def lock_it(
    engine: dict[str, str], index: Index, project: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> LockIt:
    """Lock the project with `index` as the only one."""
    for name in ("DOCKER_HOST", "DOCKER_CONFIG", "PATH"):
        if name in engine:
            monkeypatch.setenv(name, engine[name])
    monkeypatch.setenv("HOME", str(tmp_path))
    said: list[str] = []
    warned: list[str] = []

    def lock(
        *requirements: str, settings: Settings | None = None, environment: dict[str, str] | None = None, **more: object
    ):
        if requirements:
            (project / "requirements.txt").write_text("\n".join(requirements) + "\n")
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url, "PIP_RETRIES": "0", "NO_PROXY": "127.0.0.1"}
        return lock_project(
            project,
            settings or Settings(base="snapshot-base:bookworm"),
            Engine(),
            build=no_image,
            cache=cache,
            environment=pip | (environment or {}),
            say=said.append,
            warn=warned.append,
            **more,  # type: ignore[arg-type]
        )

    lock.said, lock.warned = said, warned  # type: ignore[attr-defined]
    return lock


def pins(lock: Lock) -> dict[str, str]:
    return {package.name: package.version for package in lock.packages}


def refused(lock_it: LockIt, *requirements: str, **more: object) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        lock_it(*requirements, **more)
    return caught.value


def test_a_lock_says_all_of_the_stack(lock_it: LockIt, index: Index, project: Path) -> None:
    sha256 = index.add("spam", "1.5", "Eggs>=2 ; python_version >= '3.8'", "ham ; python_version < '3'", python=">=3.8")
    index.add("spam", "1.0")
    index.add("eggs", "2.1")
    lock, changed = lock_it("spam  # the one")
    assert changed and pins(lock) == {"eggs": "2.1", "spam": "1.5"}
    spam = lock.packages[1]
    assert (spam.wheel.name, spam.wheel.sha256) == ("spam-1.5-py3-none-any.whl", "sha256:" + sha256)
    assert spam.wheel.url == index.url.replace("/simple", "/files/spam-1.5-py3-none-any.whl")
    assert (spam.index, spam.dependencies, spam.wheel.size) == (index.url, ("eggs",), None)
    assert lock.python.version.startswith("3.11.") and lock.python.platform.startswith("manylinux_2_")
    assert lock.os.id == "debian" and any(line.startswith("libc6 ") for line in lock.os.packages)
    assert all(" sha256:" in line for line in lock.os.packages)
    assert lock.base.reference == "snapshot-base:bookworm" and len(lock.base.layers) == 1
    assert lock.source_date_epoch > 1_700_000_000
    assert set(lock.sources.files) == {"requirements.txt"}


def test_a_second_lock_changes_no_byte_and_asks_nobody(lock_it: LockIt, index: Index, project: Path) -> None:
    index.add("spam", "1.0")
    lock_it("spam")
    before, asked = (project / "snap.lock").read_bytes(), len(index.asked)
    index.add("spam", "2.0")
    lock, changed = lock_it()
    assert (changed, pins(lock), len(index.asked)) == (False, {"spam": "1.0"}, asked)
    assert (project / "snap.lock").read_bytes() == before


def test_locking_anew_gives_the_same_bytes(lock_it: LockIt, index: Index, project: Path) -> None:
    index.add("spam", "1.0", "eggs")
    index.add("eggs", "1.0")
    lock_it("spam")
    before = (project / "snap.lock").read_bytes()
    (project / "snap.lock").unlink()
    assert lock_it()[1]
    assert (project / "snap.lock").read_bytes() == before


def test_pins_are_kept_until_an_upgrade(lock_it: LockIt, index: Index) -> None:
    for name in ("spam", "eggs"):
        index.add(name, "1.0")
    lock_it("spam", "eggs")
    for name in ("spam", "eggs"):
        index.add(name, "2.0"), index.add(name, "3.0")
    index.add("ham", "1.0")
    assert pins(lock_it("spam", "eggs", "ham")[0]) == {"spam": "1.0", "eggs": "1.0", "ham": "1.0"}
    assert pins(lock_it(upgrade_packages=["Spam<3"])[0]) == {"spam": "2.0", "eggs": "1.0", "ham": "1.0"}
    assert pins(lock_it(upgrade_packages=["spam"])[0]) == {"spam": "3.0", "eggs": "1.0", "ham": "1.0"}
    assert pins(lock_it("spam<3", "eggs", "ham")[0]) == {"spam": "2.0", "eggs": "1.0", "ham": "1.0"}
    assert pins(lock_it(upgrade=True)[0]) == {"spam": "2.0", "eggs": "3.0", "ham": "1.0"}
    assert pins(lock_it("spam")[0]) == {"spam": "2.0"}


def test_what_resolving_fetched_is_kept_for_the_build(lock_it: LockIt, index: Index, cache: Path) -> None:
    sha256 = index.add("spam", "1.0")
    lock_it("spam")
    kept = cache / "packages" / "sha256" / sha256[:2] / sha256 / "spam-1.0-py3-none-any.whl"
    assert kept.read_bytes() == index.files[kept.name]
    assert {path.stat().st_uid for path in cache.rglob("*")} == {os.getuid()}


def test_nothing_is_downloaded_twice(lock_it: LockIt, index: Index) -> None:
    index.add("spam", "1.0")
    lock_it("spam")
    lock_it("spam", upgrade=True)
    lock_it("spam", "# again")
    assert len([path for path in index.asked if path.endswith(".whl")]) <= 2  # one HEAD, one GET


def test_an_index_without_hashes(lock_it: LockIt, index: Index) -> None:
    index.with_hashes = False
    sha256 = index.add("spam", "1.0")
    assert lock_it("spam")[0].packages[0].wheel.sha256 == "sha256:" + sha256


@pytest.mark.parametrize("way", ["url", "netrc", "variable", "file"])
def test_credentials_are_used_and_land_nowhere(
    lock_it: LockIt,
    index: Index,
    project: Path,
    cache: Path,
    tmp_path: Path,
    way: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    index.protected = True
    index.add("spam", "1.0")
    requirements, environment = ["spam"], {}
    if way == "url":
        environment = {"PIP_INDEX_URL": index.with_credentials}
    elif way == "netrc":
        (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
        (tmp_path / ".netrc").chmod(0o600)
    elif way == "variable":
        requirements = ["--index-url " + index.url.replace("://", f"://{USER}:${{TOKEN}}@"), "spam"]
        environment = {"TOKEN": PASSWORD}
    else:
        requirements = [f"--index-url {index.with_credentials}", "spam"]
    lock, _ = lock_it(*requirements, environment=environment)
    assert lock.packages[0].index == index.url
    assert PASSWORD not in (project / "snap.lock").read_text()
    assert USER + ":" not in (project / "snap.lock").read_text()
    assert not any(PASSWORD.encode() in path.read_bytes() for path in cache.rglob("*") if path.is_file())
    assert PASSWORD not in "".join([*capfd.readouterr(), *lock_it.said])  # type: ignore[attr-defined]
    assert is_current(project, Settings(base="snapshot-base:bookworm")) is None


def test_credentials_are_not_in_the_process_list(lock_it: LockIt, index: Index) -> None:
    index.protected = True
    index.add("spam", "1.0")
    seen: list[str] = []
    plain = index.answer

    def look(path: str, authorization: str | None) -> tuple[int, str, bytes]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.append((process / "cmdline").read_text(errors="replace"))
            except OSError:
                continue
        listed = subprocess.run(["docker", "ps", "-q"], capture_output=True, text=True, check=True).stdout.split()
        seen.append(subprocess.run(["docker", "inspect", *listed], capture_output=True, text=True, check=False).stdout)
        return plain(path, authorization)

    index.answer = look  # type: ignore[method-assign]
    lock_it("spam", environment={"PIP_INDEX_URL": index.with_credentials})
    assert any("in_base.py" in text for text in seen)
    assert not any(PASSWORD in text for text in seen)


def test_wrong_credentials(lock_it: LockIt, index: Index) -> None:
    index.protected = True
    index.add("spam", "1.0")
    url = index.url.replace("://", "://ada:wr0ng@")
    found = refused(lock_it, "spam", environment={"PIP_INDEX_URL": url})
    assert isinstance(found, NetworkError) and "401" in found.message and found.hint and "netrc" in found.hint
    assert "wr0ng" not in found.message + (found.hint or "")


def test_an_index_that_does_not_answer(lock_it: LockIt) -> None:
    found = refused(lock_it, "spam", environment={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert isinstance(found, NetworkError) and "connection refused" in found.message
    assert found.exit_code == 7


def test_a_company_certificate(lock_it: LockIt, index: Index, certified: tuple[str, Path], project: Path) -> None:
    url, certificate = certified
    index.add("spam", "1.0")
    found = refused(lock_it, "spam", environment={"PIP_INDEX_URL": url})
    assert isinstance(found, NetworkError) and "CERTIFICATE_VERIFY_FAILED" in found.message
    assert not (project / "snap.lock").exists()
    for variable in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        (project / "snap.lock").unlink(missing_ok=True)
        lock, _ = lock_it("spam", environment={"PIP_INDEX_URL": url, variable: str(certificate)})
        assert pins(lock) == {"spam": "1.0"}
    assert str(certificate) not in (project / "snap.lock").read_text()


def test_a_find_links_folder(lock_it: LockIt, index: Index, tmp_path: Path, project: Path) -> None:
    for folder in (tmp_path / "wheels", project / "here"):
        folder.mkdir()
    (tmp_path / "wheels" / "spam-3.0+cpu-py3-none-any.whl").write_bytes(wheel("spam", "3.0+cpu"))
    (project / "here" / "eggs-1.0-py3-none-any.whl").write_bytes(wheel("eggs", "1.0"))
    index.add("spam", "3.0")
    lock, _ = lock_it(
        "--find-links here", "spam==3.0", "eggs", environment={"PIP_FIND_LINKS": str(tmp_path / "wheels")}
    )
    assert pins(lock) == {"spam": "3.0+cpu", "eggs": "1.0"}
    spam = lock.packages[1]
    assert (spam.wheel.path, spam.wheel.url, spam.index) == (str(tmp_path / "wheels" / spam.wheel.name), None, None)
    assert spam.wheel.hashes["sha256"] == hashlib.sha256(wheel("spam", "3.0+cpu")).hexdigest()


def test_an_index_on_disk_beside_a_server(lock_it: LockIt, index: Index, tmp_path: Path) -> None:
    page, data = tmp_path / "index" / "simple" / "spam" / "index.html", wheel("spam", "1.0")
    page.parent.mkdir(parents=True)
    (tmp_path / "index" / "files").mkdir()
    (tmp_path / "index" / "files" / "spam-1.0-py3-none-any.whl").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    page.write_text(f'<a href="../../files/spam-1.0-py3-none-any.whl#sha256={sha256}">spam-1.0-py3-none-any.whl</a>')
    where = f"file://{tmp_path}/index/simple"
    lock, _ = lock_it("spam", environment={"PIP_EXTRA_INDEX_URL": where})
    assert (lock.packages[0].index, lock.packages[0].wheel.url) == (where, None)
    index.add("spam", "1.0")
    lock, _ = lock_it("spam", upgrade=True, environment={"PIP_EXTRA_INDEX_URL": where})
    # The same bytes are on a server: other machines find them there.
    assert lock.packages[0].index == index.url and lock.packages[0].wheel.url


def test_files_outside_the_project(lock_it: LockIt, index: Index, project: Path) -> None:
    index.add("spam", "1.0")
    (project.parent / "common files.txt").write_text("spam\n")
    lock, _ = lock_it('-r "../common files.txt"')
    assert pins(lock) == {"spam": "1.0"} and set(lock.sources.files) == {"requirements.txt", "../common files.txt"}


def test_requirements_of_the_configuration(lock_it: LockIt, index: Index, project: Path) -> None:
    index.add("spam", "1.0"), index.add("eggs", "1.0"), index.add("eggs", "2.0")
    (project / "limits.txt").write_text("eggs<2\n")
    settings = Settings(base="snapshot-base:bookworm", requirements=("spam", "eggs", "-c limits.txt"))
    assert pins(lock_it(settings=settings)[0]) == {"spam": "1.0", "eggs": "1.0"}


def test_no_requirements_make_a_lock_without_packages(lock_it: LockIt) -> None:
    lock, changed = lock_it()
    assert changed and lock.packages == () and lock.python.platform.startswith("manylinux_2_")
    assert any("no packages" in text for text in lock_it.said)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("requirements", "kind", "words"),
    [
        (["spam", "foo bar"], UsageError, "requirements.txt, line 2: `foo bar` is not a requirement"),
        (["spam", "", "--frobnicate"], UsageError, "requirements.txt, line 3: `--frobnicate` is not a requirement"),
        (["nospam"], ResolveError, "no version of `nospam`"),
        (["spam==7"], ResolveError, "fits Python 3.11; there are 1.0, 2.0"),
        (["spam<2", "eggs"], ResolveError, "spam<2 (requirements.txt, line 1); eggs 1.0 depends on spam>=2"),
        (["spam<2", "spam>=2"], ResolveError, "spam>=2 (requirements.txt, line 2)"),
        (["spam @ http://nohost.invalid/spam-1.0-py3-none-any.whl"], NetworkError, "`http://nohost.invalid/spam-1.0"),
        (["future"], ResolveError, "`future` needs another Python than 3.11: >=3.99"),
        (["-e ."], UsageError, "requirements.txt, line 1: `.` is no project"),
        (["spam @ hg+https://127.0.0.1/spam"], ResolveError, "no package of an index"),
    ],
)
def test_what_can_not_be_resolved(
    lock_it: LockIt, index: Index, project: Path, requirements: list[str], kind: type[SnapshotError], words: str
) -> None:
    index.add("spam", "1.0"), index.add("spam", "2.0"), index.add("eggs", "1.0", "spam>=2")
    index.add("future", "1.0", python=">=3.99")
    found = refused(lock_it, *requirements)
    assert isinstance(found, kind) and words in found.message
    assert found.hint and "Traceback" not in found.message
    assert not (project / "snap.lock").exists()


def test_hashes_in_requirements_are_kept_to(lock_it: LockIt, index: Index, project: Path) -> None:
    right, wrong = index.add("hashed", "1.0"), "0" * 64
    lock, _ = lock_it(f"hashed==1.0 --hash=sha256:{wrong} \\", f"    --hash=sha256:{right.upper()}")
    assert lock.packages[0].wheel.hashes["sha256"] == right
    (project / "snap.lock").unlink()
    for kind, digits in {"sha256": wrong, "sha512": "0" * 128}.items():
        found = refused(lock_it, f"hashed==1.0 --hash={kind}:{digits}")
        assert isinstance(found, IntegrityError)
        assert "requirements.txt, line 1: `hashed-1.0-py3-none-any.whl`" in found.message and right in found.message
    sha512 = hashlib.sha512(index.files["hashed-1.0-py3-none-any.whl"]).hexdigest()
    assert pins(lock_it(f"hashed==1.0 --hash=sha512:{sha512}")[0]) == {"hashed": "1.0"}


def test_a_wrong_hash_of_a_file_that_was_never_seen(lock_it: LockIt, index: Index) -> None:
    right = index.add("neverseen", "1.0")
    found = refused(lock_it, f"neverseen==1.0 --hash=sha256:{'0' * 64}")
    assert isinstance(found, IntegrityError) and "requirements.txt, line 1" in found.message
    assert right in found.message


def test_of_several_wheels_the_one_whose_hash_is_given(lock_it: LockIt, index: Index) -> None:
    sha256 = index.add("spam", "1.0")
    index.files["spam-1.0-7-py3-none-any.whl"] = wheel("spam", "1.0", "nowhere")
    lock, _ = lock_it(f"spam==1.0 --hash=sha256:{sha256}")
    assert lock.packages[0].wheel.name == "spam-1.0-py3-none-any.whl"


@pytest.mark.parametrize("lines", [["--require-hashes", "spam==1.0"], ["eggs==1.0 --hash=sha256:{}"]])
def test_hashes_are_given_for_all_or_for_none(lock_it: LockIt, index: Index, lines: list[str]) -> None:
    index.add("spam", "1.0")
    eggs = index.add("eggs", "1.0", "spam")
    found = refused(lock_it, *(line.format(eggs) for line in lines))
    assert isinstance(found, ResolveError) and "gives none for spam==1.0" in found.message


def test_a_release_of_python(lock_it: LockIt, index: Index, project: Path) -> None:
    index.add("spam", "1.0")
    found = refused(lock_it, "spam", settings=Settings(base="snapshot-base:bookworm", python="3.11.99"))
    assert isinstance(found, ResolveError) and "has Python 3.11." in found.message
    assert found.hint and '`python = "3.11"`' in found.hint
    (project / ".python-version").write_text("3.11.77\n")
    lock, _ = lock_it("spam")
    said = f"Python {lock.python.version}; `.python-version` says 3.11.77"
    assert said in lock_it.said  # type: ignore[attr-defined]
    assert is_current(project, Settings(base="snapshot-base:bookworm")) is None


def test_an_index_that_was_not_asked_is_a_warning(lock_it: LockIt, index: Index) -> None:
    index.add("spam", "1.0")
    lock_it("spam", environment={"PIP_EXTRA_INDEX_URL": "http://127.0.0.1:9/simple"})
    (warning,) = lock_it.warned  # type: ignore[attr-defined]
    assert warning == "went without an index: `http://127.0.0.1:9/simple/` can't be fetched: connection refused"


def test_a_base_with_another_python(lock_it: LockIt, index: Index) -> None:
    index.add("spam", "1.0")
    found = refused(lock_it, "spam", settings=Settings(base="snapshot-base:bookworm", python="3.12"))
    assert "has Python 3.11" in found.message and "3.12 (configuration)" in found.message


def test_a_base_that_can_not_be_had(lock_it: LockIt) -> None:
    found = refused(lock_it, "spam", settings=Settings(base="127.0.0.1:9/nothing:1"))
    assert isinstance(found, NetworkError) and found.hint and "scripts/build-base" in found.hint


def test_without_a_configured_base_one_at_hand_is_chosen(lock_it: LockIt, index: Index) -> None:
    index.add("spam", "1.0")
    lock, _ = lock_it("spam", settings=Settings(python="3.11"))
    assert lock.base.reference.startswith("snapshot-base:bookworm") and lock.sources.base.endswith("(chosen)")


def test_the_users_own_index(engine: dict[str, str], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the pip configuration of this machine as it is: the public index, or what stands in for it."""
    monkeypatch.setenv("DOCKER_HOST", engine["DOCKER_HOST"])
    (project / "requirements.txt").write_text("numpy>=2\nscikit-learn\n")
    lock, _ = lock_project(project, Settings(python="3.11"), Engine(), build=no_image)
    assert {"numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl"} <= set(pins(lock))
    numpy = next(package for package in lock.packages if package.name == "numpy")
    assert "cp311" in numpy.wheel.name and len(numpy.wheel.hashes["sha256"]) == 64
    assert lock.frameworks["scikit-learn"] == pins(lock)["scikit-learn"]
